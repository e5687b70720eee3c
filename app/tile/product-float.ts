/**
 * One f32 operation as the tile products do it: rounded once to nearest even, denormal results flushed to zero, MXCSR
 * neither read nor written. Numbers here are doubles; NaN payloads are the business of product-nan.ts.
 */

const double = new DataView(new ArrayBuffer(8));

/**
 * Below this a result is tiny and flushed: 2^-126 less half a unit of 24 bits below it. SSE and its relatives detect
 * tininess after rounding, as if the exponent had no lower end (Intel SDM vol. 1, 4.9.1.5): what rounds up to 2^-126
 * with 24 bits is not tiny. Math.fround would round with fewer bits down there, and keep more.
 */
const TINY_BELOW = 2 ** -126 - 2 ** -151;

/** The double next to an inexact sum whose last bit is odd: keeps, for the next rounding, that the sum was not exact. */
const roundToOdd = (sum: number, error: number): number => {
  double.setFloat64(0, sum);
  const bits = double.getBigUint64(0);
  if ((bits & 1n) === 1n) return sum;
  double.setBigUint64(0, error > 0 === sum > 0 ? bits + 1n : bits - 1n);
  return double.getFloat64(0);
};

/**
 * x + y rounded once to f32. With x the product of two narrow floats, exact as a double, it is their fused multiply-add.
 * Rounding to a double first would round twice; rounding that one to odd makes the second rounding right, since a double
 * has more than two bits beyond an f32. (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", 2008.)
 */
export const addToF32 = (x: number, y: number): number => {
  const sum = x + y;
  if (!Number.isFinite(sum)) return sum;
  // Knuth's two-sum: sum + error is x + y exactly. Nothing here comes near the limits of a double's exponent.
  const part = sum - x;
  const error = x - (sum - part) + (y - part);
  const odd = error === 0 ? sum : roundToOdd(sum, error);
  return Math.abs(odd) < TINY_BELOW ? odd * 0 : Math.fround(odd);
};

/** Below this an f32 is denormal. */
const LEAST_NORMAL_F32 = 2 ** -126;

/** An input where denormals are treated as zero; the sign stays. */
export const daz = (value: number): number => (Math.abs(value) < LEAST_NORMAL_F32 ? value * 0 : value);

/** A sum of products kept exactly, as two doubles, until it is rounded once. */
export class ExactSum {
  #sum = 0;
  #error = 0;

  /**
   * The number must be a product of two fp8 values. Such products are multiples of 2^-32 below 2^32; then the errors of
   * the 64 additions of a tile product are multiples of 2^-32 below 2^-15, so that their own sum is exact.
   */
  add(product: number): void {
    const sum = this.#sum + product;
    const part = sum - this.#sum;
    if (Number.isFinite(sum)) this.#error += this.#sum - (sum - part) + (product - part);
    this.#sum = sum;
  }

  /** Infinite or NaN where the products make it so. */
  toF32(): number {
    return addToF32(this.#sum, this.#error);
  }
}
