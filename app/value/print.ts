import { readUint } from '../bits/bytes.ts';
import { assert, assertNever } from '../bits/decoded.ts';
import {
  type Decimal,
  layoutDecimal,
  layoutExponent,
  layoutPlain,
  roundedDecimal,
  shortestDecimal,
  ZERO,
} from './decimal.ts';
import { type ElementType, elementRow } from './element-type.ts';
import { exactDecimal } from './exact.ts';
import { decodeFloat, defaultNanFraction, type FloatFormat, type FloatValue, patternBits } from './float-format.ts';

type Finite = Extract<FloatValue, { kind: 'finite' }>;

/** An element as a number or as what stands in for one. The exact value is numerator / denominator. */
type Element =
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'finite'; readonly value: Finite; readonly format: FloatFormat }
  | { readonly kind: 'special'; readonly text: string; readonly brief: string };

const specialOf = (value: Exclude<FloatValue, Finite>, pattern: bigint, format: FloatFormat): Element => {
  const special = (text: string, brief: string): Element => ({ kind: 'special', text, brief });
  switch (value.kind) {
    case 'infinite':
      return special(value.negative ? '-Inf' : 'Inf', value.negative ? '-Inf' : 'Inf');
    case 'nan': {
      const name = value.negative ? '-NaN' : 'NaN';
      const isDefault = value.fraction === defaultNanFraction(format);
      return special(isDefault ? name : `${name}(0x${value.fraction.toString(16)})`, name);
    }
    case 'odd': {
      const digits = pattern.toString(16).padStart(patternBits(format) / 4, '0');
      return special(`${value.encoding}(0x${digits})`, value.encoding);
    }
    default:
      return assertNever(value);
  }
};

const readElement = (type: ElementType, bytes: Uint8Array, offsetBytes: number): Element => {
  const row = elementRow(type);
  const pattern = readUint(bytes, offsetBytes, row.bytes);
  if (row.float !== null) return floatElement(pattern, row.float);
  return { kind: 'integer', value: row.kind === 'signed' ? BigInt.asIntN(row.bytes * 8, pattern) : pattern };
};

const floatElement = (pattern: bigint, format: FloatFormat): Element => {
  const value = decodeFloat(pattern, format);
  return value.kind === 'finite' ? { kind: 'finite', value, format } : specialOf(value, pattern, format);
};

const shortest = ({ significand, exponent }: Finite, format: FloatFormat): Decimal =>
  significand === 0n ? ZERO : shortestDecimal(significand, exponent, format);

/**
 * The element as text that parseElement reads back bit for bit: integers in decimal, finite floats as the shortest
 * decimal that reads back the same in this type, then Inf, NaN, NaN(0xFRACTION) and the odd encodings of f80.
 */
export const printElement = (type: ElementType, bytes: Uint8Array, offsetBytes: number): string =>
  textOf(readElement(type, bytes, offsetBytes));

/** The same for a float of any format, from the bits of its pattern. */
export const printFloat = (pattern: bigint, format: FloatFormat): string => textOf(floatElement(pattern, format));

/** The longest value of such a format, a denormal of bf16's range, has 96 digits. */
const [MOST_EXACT_BITS, MOST_EXACT_DIGITS] = [16, 120];
/** More than these tell nobody anything beside others. */
const MOST_EXACT_CHARACTERS = 24;

const exactTextOf = (element: Element): string => {
  if (element.kind !== 'finite' || patternBits(element.format) > MOST_EXACT_BITS) return textOf(element);
  const { negative, significand, exponent } = element.value;
  return exactDecimal((negative ? -1 : 1) * Number(significand) * 2 ** exponent, MOST_EXACT_DIGITS);
};

/** As printElement, but a float of 16 bits with every digit of its value: 2.875 where 2.88 would read back the same. */
export const printExact = (type: ElementType, bytes: Uint8Array, offsetBytes: number): string =>
  exactTextOf(readElement(type, bytes, offsetBytes));

/** The same of a float of any format of up to 16 bits; of longer ones as printFloat. */
export const printExactFloat = (pattern: bigint, format: FloatFormat): string =>
  exactTextOf(floatElement(pattern, format));

/** Every digit where it is one reading of the bytes among others, unless they are very many. */
export const printExactAmong = (type: ElementType, bytes: Uint8Array, offsetBytes: number): string => {
  const exact = printExact(type, bytes, offsetBytes);
  return exact.length <= MOST_EXACT_CHARACTERS ? exact : printElement(type, bytes, offsetBytes);
};

