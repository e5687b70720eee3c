import { assert } from '../bits/decoded.ts';

/** A binary floating-point interchange format; f80 stores its integer bit, the others imply it. */
export interface FloatFormat {
  /** Bits of the significand, the integer bit included. */
  readonly precisionBits: number;
  readonly exponentBits: number;
  readonly explicitInteger: boolean;
  /** No infinity: of the greatest exponent only the fraction of all ones is a NaN, the rest are numbers. (OCP OFP8, E4M3.) */
  readonly noInfinity?: true;
}

/** Encodings that no arithmetic produces: x87 raises invalid-operation on all but the first. (SDM vol. 1, 8.2.2.) */
export type OddEncoding = 'pseudo-denormal' | 'unnormal' | 'pseudo-NaN' | 'pseudo-Inf';

/** What a bit pattern stands for. A finite value is significand · 2^exponent; a NaN's fraction keeps its quiet bit. */
export type FloatValue =
  | { readonly kind: 'finite'; readonly negative: boolean; readonly significand: bigint; readonly exponent: number }
  | { readonly kind: 'infinite'; readonly negative: boolean }
  | { readonly kind: 'nan'; readonly negative: boolean; readonly fraction: bigint }
  | { readonly kind: 'odd'; readonly encoding: OddEncoding };

const bias = (format: FloatFormat): number => 2 ** (format.exponentBits - 1) - 1;

/** The exponent of the lowest significand bit of denormals: no value has a finer step. */
export const lowestExponent = (format: FloatFormat): number => 2 - bias(format) - format.precisionBits;

const fractionBits = (format: FloatFormat): number => format.precisionBits - 1;
const significandFieldBits = (format: FloatFormat): number => format.precisionBits - (format.explicitInteger ? 0 : 1);
const topExponentField = (format: FloatFormat): number => 2 ** format.exponentBits - 1;

export const patternBits = (format: FloatFormat): number => 1 + format.exponentBits + significandFieldBits(format);

const onesFraction = (format: FloatFormat): bigint => (1n << BigInt(fractionBits(format))) - 1n;

/** The fraction of the NaN that an invalid operation gives: only the quiet bit, or the only NaN there is. */
export const defaultNanFraction = (format: FloatFormat): bigint =>
  format.noInfinity ? onesFraction(format) : 1n << BigInt(fractionBits(format) - 1);

const oddEncoding = (exponentField: number, fraction: bigint, format: FloatFormat): OddEncoding =>
  exponentField !== topExponentField(format) ? 'unnormal' : fraction === 0n ? 'pseudo-Inf' : 'pseudo-NaN';

/** What a pattern of the format's bits stands for, exactly. */
export const decodeFloat = (pattern: bigint, format: FloatFormat): FloatValue => {
  const fieldBits = significandFieldBits(format);
  const negative = pattern >> BigInt(patternBits(format) - 1) === 1n;
  const exponentField = Number(BigInt.asUintN(format.exponentBits, pattern >> BigInt(fieldBits)));
  const fraction = BigInt.asUintN(fractionBits(format), pattern);
  const integerBit = 1n << BigInt(fractionBits(format));
  if (format.explicitInteger) {
    const integerSet = (pattern & integerBit) !== 0n;
    if (integerSet && exponentField === 0) return { kind: 'odd', encoding: 'pseudo-denormal' };
    if (!integerSet && exponentField !== 0)
      return { kind: 'odd', encoding: oddEncoding(exponentField, fraction, format) };
  }
  const isNumber = format.noInfinity && fraction !== onesFraction(format);
  if (exponentField === topExponentField(format) && !isNumber) {
    return fraction === 0n ? { kind: 'infinite', negative } : { kind: 'nan', negative, fraction };
  }
  const significand = exponentField === 0 ? fraction : fraction | integerBit;
  return { kind: 'finite', negative, significand, exponent: lowestExponent(format) + Math.max(exponentField - 1, 0) };
};

const assemble = (negative: boolean, exponentField: number, significand: bigint, format: FloatFormat): bigint => {
  const fieldBits = significandFieldBits(format);
  const sign = negative ? 1n << BigInt(patternBits(format) - 1) : 0n;
  return sign | (BigInt(exponentField) << BigInt(fieldBits)) | BigInt.asUintN(fieldBits, significand);
};

export const encodeInfinity = (negative: boolean, format: FloatFormat): bigint =>
  assemble(negative, topExponentField(format), 1n << BigInt(fractionBits(format)), format);

/** The fraction must be one that isNanFraction allows. */
export const encodeNan = (negative: boolean, fraction: bigint, format: FloatFormat): bigint => {
  assert(isNanFraction(fraction, format), 'a NaN fraction fits its format');
  return assemble(negative, topExponentField(format), fraction | (1n << BigInt(fractionBits(format))), format);
};

/** The fractions that make a NaN: not 0, which would be an infinity, and not wider than the format's. */
export const nanFractions = (format: FloatFormat): { readonly least: bigint; readonly greatest: bigint } => ({
  least: format.noInfinity ? onesFraction(format) : 1n,
  greatest: onesFraction(format),
});

const isNanFraction = (fraction: bigint, format: FloatFormat): boolean => {
  const { least, greatest } = nanFractions(format);
  return fraction >= least && fraction <= greatest;
};

/** The greatest finite value, as significand · 2^exponent. */
export const greatestFinite = (format: FloatFormat): { readonly significand: bigint; readonly exponent: number } => {
  const ones = (1n << BigInt(format.precisionBits)) - 1n;
  const exponent = lowestExponent(format) + topExponentField(format) - 2;
  return format.noInfinity ? { significand: ones - 1n, exponent: exponent + 1 } : { significand: ones, exponent };
};

const bitLength = (value: bigint): number => value.toString(2).length;

/**
 * The pattern nearest to the exact value numerator / denominator, ties to the even significand; denormals and zero where
 * the value is small. Null: the value rounds beyond the largest finite one.
 */
export const encodeRatio = (
  negative: boolean,
  numerator: bigint,
  denominator: bigint,
  format: FloatFormat,
): bigint | null => {
  if (numerator === 0n) return assemble(negative, 0, 0n, format);
  // One too low at most, which leaves one significand bit more than needed; the loop below takes it away.
  const log2 = bitLength(numerator) - bitLength(denominator) - 1;
  const round = (exponent: number): bigint => {
    const top = exponent < 0 ? numerator << BigInt(-exponent) : numerator;
    const bottom = exponent > 0 ? denominator << BigInt(exponent) : denominator;
    const quotient = top / bottom;
    const twice = (top % bottom) * 2n;
    return twice > bottom || (twice === bottom && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
  };
  const limit = 1n << BigInt(format.precisionBits);
  let exponent = Math.max(log2 - fractionBits(format), lowestExponent(format));
  let significand = round(exponent);
  while (significand >= limit) {
    exponent += 1;
    significand = round(exponent);
  }
  const isNormal = significand >> BigInt(fractionBits(format)) !== 0n;
  const exponentField = isNormal ? exponent - lowestExponent(format) + 1 : 0;
  const greatest = greatestFinite(format);
  const isBeyond =
    exponent > greatest.exponent || (exponent === greatest.exponent && significand > greatest.significand);
  return isBeyond ? null : assemble(negative, exponentField, significand, format);
};
