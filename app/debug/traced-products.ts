import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { type TileProduct, tileProductAt } from '../disas/tile-product.ts';
import { executionOf } from '../session/execution.ts';
import { tileConfigOf } from '../tile/config.ts';
import { expectedProduct } from '../tile/product.ts';
import { compareProduct, type ProductComparison } from '../tile/product-compare.ts';
import { PRODUCTS, type ProductInstruction, productRow } from '../tile/product-instruction.ts';
import { brokenProductRules, productExtents } from '../tile/product-shape.ts';
import { tileBytes } from '../tile/tile-bytes.ts';

/** Every tile product that a trace executed, beside the reference arithmetic. */

/** A stop of a trace: the state, and the bytes of the instruction that is next there. */
export interface TracedStop {
  readonly number: number;
  readonly cause: string;
  /** Put together when it is asked for: asked of the stops alone between which a product was executed. */
  readonly capture: Capture;
  /** 15 at most; null or left out: not known, or a step that follows is more than this one instruction behind. */
  readonly code?: Uint8Array | null;
}

/** A product that was executed between two stops. */
export interface TracedProduct {
  /** Number of the stop that it left. */
  readonly stop: number;
  /** Linear address of the instruction. */
  readonly rip: bigint;
  readonly instruction: ProductInstruction;
  readonly c: number;
  readonly a: number;
  readonly b: number;
}

export type SumType = 'i32' | 'u32' | 'f32';

/** One that did not leave what the reference says. */
export interface DifferingProduct extends TracedProduct {
  readonly type: SumType;
  /** What C should hold, and what it holds: 1024 bytes each. */
  readonly expected: Uint8Array;
  readonly found: Uint8Array;
  readonly comparison: ProductComparison;
}

/** A product that could not be compared, and why: a phrase without a full stop. */
export interface UncheckedProduct extends TracedProduct {
  readonly why: string;
}

export interface TracedProducts {
  /** Products that were executed and compared. */
  readonly checked: number;
  readonly differing: readonly DifferingProduct[];
  /** Executed, and not to be compared, or executed where a CPU raises #UD. */
  readonly unchecked: readonly UncheckedProduct[];
  /** Steps of which the instruction is not known. */
  readonly unknownSteps: number;
}

/** In which numbers an instruction sums. */
export const sumTypeOf = (instruction: ProductInstruction): SumType => {
  const { c } = productRow(instruction);
  return c === 'i32' || c === 'u32' ? c : 'f32';
};

const checkOne = (
  product: TracedProduct,
  before: Capture,
  after: Capture,
): DifferingProduct | UncheckedProduct | null => {
  const { instruction, c, a, b } = product;
  const config = tileConfigOf(before.image);
  if (!config.ok) return { ...product, why: describeProblem(config.problem) };
  const [rule] = brokenProductRules(config.value, { c, a, b });
  if (rule !== undefined) return { ...product, why: `executed where a CPU raises #UD: ${rule.sentence}` };
  const tiles = [c, a, b].map((tile) => tileBytes(before.image, tile));
  const [inC, inA, inB] = tiles;
  const found = tileBytes(after.image, c);
  if (inC == null || inA == null || inB == null || found === null) {
    return { ...product, why: 'these states have no room for tiles' };
  }
  const extents = productExtents(config.value, { c, a, b });
  const expected = expectedProduct(instruction, { c: inC, a: inA, b: inB }, extents);
  if (!expected.ok) return { ...product, why: describeProblem(expected.problem) };
  const type = sumTypeOf(instruction);
  const comparison = compareProduct(expected.value, found, extents.c, type);
  const isEqual = comparison.differences.length === 0 && comparison.nonZeroOutside === 0;
  return isEqual ? null : { ...product, type, expected: expected.value, found, comparison };
};

const productOf = (code: Uint8Array): (TileProduct & { readonly instruction: ProductInstruction }) | null => {
  const product = tileProductAt(code);
  const instruction = PRODUCTS.find(({ name }) => name === product?.name)?.name;
  return product === null || instruction === undefined ? null : { ...product, instruction };
};

/**
 * Where the instruction that is next in `before` was executed and nothing else: the address of the one behind it is next in
 * `after`. One that raised an exception is in a handler by then.
 */
const executedAt = (before: Capture, after: Capture, bytes: number): bigint | null => {
  const from = executionOf(before.facts);
  const to = executionOf(after.facts);
  if (from === null || from.next === null || from.codeBits !== 64) return null;
  return to?.next === BigInt.asUintN(64, from.next + BigInt(bytes)) ? from.next : null;
};

/** What became of the product that was executed between two stops. */
export type StepProduct = 'holds' | DifferingProduct | UncheckedProduct;

/** Of the step from one stop to the next; null: no product was executed. */
export const checkStepProduct = (from: TracedStop, stop: TracedStop): StepProduct | null => {
  const product = stop.cause === 'step' && from.code != null ? productOf(from.code) : null;
  if (product === null) return null;
  const [then, now] = [from.capture, stop.capture];
  const rip = executedAt(then, now, product.bytes);
  if (rip === null) return null;
  const { instruction, c, a, b } = product;
  return checkOne({ stop: from.number, rip, instruction, c, a, b }, then, now) ?? 'holds';
};

/**
 * @param stops in order
 * @param check what became of one step, for a caller that remembers it
 */
export const checkTracedProducts = <T extends TracedStop>(
  stops: Iterable<T>,
  check: (from: T, stop: T) => StepProduct | null = checkStepProduct,
): TracedProducts => {
  const differing: DifferingProduct[] = [];
  const unchecked: UncheckedProduct[] = [];
  let [checked, unknownSteps] = [0, 0];
  let before: T | null = null;
  for (const stop of stops) {
    const from: T | null = before;
    before = stop;
    if (from === null || stop.cause !== 'step') continue;
    if (from.code == null) {
      unknownSteps += 1;
      continue;
    }
    const result = check(from, stop);
    if (result === null) continue;
    if (result !== 'holds' && 'why' in result) unchecked.push(result);
    else checked += 1;
    if (result !== 'holds' && !('why' in result)) differing.push(result);
  }
  return { checked, differing, unchecked, unknownSteps };
};
