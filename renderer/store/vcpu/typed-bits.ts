import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { elementRow, isElementType } from '../../../app/value/element-type.ts';
import { parseElement } from '../../../app/value/parse.ts';
import { printExact } from '../../../app/value/print.ts';

/** A float that is being typed: every digit of the value that it is rounded to, and its bits. */
export interface TypedBits {
  readonly value: string;
  /** Hex, highest byte first; of an f80 sign and exponent stand before a line. */
  readonly bits: string;
}

/** @param path of the element that is edited: "st0:f80[0]"; null: it is no float, or the text is no value of it */
export const typedBits = (path: string, text: string): TypedBits | null => {
  const type = /:(\w+)\[/.exec(path)?.[1] ?? '';
  if (!isElementType(type) || elementRow(type).float === null || text.trim() === '') return null;
  const bytes = parseElement(type, text.trim());
  if (!bytes.ok) return null;
  const digits = toHexHighFirst(bytes.value);
  return {
    value: printExact(type, bytes.value, 0),
    bits: type === 'f80' ? `${digits.slice(0, 4)}_${digits.slice(4)}` : digits,
  };
};
