import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';

/*
 * One grammar of numbers for everything that is typed: cells, palette, command line.
 *   255  1_000        decimal
 *   0xff  0b1011      hexadecimal and binary: bits, so that all ones are −1 where the sign is stored
 *   -5  −5  +5        a sign in front
 *   1.5  2e-3  0x1.8  0x1p-4     for floats: a hexadecimal number with a point, an exponent of two, or both
 * "_" divides digits and stands between two of them. A text without 0x is never hexadecimal.
 */

/** Long enough for every digit of the smallest f80, and a bound on the work that a pasted text can cause. */
const MAX_NUMBER_CHARACTERS = 20_000;

export const shownNumber = (text: string): string => (text.length <= 40 ? `"${text}"` : `"${text.slice(0, 40)}…"`);

/**
 * The text without blanks around it and without what only divides digits, the minus of typeset text as "-". Where an
 * underscore divides no digits the text stays as it is, and no number is found in it.
 */
export const plainNumber = (text: string): Decoded<string> => {
  if (text.length > MAX_NUMBER_CHARACTERS) {
    const why = `longer than ${MAX_NUMBER_CHARACTERS} characters`;
    return undecodable({ kind: 'not-allowed', what: shownNumber(text), why });
  }
  const plain = text
    .trim()
    .replace(/^−/, '-')
    .replace(/([ep])−/i, '$1-');
  const undivided = plain.replace(/(?<=[0-9a-f])_(?=[0-9a-f])/gi, '');
  return decoded(undivided.includes('_') ? plain : undivided);
};

export interface WrittenInteger {
  readonly value: bigint;
  /** Hexadecimal or binary without a sign: the bits as they are stored. */
  readonly isPattern: boolean;
}

const INTEGER = /^([+-]?)(0x[0-9a-f]+|0b[01]+|[0-9]+)$/i;

/** null: this is no integer */
export const parseNumber = (text: string): WrittenInteger | null => {
  const plain = plainNumber(text);
  const match = plain.ok ? INTEGER.exec(plain.value) : null;
  if (match === null) return null;
  const [, sign = '', digits = ''] = match;
  const magnitude = BigInt(digits.toLowerCase());
  return { value: sign === '-' ? -magnitude : magnitude, isPattern: /^0[xb]/i.test(digits) && sign === '' };
};

/** What an integer type holds, both ends included. */
export interface IntegerRange {
  readonly least: bigint;
  readonly greatest: bigint;
  readonly widthBits: number;
}

const forPeople = (value: bigint): string => value.toString().replace(/^-/, '−');

/** An integer within the range, or within the width where the text writes bits. @param name what it is for: "i8", "k3" */
export const parseInteger = (name: string, text: string, range: IntegerRange): Decoded<bigint> => {
  const plain = plainNumber(text);
  if (!plain.ok) return plain;
  const written = parseNumber(plain.value);
  if (written === null) {
    const expected = `an integer for ${name}: decimal, 0x… or 0b…`;
    return undecodable({ kind: 'syntax', what: shownNumber(plain.value), at: 0, expected });
  }
  const { value } = written;
  const limit = written.isPattern ? (1n << BigInt(range.widthBits)) - 1n : range.greatest;
  if (value >= range.least && value <= limit) return decoded(value);
  const why = `does not fit ${name}: ${forPeople(range.least)} … ${forPeople(range.greatest)}`;
  return undecodable({ kind: 'not-allowed', what: shownNumber(plain.value), why });
};

/** A number from 0 to `most`, as an option or a field takes it; null: the text is none. */
export const parseCount = (text: string, most: number): number | null => {
  const value = parseNumber(text)?.value ?? -1n;
  return value >= 0n && value <= BigInt(most) ? Number(value) : null;
};
