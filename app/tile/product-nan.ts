import { f32Value, isF32Nan, quietF32 } from './float-bits.ts';
import { addToF32 } from './product-float.ts';
import type { LaneOperand } from './product-operand.ts';

/** QNaN indefinite, the result of an invalid operation: 0 · Inf or Inf − Inf. (Intel SDM vol. 1, 4.8.3.7: sign set.) */
export const DEFAULT_NAN_F32 = 0xffc0_0000;

/** An f32 that keeps its NaN: nan is 0, or the bits of a quiet NaN. */
interface Kept {
  readonly value: number;
  readonly nan: number;
}

const kept = (value: number): Kept => ({ value, nan: Number.isNaN(value) ? DEFAULT_NAN_F32 : 0 });
const keptNan = (bits: number): Kept => ({ value: Number.NaN, nan: quietF32(bits) });

const add = (x: Kept, y: Kept): Kept => {
  if (x.nan !== 0) return x;
  return y.nan !== 0 ? y : kept(addToF32(x.value, y.value));
};

/** The dot product of a row of A and a column of B in one lane. */
const laneSum = (a: LaneOperand, b: LaneOperand, m: number, n: number, lane: number): Kept => {
  let sum: Kept = { value: 0, nan: 0 };
  for (let k = 0; k < a.dwords; k += 1) {
    const atA = (m * a.dwords + k) * a.lanes + lane;
    const atB = (k * b.dwords + n) * b.lanes + lane;
    const nan = a.nans[atA] || b.nans[atB] || 0;
    if (nan !== 0) sum = keptNan(nan);
    else if (sum.nan === 0) sum = kept(addToF32((a.values[atA] ?? 0) * (b.values[atB] ?? 0), sum.value));
  }
  return sum;
};

/**
 * The bits of a result that is a NaN. The manual does not say which NaN of several a tile product hands on; this is what
 * it says for VFMADD231PS and VADDPS, and what Bochs does for tiles: of a multiply-add the first factor, else the second,
 * else the accumulator; of a sum the first operand: lane 0 before lane 1, and C before both. Of TCMMIMFP16PS and the sign
 * of a NaN that TCMMRLFP16PS negates Intel SDE is said to differ; here the manual's order of operations stands.
 */
export const nanResult = (a: LaneOperand, b: LaneOperand, m: number, n: number, cBits: number): number => {
  const first = laneSum(a, b, m, n, 0);
  const sum = a.lanes === 1 ? first : add(first, laneSum(a, b, m, n, 1));
  return add(isF32Nan(cBits) ? keptNan(cBits) : kept(f32Value(cBits)), sum).nan;
};