const textOf = (element: Element): string => {
  switch (element.kind) {
    case 'integer':
      return element.value.toString();
    case 'finite':
      return (element.value.negative ? '-' : '') + layoutDecimal(shortest(element.value, element.format));
    case 'special':
      return element.text;
    default:
      return assertNever(element);
  }
};

/**
 * The element for JSON. A number where JSON holds it without loss: integers up to 2^53 − 1, finite floats as the
 * shortest decimal of their own type. A string, as printElement gives it, for everything else: larger integers, NaN,
 * Inf, −0 (many writers and readers of JSON drop its sign), and f80 always.
 */
export const jsonElement = (type: ElementType, bytes: Uint8Array, offsetBytes: number): number | string => {
  const text = printElement(type, bytes, offsetBytes);
  const value = Number(text);
  if (elementRow(type).float === null) return Number.isSafeInteger(value) ? value : text;
  return type === 'f80' || !Number.isFinite(value) || Object.is(value, -0) ? text : value;
};

/** Stands for a value of which not even one digit fits. */
export const DOES_NOT_FIT = '…';

const MINUS = '−';

interface Magnitude {
  readonly negative: boolean;
  readonly numerator: bigint;
  readonly denominator: bigint;
  readonly exact: Decimal;
}

const exactInteger = (magnitude: bigint): Decimal => {
  const text = magnitude.toString();
  return magnitude === 0n ? ZERO : { digits: text.replace(/0+$/, ''), point: text.length };
};

const magnitudeOf = (element: Exclude<Element, { kind: 'special' }>): Magnitude => {
  if (element.kind === 'integer') {
    const negative = element.value < 0n;
    const numerator = negative ? -element.value : element.value;
    return { negative, numerator, denominator: 1n, exact: exactInteger(numerator) };
  }
  const { negative, significand, exponent } = element.value;
  return {
    negative,
    numerator: exponent > 0 ? significand << BigInt(exponent) : significand,
    denominator: exponent < 0 ? 1n << BigInt(-exponent) : 1n,
    exact: shortest(element.value, element.format),
  };
};

/**
 * Plain where that fits, else with an exponent where that fits. Rounded above the unit, plain digits would end in zeros
 * that pass for exact, so they are not offered.
 */
const fittedLayout = (decimal: Decimal, knownDigits: number, room: number): string | null => {
  const isPlain = decimal.point <= 21 && decimal.point >= -5 && knownDigits >= decimal.point;
  const plain = isPlain ? layoutPlain(decimal) : null;
  if (plain !== null && plain.length <= room) return plain;
  const exponent = layoutExponent(decimal, false);
  return exponent.length <= room ? exponent : null;
};

/**
 * The element for a cell of so many characters: exact where it fits, else with as many digits as fit, correctly rounded
 * from the exact value. An integer never loses digits in plain form: it turns to 1.2e9. For people, with U+2212 as minus.
 */
export const printFitted = (type: ElementType, bytes: Uint8Array, offsetBytes: number, maxCharacters: number): string =>
  fitted(readElement(type, bytes, offsetBytes), maxCharacters);

/** The same for a float of any format, from the bits of its pattern. */
export const printFittedFloat = (pattern: bigint, format: FloatFormat, maxCharacters: number): string =>
  fitted(floatElement(pattern, format), maxCharacters);

const fitted = (element: Element, maxCharacters: number): string => {
  assert(maxCharacters > 0, 'a cell has room for a character');
  if (element.kind === 'special') {
    const fitting = [element.text, element.brief].find((text) => text.length <= maxCharacters);
    return (fitting ?? DOES_NOT_FIT).replace(/^-/, MINUS);
  }
  const { negative, numerator, denominator, exact } = magnitudeOf(element);
  const sign = negative ? MINUS : '';
  const room = maxCharacters - sign.length;
  const whole = element.kind === 'integer' ? numerator.toString() : null;
  if (whole !== null && whole.length <= room) return sign + whole;
  const exactText = fittedLayout(exact, Number.POSITIVE_INFINITY, room);
  if (exactText !== null) return sign + exactText;
  for (let digitCount = Math.min(room, exact.digits.length); digitCount > 0; digitCount -= 1) {
    const text = fittedLayout(roundedDecimal(numerator, denominator, digitCount), digitCount, room);
    if (text !== null) return sign + text;
  }
  return DOES_NOT_FIT;
};
