import type { CodeView } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { type LoopStop, tracedLoop } from '../../app/fixtures/traced-loop.ts';

/** A played guest that goes round a loop of one tile product, and what it shows of its code. */

const WRONG = tracedLoop('TDPBSSD', 3, (tiles, round) => {
  if (round === 1) tiles[64 * 2 + 4] = (tiles[64 * 2 + 4] ?? 0) ^ 0x10;
});

/** Its second product leaves one element wrong. */
export const MISCALCULATING = {
  ...{ pid: 48502, name: 'amx-wrong', states: WRONG },
  capture: (): Capture => (WRONG[0] as LoopStop).capture,
};

const shown = (value: bigint): string => `0x${value.toString(16)}`;

/** The code of a guest that goes through states: each of them says what is next there. */
export const loopView = (states: readonly LoopStop[], rip: bigint): CodeView => {
  const texts = ['tdpbssd tmm0,tmm1,tmm2', 'nop', 'jmp 0x401000'];
  const lines = states.slice(0, 3).map(({ capture, code }, at) => {
    const address = capture.facts.general?.rip ?? 0n;
    const bytes = Buffer.from(code)
      .toString('hex')
      .replaceAll(/..(?=.)/g, '$& ');
    const named = { symbol: null, target: null, reads: [], writes: at === 0 ? ['tmm0'] : [] };
    return { address: shown(address), bytes, text: texts[at] ?? '', next: address === rip, ...named };
  });
  const nothing = { uses: [], tile: null, tileConfig: null, area: null };
  return { rip: shown(rip), who: '64-bit code, CPL 3 (user), CR3 0x1000', lines, ...nothing, translations: 41 };
};
