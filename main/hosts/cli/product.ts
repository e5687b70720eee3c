import type { Answer } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { sumTypeOf } from '../../../app/debug/traced-products.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { tileConfigOf } from '../../../app/tile/config.ts';
import { TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { expectedProduct } from '../../../app/tile/product.ts';
import { compareProduct } from '../../../app/tile/product-compare.ts';
import { restsOn } from '../../../app/tile/product-instruction.ts';
import { brokenProductRules, productExtents } from '../../../app/tile/product-shape.ts';
import { tileBytes } from '../../../app/tile/tile-bytes.ts';

import { stateOfFile } from './files.ts';
import type { HostOf } from './host.ts';
import { jsonText, type Output } from './output.ts';
import { type Compared, cellOf, cellTable, outsideWords } from './product-cells.ts';
import type { OneProductCommand } from './product-words.ts';
import { stateFrom } from './states.ts';

/** `tilescope product FILE C A B --instruction NAME`: C as it is, beside what the instruction would have left there. */

const ZEROS = new Uint8Array(TILE_STRIDE_BYTES);

const noTiles = (where: string) => refuse('not-allowed', 'this image has no room for tiles', { where });

/** What C held before: nothing but zeros, or what the named state says. */
const accumulator = async ({
  before,
  tiles,
}: OneProductCommand): Promise<Answer<{ bytes: Uint8Array; note: string }>> => {
  if (before === null) return answer({ bytes: ZEROS, note: '' });
  const state = await stateOfFile(before);
  if (!state.ok) return state;
  const bytes = tileBytes(state.value.capture.image, tiles.c);
  return bytes === null ? noTiles(before.path) : answer({ bytes, note: state.value.note });
};

const checked = (capture: Capture, command: OneProductCommand, before: Uint8Array): Answer<Compared> => {
  const { instruction, tiles } = command;
  const config = tileConfigOf(capture.image);
  if (!config.ok) return refuseProblem('not-allowed', config.problem);
  const [rule] = brokenProductRules(config.value, tiles);
  if (rule !== undefined) return refuse('not-allowed', `${instruction} raises #UD: ${rule.sentence}`);
  const [found, a, b] = [tiles.c, tiles.a, tiles.b].map((tile) => tileBytes(capture.image, tile));
  if (found == null || a == null || b == null) return noTiles(capture.facts.target.name);
  const extents = productExtents(config.value, tiles);
  const expected = expectedProduct(instruction, { c: before, a, b }, extents);
  if (!expected.ok) return refuseProblem('not-allowed', expected.problem);
  const type = sumTypeOf(instruction);
  const comparison = compareProduct(expected.value, found, extents.c, type);
  return answer({ comparison, type, expected: expected.value, found });
};

const words = ({ instruction, tiles, before }: OneProductCommand, check: Compared): string => {
  const { cells, differences } = check.comparison;
  const from = before === null ? 'zero' : before.path;
  const lines = [`${instruction}: tmm${tiles.c} += tmm${tiles.a} · tmm${tiles.b}, C before: ${from}\n`];
  const rests = restsOn(instruction);
  if (rests !== null) lines.push(`rests on ${rests}\n`);
  lines.push(
    differences.length === 0
      ? `all ${cells} cells are what the instruction leaves\n`
      : `${differences.length} of ${cells} cells differ\n`,
  );
  if (differences.length > 0) lines.push(cellTable(check));
  lines.push(outsideWords(check.comparison));
  return lines.join('');
};

/** `product`: compares a tile with what the instruction would have given. Exit code 1 where it differs. */
export const product = async (host: HostOf, command: OneProductCommand): Promise<Answer<Output>> => {
  const before = await accumulator(command);
  if (!before.ok) return before;
  const state = await stateFrom(host, command.from);
  if (!state.ok) return state;
  const check = checked(state.value.capture, command, before.value.bytes);
  if (!check.ok) return check;
  const { comparison } = check.value;
  const isEqual = comparison.differences.length === 0 && comparison.nonZeroOutside === 0;
  const { instruction, tiles } = command;
  const json = {
    ...{ instruction, c: `tmm${tiles.c}`, a: `tmm${tiles.a}`, b: `tmm${tiles.b}` },
    ...{ before: command.before?.path ?? null, restsOn: restsOn(instruction) },
    ...{ equal: isEqual, cells: comparison.cells, nonZeroOutside: comparison.nonZeroOutside },
    differences: comparison.differences.map((one) => cellOf(check.value, one)),
  };
  return answer({
    text: command.json ? jsonText(json) : words(command, check.value),
    code: isEqual ? EXIT.done : EXIT.refused,
    note: before.value.note + state.value.note,
  });
};
