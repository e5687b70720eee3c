import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { elementBytes } from '../../../app/value/element-type.ts';
import { printElement, printExact, printFitted } from '../../../app/value/print.ts';
import { elementTypeOf } from '../../store/select/vector.ts';
import type { Base, LaneType } from '../../store/state/view.ts';
import { inBase } from '../../store/view/bases.ts';
import { minus } from '../../wording.ts';

/** Advance width of a value digit at 11 px, and the room a cell keeps free. (LOOK: floor((cell − 8) / 6.6).) */
const DIGIT_PX = 6.6;
const PADDING_PX = 8;

export const charactersIn = (cellPx: number): number => Math.max(1, Math.floor((cellPx - PADDING_PX) / DIGIT_PX));

/** How wide a cell is that holds so many. */
export const pxOf = (characters: number): number => Math.ceil(characters * DIGIT_PX + PADDING_PX);

/** For a cell of so many characters. Hex always fits: its cells are as wide as their digits. */
export const fittedText = (type: LaneType, bytes: Uint8Array, offset: number, characters: number): string =>
  type === 'hex' ? toHexHighFirst(bytes.subarray(offset, offset + 4)) : printFitted(type, bytes, offset, characters);

/** Exact, with a hyphen as minus: for editors, copies and accessible names. */
export const exactText = (type: LaneType, bytes: Uint8Array, offset: number): string =>
  type === 'hex'
    ? `0x${toHexHighFirst(bytes.subarray(offset, offset + 4))}`
    : printElement(elementTypeOf(type), bytes, offset);

/** The same with every digit of a 16-bit float, for one element that is looked at. */
export const everyDigit = (type: LaneType, bytes: Uint8Array, offset: number): string =>
  type === 'hex' ? exactText(type, bytes, offset) : printExact(elementTypeOf(type), bytes, offset);

/** What is written in a cell of so many characters: without 0x where that finds no room; null: not all digits do. */
export const basedDigits = (text: string, characters: number): string | null => {
  const digits = text.length <= characters ? text : text.replace(/^0[xb]/, '');
  return digits.length <= characters ? minus(digits) : null;
};

/** In the base that was chosen for it, where the cell holds all of it; null: as it is. */
export const basedText = (path: string, exact: string, base: Base, characters: number): string | null =>
  base === 'own' ? null : basedDigits(inBase(path, exact, base), characters);

export const sizeOf = (type: LaneType): number => elementBytes(elementTypeOf(type));

export const isZero = (bytes: Uint8Array, offset: number, size: number): boolean => {
  for (let at = offset; at < offset + size; at += 1) if (bytes[at] !== 0) return false;
  return true;
};

/** NaN and infinities stand out as words. */
export const isWord = (text: string): boolean => /[A-Z]/.test(text);
