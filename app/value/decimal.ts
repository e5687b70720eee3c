import type { FloatFormat } from './float-format.ts';
import { lowestExponent } from './float-format.ts';

/** A positive decimal number, or zero: 0.DIGITS · 10^point. No zero stands at either end of the digits; zero is "0". */
export interface Decimal {
  readonly digits: string;
  readonly point: number;
}

export const ZERO: Decimal = { digits: '0', point: 1 };

const pow10 = (exponent: number): bigint => 10n ** BigInt(exponent);

/** The point of numerator / denominator: the least p with value < 10^p. */
const pointOf = (numerator: bigint, denominator: bigint): number => {
  // The lengths tell it within one.
  let point = numerator.toString().length - denominator.toString().length;
  const below = (at: number): boolean =>
    at >= 0 ? numerator < denominator * pow10(at) : numerator * pow10(-at) < denominator;
  while (!below(point)) point += 1;
  return point;
};

/**
 * The fewest digits that read back as the same value in the format, and of those the nearest to it. Burger and Dybvig,
 * "Printing floating-point numbers quickly and accurately" (1996), free-format algorithm in exact arithmetic. The
 * significand is not zero and normalised as decodeFloat gives it.
 */
export const shortestDecimal = (significand: bigint, exponent: number, format: FloatFormat): Decimal => {
  const short = freeFormat(significand, exponent, format);
  // With few bits of precision the digits found may lie a decade above the value, and others of the same number nearer.
  const up = exponent > 0 ? significand << BigInt(exponent) : significand;
  const down = exponent < 0 ? 1n << BigInt(-exponent) : 1n;
  const near = roundedDecimal(up, down, short.digits.length);
  return isReadAs(near, significand, exponent, format) ? near : short;
};

/** Whether the decimal reads back as this value: it lies between the middles to its neighbours, ends included if even. */
const isReadAs = (decimal: Decimal, significand: bigint, exponent: number, format: FloatFormat): boolean => {
  const scale = decimal.point - decimal.digits.length;
  const up = exponent > 0 ? 1n << BigInt(exponent) : 1n;
  const down = exponent < 0 ? 1n << BigInt(-exponent) : 1n;
  // Everything in quarters of a step of the significand: the decimal, the value, half a step below and above.
  const numerator = BigInt(decimal.digits) * (scale > 0 ? pow10(scale) : 1n) * 4n * down;
  const denominator = (scale < 0 ? pow10(-scale) : 1n) * up;
  const value = significand * 4n;
  const below = isAtPower(significand, exponent, format) ? 1n : 2n;
  const [low, high] = [(value - below) * denominator, (value + 2n) * denominator];
  return (significand & 1n) === 0n ? low <= numerator && numerator <= high : low < numerator && numerator < high;
};

/** Below a power of two the neighbours lie half as far apart, except at the lowest exponent. */
const isAtPower = (significand: bigint, exponent: number, format: FloatFormat): boolean =>
  significand === 1n << BigInt(format.precisionBits - 1) && exponent > lowestExponent(format);

const freeFormat = (significand: bigint, exponent: number, format: FloatFormat): Decimal => {
  const even = (significand & 1n) === 0n;
  const scale = isAtPower(significand, exponent, format) ? 2n : 1n;
  const up = exponent > 0 ? 1n << BigInt(exponent) : 1n;
  const down = exponent < 0 ? 1n << BigInt(-exponent) : 1n;
  // value = rest / unit; half the gaps to the neighbours are low / unit and high / unit.
  let rest = significand * up * 2n * scale;
  let unit = down * 2n * scale;
  let low = up;
  let high = up * scale;
  const reachesHigh = (value: bigint): boolean => (even ? value + high >= unit : value + high > unit);

  let point = pointOf(rest, unit);
  if (point >= 0) unit *= pow10(point);
  else {
    const factor = pow10(-point);
    rest *= factor;
    low *= factor;
    high *= factor;
  }
  if (reachesHigh(rest)) {
    point += 1;
    unit *= 10n;
  }
  let digits = '';
  for (;;) {
    rest *= 10n;
    low *= 10n;
    high *= 10n;
    const digit = rest / unit;
    rest %= unit;
    const lowDone = even ? rest <= low : rest < low;
    const highDone = reachesHigh(rest);
    if (!lowDone && !highDone) {
      digits += digit;
      continue;
    }
    const twice = rest * 2n;
    const roundsUp = highDone && (!lowDone || twice > unit || (twice === unit && (digit & 1n) === 1n));
    return { digits: digits + (roundsUp ? digit + 1n : digit), point };
  }
};

/** The nearest decimal of at most so many digits, ties to even. */
export const roundedDecimal = (numerator: bigint, denominator: bigint, digitCount: number): Decimal => {
  if (numerator === 0n) return ZERO;
  const point = pointOf(numerator, denominator);
  const shift = digitCount - point;
  const top = shift > 0 ? numerator * pow10(shift) : numerator;
  const bottom = shift < 0 ? denominator * pow10(-shift) : denominator;
  const quotient = top / bottom;
  const twice = (top % bottom) * 2n;
  const rounded = twice > bottom || (twice === bottom && (quotient & 1n) === 1n) ? quotient + 1n : quotient;
  const text = rounded.toString();
  return { digits: text.replace(/0+$/, ''), point: point + text.length - digitCount };
};

/** Without an exponent: "1200", "0.0012", "1.2". */
export const layoutPlain = ({ digits, point }: Decimal): string => {
  if (point <= 0) return `0.${'0'.repeat(-point)}${digits}`;
  if (digits.length <= point) return digits + '0'.repeat(point - digits.length);
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
};

/** With an exponent: "1.2e9", "9e-3"; plus: whether a positive exponent carries its sign. */
export const layoutExponent = ({ digits, point }: Decimal, plus: boolean): string => {
  const exponent = point - 1;
  const sign = exponent < 0 ? '-' : plus ? '+' : '';
  const mantissa = digits.length > 1 ? `${digits.charAt(0)}.${digits.slice(1)}` : digits;
  return `${mantissa}e${sign}${Math.abs(exponent)}`;
};

/** As ECMAScript's Number::toString lays a number out, so that every type looks like f64 in JSON. */
export const layoutDecimal = (decimal: Decimal): string =>
  decimal.point > 21 || decimal.point < -5 ? layoutExponent(decimal, true) : layoutPlain(decimal);
