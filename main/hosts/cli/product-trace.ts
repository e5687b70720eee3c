import type { Answer } from '../../../app/bridge.ts';
import {
  checkTracedProducts,
  type TracedProduct,
  type TracedProducts,
  type TracedStop,
} from '../../../app/debug/traced-products.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { executionOf } from '../../../app/session/execution.ts';
import { parseSessionText } from '../../../app/session/session-document.ts';
import { restsOn } from '../../../app/tile/product-instruction.ts';
import { readBytes } from '../../io/captures.ts';
import { readCodeFile } from './code-file.ts';
import { jsonText, type Output } from './output.ts';
import { cellOf, cellTable, outsideWords } from './product-cells.ts';
import type { TracedProductsCommand } from './product-words.ts';

/** `tilescope product SESSION.json` and `tilescope trace --check`: every tile product that a trace executed. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const text = ({ instruction, c, a, b }: TracedProduct): string => `${instruction} tmm${c}, tmm${a}, tmm${b}`;

const about = (one: TracedProduct) => ({
  ...{ stop: one.stop, rip: hex(one.rip), instruction: one.instruction },
  ...{ c: `tmm${one.c}`, a: `tmm${one.a}`, b: `tmm${one.b}` },
});

/** What was checked of a trace, for --json. */
export const tracedJson = ({ checked, differing, unchecked, unknownSteps }: TracedProducts) => ({
  ...{ checked, unknownSteps },
  differing: differing.map((one) => ({
    ...about(one),
    ...{ restsOn: restsOn(one.instruction), cells: one.comparison.cells },
    nonZeroOutside: one.comparison.nonZeroOutside,
    differences: one.comparison.differences.map((cell) => cellOf(one, cell)),
  })),
  unchecked: unchecked.map((one) => ({ ...about(one), why: one.why })),
});

const MOST_CELLS = 8;

/** What was checked of a trace, in words; `path` is the session that holds it. */
export const tracedText = ({ checked, differing, unchecked, unknownSteps }: TracedProducts, path: string): string => {
  const lines = [
    `${checked} tile products checked against the reference, ${differing.length === 0 ? 'none differs' : `${differing.length} differ`}\n`,
  ];
  for (const one of differing) {
    const { cells, differences } = one.comparison;
    lines.push(
      `${path}@${one.stop}, rip ${hex(one.rip)}: ${text(one)}: ${differences.length} of ${cells} cells differ\n`,
    );
    const rests = restsOn(one.instruction);
    if (rests !== null) lines.push(`  rests on ${rests}\n`);
    if (differences.length > 0) lines.push(cellTable(one, MOST_CELLS));
    lines.push(outsideWords(one.comparison));
  }
  for (const one of unchecked) lines.push(`${path}@${one.stop}, rip ${hex(one.rip)}: ${text(one)}: ${one.why}\n`);
  if (unknownSteps > 0) lines.push(`of ${unknownSteps} steps the instruction is not known\n`);
  return lines.join('');
};

/** Whether all is as it should be: what could not be looked at is not. */
export const areRight = ({ differing, unchecked }: TracedProducts): boolean =>
  differing.length === 0 && unchecked.length === 0;

/** `product FILE`: checks every tile product of a trace. Exit code 1 where one differs. */
export const tracedProducts = async (command: TracedProductsCommand): Promise<Answer<Output>> => {
  const { path, code, json } = command;
  const bytes = await readBytes(path);
  if (!bytes.ok) return bytes;
  const session = parseSessionText(new TextDecoder().decode(bytes.value));
  if (!session.ok) {
    return refuseProblem('file', session.problem, {
      where: path,
      remedy: 'Without C A B and --instruction, product takes a session file, such as trace writes',
    });
  }
  const file = code === null ? null : readCodeFile(code);
  if (file !== null && !file.ok) return file;
  const stops = session.value.stops.map((stop): TracedStop => {
    const own = stop.code ?? null;
    const next = own !== null || file === null ? null : (executionOf(stop.kept.facts)?.next ?? null);
    return {
      ...{ number: stop.number, cause: stop.cause, code: own ?? (next === null ? null : (file?.value(next) ?? null)) },
      get capture() {
        return stop.capture;
      },
    };
  });
  if (stops.every((stop) => stop.code === null)) {
    return refuse('not-allowed', 'no instruction of this session is known', {
      where: path,
      remedy: 'A trace whose guest memory is proved holds them; --code FILE@ADDR names a file that does',
    });
  }
  const found = checkTracedProducts(stops);
  const shown = json ? jsonText({ stops: stops.length, ...tracedJson(found) }) : tracedText(found, path);
  return answer({ text: shown, code: areRight(found) ? EXIT.done : EXIT.refused, note: '' });
};
