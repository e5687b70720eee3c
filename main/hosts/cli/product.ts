import { readU32 } from '../../../app/bits/bytes.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { EXIT } from '../../../app/refusals/codes.ts';
import { answer, refuse, refuseProblem } from '../../../app/refusals/refusal.ts';
import { tileConfigOf } from '../../../app/tile/config.ts';
import { TILE_STRIDE_BYTES, tileByteOffset } from '../../../app/tile/geometry.ts';
import { expectedProduct } from '../../../app/tile/product.ts';
import { compareProduct, type ProductComparison, type ProductDifference } from '../../../app/tile/product-compare.ts';
import { productRow, restsOn } from '../../../app/tile/product-instruction.ts';
import { brokenProductRules, productExtents } from '../../../app/tile/product-shape.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import type { ProductCommand } from './arguments.ts';
import { stateOfFile } from './files.ts';
import type { HostOf } from './host.ts';
import { jsonText, type Output, table } from './output.ts';
import { stateFrom } from './states.ts';

/** `tilescope product FILE C A B --instruction NAME`: C as it is, beside what the instruction would have left there. */

const ZEROS = new Uint8Array(TILE_STRIDE_BYTES);

/** The tile's 1024 bytes; null: the image has no room for tiles. */
const tileOf = ({ image }: Capture, tile: number): Uint8Array | null => {
  const view = viewComponent(image, BIT.XTILEDATA);
  if (view.state === 'absent') return null;
  const at = tileByteOffset(tile, 0);
  return view.state === 'init' ? ZEROS : view.bytes.subarray(at, at + TILE_STRIDE_BYTES);
};

const noTiles = (where: string) => refuse('not-allowed', 'this image has no room for tiles', { where });

/** What C held before: nothing but zeros, or what the named state says. */
const accumulator = async ({ before, tiles }: ProductCommand): Promise<Answer<{ bytes: Uint8Array; note: string }>> => {
  if (before === null) return answer({ bytes: ZEROS, note: '' });
  const state = await stateOfFile(before);
  if (!state.ok) return state;
  const bytes = tileOf(state.value.capture, tiles.c);
  return bytes === null ? noTiles(before.path) : answer({ bytes, note: state.value.note });
};

type SumType = 'i32' | 'u32' | 'f32';

interface Checked {
  readonly comparison: ProductComparison;
  readonly type: SumType;
  readonly expected: Uint8Array;
  readonly found: Uint8Array;
}

const checked = (capture: Capture, command: ProductCommand, before: Uint8Array): Answer<Checked> => {
  const { instruction, tiles } = command;
  const config = tileConfigOf(capture.image);
  if (!config.ok) return refuseProblem('not-allowed', config.problem);
  const [rule] = brokenProductRules(config.value, tiles);
  if (rule !== undefined) return refuse('not-allowed', `${instruction} raises #UD: ${rule.sentence}`);
  const [found, a, b] = [tiles.c, tiles.a, tiles.b].map((tile) => tileOf(capture, tile));
  if (found == null || a == null || b == null) return noTiles(capture.facts.target.name);
  const extents = productExtents(config.value, tiles);
  const expected = expectedProduct(instruction, { c: before, a, b }, extents);
  if (!expected.ok) return refuseProblem('not-allowed', expected.problem);
  const { c } = productRow(instruction);
  const type: SumType = c === 'i32' || c === 'u32' ? c : 'f32';
  const comparison = compareProduct(expected.value, found, extents.c, type);
  return answer({ comparison, type, expected: expected.value, found });
};

const hex = (bits: number): string => `0x${bits.toString(16).padStart(8, '0')}`;

const cellOf = ({ type, expected, found }: Checked, { row, column, offsetBytes, distance }: ProductDifference) => ({
  row,
  column,
  expected: printTileElement(type, expected, offsetBytes),
  found: printTileElement(type, found, offsetBytes),
  expectedBits: hex(readU32(expected, offsetBytes)),
  foundBits: hex(readU32(found, offsetBytes)),
  distance,
});

const words = ({ instruction, tiles, before }: ProductCommand, check: Checked): string => {
  const { cells, differences, nonZeroOutside } = check.comparison;
  const from = before === null ? 'zero' : before.path;
  const lines = [`${instruction}: tmm${tiles.c} += tmm${tiles.a} · tmm${tiles.b}, C before: ${from}\n`];
  const rests = restsOn(instruction);
  if (rests !== null) lines.push(`rests on ${rests}\n`);
  lines.push(
    differences.length === 0
      ? `all ${cells} cells are what the instruction leaves\n`
      : `${differences.length} of ${cells} cells differ\n`,
  );
  if (differences.length > 0) {
    const rows = differences.map((one) => {
      const cell = cellOf(check, one);
      const steps = cell.distance === null ? '' : String(cell.distance);
      return [`  [${cell.row}][${cell.column}]`, cell.expected, cell.found, cell.expectedBits, cell.foundBits, steps];
    });
    lines.push(table([['  CELL', 'EXPECTED', 'FOUND', 'BITS', 'BITS FOUND', 'APART'], ...rows]));
  }
  if (nonZeroOutside > 0) {
    lines.push(`${nonZeroOutside} bytes outside the configured shape are not zero; the instruction leaves them zero\n`);
  }
  return lines.join('');
};

export const product = async (host: HostOf, command: ProductCommand): Promise<Answer<Output>> => {
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
