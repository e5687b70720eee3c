import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { expectedProduct } from '../../../app/tile/product.ts';
import { compareProduct, type ProductComparison, type ProductDifference } from '../../../app/tile/product-compare.ts';
import { productRow } from '../../../app/tile/product-instruction.ts';
import { brokenProductRules, type ProductExtents, productExtents } from '../../../app/tile/product-shape.ts';
import { memoizeKeyed } from '../base/memoize.ts';
import type { Provenance } from '../select/provenance.ts';
import { selectProvenance } from '../select/selectors.ts';
import type { State } from '../state/state.ts';
import type { ProductChoice } from '../state/tiles.ts';
import { selectTileConfig, tileBytes } from './tile-scenes.ts';

/** What a product would have left in C, beside what is there. */
export type ProductCheck =
  /** The instruction would not have executed; each broken condition in words. */
  | { readonly kind: 'refused'; readonly sentences: readonly string[] }
  | {
      readonly kind: 'compared';
      readonly comparison: ProductComparison;
      readonly expected: Uint8Array;
      /** C as it stood before the instruction. */
      readonly before: Uint8Array;
      readonly found: Uint8Array;
      readonly a: Uint8Array;
      readonly b: Uint8Array;
      readonly extents: ProductExtents;
    };

const ZEROS = new Uint8Array(TILE_STRIDE_BYTES);

/** C before the instruction, or why it is not known. */
const accumulatorOf = (state: State, { accumulator, operands }: ProductChoice): Uint8Array | string => {
  const of = (capture: Capture | undefined, tile: number, what: string): Uint8Array | string =>
    capture === undefined ? `${what} is not in the history` : (tileBytes(capture, tile) ?? `${what} has no tiles`);
  switch (accumulator.kind) {
    case 'zero':
      return ZEROS;
    case 'previous':
      return of(state.stops[state.at - 1]?.capture, operands.c, 'a stop before this one');
    case 'stop': {
      const stop = state.stops.find(({ number }) => number === accumulator.number);
      return of(stop?.capture, operands.c, `stop ${accumulator.number}`);
    }
    case 'tile':
      return of(state.stops[state.at]?.capture, accumulator.tile, `tmm${accumulator.tile}`);
  }
};

const accumulators = new WeakMap<Uint8Array, number>();
let lastAccumulator = 0;
/** A number for each accumulator's bytes, as part of a key: the same bytes object gives the same number. */
const accumulatorId = (bytes: Uint8Array): number => {
  const known = accumulators.get(bytes);
  if (known !== undefined) return known;
  lastAccumulator += 1;
  accumulators.set(bytes, lastAccumulator);
  return lastAccumulator;
};

const check = (state: State, provenance: Provenance, choice: ProductChoice): ProductCheck => {
  const config = selectTileConfig(state)?.config;
  if (config === undefined) return { kind: 'refused', sentences: ['nothing was read'] };
  const rules = brokenProductRules(config, choice.operands);
  if (rules.length > 0) return { kind: 'refused', sentences: rules.map(({ sentence }) => sentence) };
  const shown = provenance.staged ?? provenance.now;
  const [found, a, b] = (['c', 'a', 'b'] as const).map((name) => tileBytes(shown, choice.operands[name]));
  const before = accumulatorOf(state, choice);
  if (typeof before === 'string') return { kind: 'refused', sentences: [before] };
  if (found == null || a == null || b == null) return { kind: 'refused', sentences: ['this image has no tiles'] };
  const extents = productExtents(config, choice.operands);
  const expected = expectedProduct(choice.instruction, { c: before, a, b }, extents);
  if (!expected.ok) return { kind: 'refused', sentences: [describeProblem(expected.problem)] };
  const { c } = productRow(choice.instruction);
  const type = c === 'i32' || c === 'u32' ? c : 'f32';
  const comparison = compareProduct(expected.value, found, extents.c, type);
  return { kind: 'compared', comparison, expected: expected.value, before, found, a, b, extents };
};

const tables = memoizeKeyed((_: Provenance, key: string): { value: ProductCheck | null; readonly key: string } => ({
  value: null,
  key,
}));

/** The check that is chosen, at the stop on screen; null: none is. Computed once for each stop and choice. */
export const selectProductCheck = (state: State): ProductCheck | null => {
  const provenance = selectProvenance(state);
  const choice = state.product;
  if (provenance === null || choice === null) return null;
  const before = accumulatorOf(state, choice);
  const id = typeof before === 'string' ? before : accumulatorId(before);
  const slot = tables(provenance, `${JSON.stringify(choice)} ${id}`);
  slot.value ??= check(state, provenance, choice);
  return slot.value;
};

const NO_DIFFERENCES: readonly ProductDifference[] = [];
/** Differences that lie in this tile: those of C, and none elsewhere. */
export const selectDifferences =
  (tile: number) =>
  (state: State): readonly ProductDifference[] => {
    const found = state.product?.operands.c === tile ? selectProductCheck(state) : null;
    return found?.kind === 'compared' ? found.comparison.differences : NO_DIFFERENCES;
  };
