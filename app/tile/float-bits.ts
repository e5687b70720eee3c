/**
 * Bits of the floats that live in tiles ↔ numbers. Every value of every one of these types is a number exactly, so
 * decoding loses nothing but what a NaN carries: nanAsF32 keeps that.
 */

const view = new DataView(new ArrayBuffer(4));

/** The number that 32 bits stand for. */
export const f32Value = (bits: number): number => {
  view.setUint32(0, bits);
  return view.getFloat32(0);
};

/** The bits of a number that is an f32 already; of NaN, some NaN. */
export const f32Bits = (value: number): number => {
  view.setFloat32(0, value);
  return view.getUint32(0);
};

/** bf16 is the upper half of an f32. */
export const bf16Value = (bits: number): number => f32Value(bits << 16);

interface SmallFormat {
  readonly fractionBits: number;
  readonly exponentBits: number;
  /** The pattern without sign from which on there are no numbers: infinity where there is one, else the NaN. */
  readonly firstSpecial: number;
  readonly hasInfinity: boolean;
}

/** 1-5-10, bias 15. (IEEE 754 binary16.) */
const F16: SmallFormat = { fractionBits: 10, exponentBits: 5, firstSpecial: 0x7c00, hasInfinity: true };
/** E5M2, bias 15: the upper half of an f16. (OCP OFP8 1.0; Intel's BF8.) */
const BF8: SmallFormat = { fractionBits: 2, exponentBits: 5, firstSpecial: 0x7c, hasInfinity: true };
/** E4M3, bias 7: no infinity, S.1111.111 is NaN, so the greatest value is 448. (OCP OFP8 1.0; Intel's HF8.) */
const HF8: SmallFormat = { fractionBits: 3, exponentBits: 4, firstSpecial: 0x7f, hasInfinity: false };

const valuesOf = ({ fractionBits, exponentBits, firstSpecial, hasInfinity }: SmallFormat): Float64Array => {
  const signBit = 2 ** (fractionBits + exponentBits);
  const lowestExponent = 2 - 2 ** (exponentBits - 1) - fractionBits;
  return Float64Array.from({ length: 2 * signBit }, (_, pattern) => {
    const magnitudeBits = pattern % signBit;
    const exponentField = Math.floor(magnitudeBits / 2 ** fractionBits);
    const fraction = magnitudeBits % 2 ** fractionBits;
    const significand = exponentField === 0 ? fraction : fraction + 2 ** fractionBits;
    const finite = significand * 2 ** (lowestExponent + Math.max(exponentField, 1) - 1);
    const special = hasInfinity && magnitudeBits === firstSpecial ? Number.POSITIVE_INFINITY : Number.NaN;
    const magnitude = magnitudeBits < firstSpecial ? finite : special;
    return pattern >= signBit ? -magnitude : magnitude;
  });
};

/** The table of 65,536 values is made by the first who asks for one: a start of the command line does not wait for it. */
const valueIn = (format: SmallFormat): ((bits: number) => number) => {
  let values: Float64Array | null = null;
  return (bits) => {
    values ??= valuesOf(format);
    return values[bits] ?? Number.NaN;
  };
};

export const f16Value = valueIn(F16);
export const bf8Value = valueIn(BF8);
export const hf8Value = valueIn(HF8);

const F32_QUIET_BIT = 0x0040_0000;

export const isF32Nan = (bits: number): boolean => (bits & 0x7fff_ffff) > 0x7f80_0000;

/** A NaN as an operation hands it on: the quiet bit set. */
export const quietF32 = (bits: number): number => (bits | F32_QUIET_BIT) >>> 0;

/** An f16 NaN as VCVTPH2PS widens it: sign, fraction at the top, quiet. */
export const f16NanAsF32 = (bits: number): number =>
  quietF32(((bits & 0x8000) << 16) | 0x7f80_0000 | ((bits & 0x3ff) << 13));

/**
 * The tf32 that TMMULTF32PS takes from a stored f32: sign, exponent and ten fraction bits; the other thirteen are cut off,
 * not rounded. A signaling NaN is made quiet first, so that cutting cannot turn it into an infinity.
 */
export const tf32Bits = (bits: number): number => ((isF32Nan(bits) ? quietF32(bits) : bits) & 0xffff_e000) >>> 0;
