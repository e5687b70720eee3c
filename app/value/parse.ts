import { bytesOfUint } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { layoutDecimal, shortestDecimal } from './decimal.ts';
import { type ElementType, elementRow, integerRange } from './element-type.ts';
import {
  decodeFloat,
  defaultNanFraction,
  encodeInfinity,
  encodeNan,
  encodeRatio,
  type FloatFormat,
  greatestFinite,
  lowestExponent,
  nanFractions,
  patternBits,
} from './float-format.ts';
import { parseInteger, plainNumber, shownNumber } from './number.ts';

const syntax = (text: string, expected: string): Decoded<never> =>
  undecodable({ kind: 'syntax', what: shownNumber(text), at: 0, expected });

const refused = (text: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: shownNumber(text), why });

/** The greatest finite value of the format, as text: exact where people know it by its digits, 65504 or 448. */
const greatestText = (format: FloatFormat): string => {
  const { significand, exponent } = greatestFinite(format);
  if (exponent >= 0 && exponent < 16) return (significand << BigInt(exponent)).toString();
  return layoutDecimal(shortestDecimal(significand, exponent, format));
};

const outOfRange = (type: string, text: string, format: FloatFormat): Decoded<never> => {
  const greatest = greatestText(format);
  const inf = format.noInfinity ? '; it has no infinity' : ', or inf';
  return refused(text, `does not fit ${type}: −${greatest} … ${greatest}${inf}`);
};

interface Ratio {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** significand · base^exponent, where the value's own size is known to be reasonable. */
const ratioOf = (significand: bigint, base: bigint, exponent: number): Ratio =>
  exponent >= 0
    ? { numerator: significand * base ** BigInt(exponent), denominator: 1n }
    : { numerator: significand, denominator: base ** BigInt(-exponent) };

/** What a written number stands for; a size beyond the format's is said instead of computed. */
const parseRatio = (text: string, format: FloatFormat): Ratio | 'huge' | 'tiny' | null => {
  const hex = /^0x(?=.*[.p])([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?[0-9]+))?$/i.exec(text);
  const match = hex ?? /^([0-9]*)(?:\.([0-9]*))?(?:e([+-]?[0-9]+))?$/i.exec(text);
  if (match === null) return null;
  const [, whole = '', fraction = '', exponentText = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  if (whole + fraction === '') return null;
  if (digits === '') return { numerator: 0n, denominator: 1n };
  const log2PerDigit = hex === null ? Math.log2(10) : 4;
  const exponent = Number(exponentText) - fraction.length * (hex === null ? 1 : 4);
  // Within a digit of the value's true size, which is far from these limits or else computed exactly.
  const log2 = digits.length * log2PerDigit + exponent * (hex === null ? log2PerDigit : 1);
  if (log2 > 2 ** (format.exponentBits - 1) + 8) return 'huge';
  if (log2 < lowestExponent(format) - 8) return 'tiny';
  return hex === null ? ratioOf(BigInt(digits), 10n, exponent) : ratioOf(BigInt(`0x${digits}`), 2n, exponent);
};

const parseNan = (
  type: string,
  text: string,
  negative: boolean,
  digits: string | undefined,
  format: FloatFormat,
): Decoded<bigint> => {
  if (digits === undefined) return decoded(encodeNan(negative, defaultNanFraction(format), format));
  const fraction = BigInt(`0x${digits}`);
  const { least, greatest } = nanFractions(format);
  if (fraction < least || fraction > greatest) {
    const range = least === greatest ? '' : `0x${least.toString(16)} … `;
    return refused(text, `the fraction of a NaN in ${type} is ${range}0x${greatest.toString(16)}`);
  }
  return decoded(encodeNan(negative, fraction, format));
};

const parsePattern = (type: string, text: string, digits: string, format: FloatFormat): Decoded<bigint> => {
  const digitCount = patternBits(format) / 4;
  if (digits.length !== digitCount) {
    return refused(
      text,
      `a bit pattern of ${type} has ${digitCount} hex digits; a hex number has a point, or p and an exponent`,
    );
  }
  return decoded(BigInt(`0x${digits}`));
};

const parsePlainFloat = (type: string, text: string, format: FloatFormat): Decoded<bigint> => {
  const pattern = /^0x([0-9a-f]+)$/i.exec(text);
  if (pattern !== null) return parsePattern(type, text, pattern[1] ?? '', format);
  const odd = /^(pseudo-denormal|unnormal|pseudo-nan|pseudo-inf)\(0x([0-9a-f]+)\)$/i.exec(text);
  if (odd !== null && format.explicitInteger) {
    const bits = parsePattern(type, text, odd[2] ?? '', format);
    if (!bits.ok) return bits;
    const value = decodeFloat(bits.value, format);
    const isNamed = value.kind === 'odd' && value.encoding.toLowerCase() === odd[1]?.toLowerCase();
    return isNamed ? bits : refused(text, 'the bit pattern is not of the kind named before it');
  }
  const negative = text.startsWith('-');
  const magnitude = text.replace(/^[+-]/, '');
  if (/^inf(inity)?$/i.test(magnitude)) {
    return format.noInfinity ? outOfRange(type, text, format) : decoded(encodeInfinity(negative, format));
  }
  const nan = /^nan(?:\(0x([0-9a-f]+)\))?$/i.exec(magnitude);
  if (nan !== null) return parseNan(type, text, negative, nan[1], format);
  const ratio = parseRatio(magnitude, format);
  if (ratio === null)
    return syntax(text, `a number for ${type}: decimal, 0x1.8, 0x1.8p3, inf, nan, or 0x and all digits of its bits`);
  if (ratio === 'huge') return outOfRange(type, text, format);
  const { numerator, denominator } = ratio === 'tiny' ? { numerator: 0n, denominator: 1n } : ratio;
  const bits = encodeRatio(negative, numerator, denominator, format);
  return bits === null ? outOfRange(type, text, format) : decoded(bits);
};

/**
 * The bytes of an element from text: everything printElement writes, and the numbers of number.ts. Floats are rounded to
 * nearest even; for them 0x… with all digits is the bit pattern. A value that does not fit is refused with the range; it
 * never turns to infinity or wraps.
 */
export const parseElement = (type: ElementType, text: string): Decoded<Uint8Array> => {
  const { bytes, float } = elementRow(type);
  const bits =
    float === null
      ? parseInteger(type, text, { ...integerRange(type), widthBits: bytes * 8 })
      : parseFloatText(type, text, float);
  return bits.ok ? decoded(bytesOfUint(bits.value, bytes)) : bits;
};

/** The bits of a float of any format, from the same texts; type is what a refusal calls it. */
export const parseFloatText = (type: string, text: string, format: FloatFormat): Decoded<bigint> => {
  const plain = plainNumber(text);
  return plain.ok ? parsePlainFloat(type, plain.value, format) : plain;
};
