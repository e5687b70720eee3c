import { REGISTER_GROUPS } from '../../../app/xsave/components.ts';

/** How well a text answers what was typed: higher is better, null is not at all. */
export const matchScore = (text: string, wanted: string): number | null => {
  const [hay, needle] = [text.toLowerCase(), wanted.trim().toLowerCase()];
  if (needle === '') return 0;
  const at = hay.indexOf(needle);
  if (at === 0) return 1000;
  if (at > 0) return /[a-z0-9]/.test(hay[at - 1] ?? '') ? 700 : 900;
  const words = hay.split(/[^a-z0-9]+/);
  // "run end" for "Run to end": each word typed begins one of the text's, in any order.
  if (needle.split(/\s+/).every((part) => words.some((word) => word.startsWith(part)))) return 600;
  return inOrder(hay, needle);
};

/** Letters in the order typed: "rstl" for "Reset layout". Only where most of them begin words or follow one another. */
const inOrder = (hay: string, needle: string): number | null => {
  let from = 0;
  let jumps = 0;
  for (const letter of needle.replaceAll(/\s+/g, '')) {
    const at = hay.indexOf(letter, from);
    if (at < 0) return null;
    const begins = at === 0 || /[^a-z0-9]/.test(hay[at - 1] ?? '');
    if (at !== from && !begins) jumps += 1;
    from = at + 1;
  }
  return needle.length < 3 || jumps > needle.length / 2 ? null : 300 - 10 * jumps;
};

/** Other words that people look for an act by. */
export const SYNONYMS: Readonly<Record<string, string>> = {
  theme: 'theme colour color appearance mode',
  'time-axis': 'timeline clock axis',
  'text-larger': 'font size zoom bigger text',
  'text-smaller': 'font size zoom text',
  'text-usual': 'font size zoom reset text',
  continue: 'resume run go',
  freeze: 'freeze stop halt break suspend',
  'toggle-breakpoint': 'bp stop at toggle',
  'many-steps': 'count instructions steps',
  symbols: 'names elf system.map debug',
  capture: 'snapshot read refresh look again',
  step: 'next single instruction into over',
  'run-to-end': 'finish all continue',
  'run-back': 'rewind reverse undo run',
  apply: 'write commit send set',
  discard: 'cancel drop revert',
  undo: 'back revert take back',
  redo: 'again repeat',
  restore: 'reset put back give back revert',
  xfd: 'nm arming lazy amx permission',
  tiles: 'amx tmm matrix heat',
  registers: `zmm ymm xmm ${REGISTER_GROUPS.map(({ group }) => group).join(' ')}`,
  overview: 'layout map bits ledger xsave size',
  compare: 'diff difference against',
  inspector: 'details properties',
  program: 'disassembly code listing',
  'watch-pane': 'watches expressions',
  'watch-selected': 'follow pin add watch',
  'history-pane': 'timeline stops',
  components: 'xstate list rail',
  'reset-layout': 'panes docks windows default',
  'previous-stop': 'back',
  'next-stop': 'forward',
  flip: 'order reverse endian lanes',
  'open-file': 'load core image snapshot session',
  'save-session': 'export download store',
  'copy-as': 'export clipboard numpy json hex c download',
  detach: 'close leave exit quit end',
  attach: 'connect open',
  'attach-frozen': 'connect pause stop',
  demo: 'example guest try',
  refresh: 'reload scan list targets',
  find: 'search value pattern bytes locate grep',
  plot: 'graph chart curve histogram profile diagram timeline components',
  difference: 'minus subtract delta tiles matrix',
  beside: 'split side by side two views compare',
  help: 'shortcuts keyboard keys bindings',
};
