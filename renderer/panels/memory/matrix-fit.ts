import type { MemoryCell } from '../../store/select/memory-cells.ts';
import type { MemoryType } from '../../store/state/memory-cells.ts';
import { minus } from '../../wording.ts';
import { type Notation, notationText, realNotation } from '../tiles/notation.ts';

const DIGIT_PX = 6.6;
/** Row number and the end of its address. */
export const ROW_HEAD_PX = 92;
/** How many of the row differ, and the row number of the tile. */
const COUNT_PX = 44;
const TILE_HEAD_PX = 24;
const MOST_COLUMNS = 16;
const LEAST_COLUMNS = 4;
/** Cells grow into the room that is won, so far as the eye still takes a row for one. */
const WIDEST_PX = 72;
/** A real number is written in no more than this where it need not be wider. */
const REAL_CHARACTERS = 6;

export interface MatrixFit {
  /** The columns that are shown: a window, which moves by its own width. */
  readonly columns: number;
  readonly cellPx: number;
  /** What finds room in a cell. */
  readonly characters: number;
  /** Null: each element as it is. */
  readonly notation: Exclude<Notation, { kind: 'each' }> | null;
}

const isReal = (type: MemoryType): boolean => !/^[iu]\d/.test(type) && type !== 'cf16';

/**
 * The same cells for memory and tile: as wide as their widest text, and as many columns as then fit side by side.
 * @param roomPx the width of the view
 */
export const matrixFit = (
  cells: readonly MemoryCell[],
  type: MemoryType,
  total: number,
  isBeside: boolean,
  roomPx: number,
): MatrixFit => {
  const sides = isBeside ? 2 : 1;
  const sidePx = (roomPx - ROW_HEAD_PX - (isBeside ? COUNT_PX + TILE_HEAD_PX : 0)) / sides;
  const values = cells.map(({ value }) => value).filter((value) => Number.isFinite(value) && value !== 0);
  const longest = cells.reduce(
    (most, { text, value }) => (Number.isNaN(value) ? most : Math.max(most, text.length)),
    3,
  );
  const paddingPx = /^[iu]8$/.test(type) ? 4 : 8;
  const needed = isReal(type) ? Math.min(longest, REAL_CHARACTERS) : longest;
  const leastPx = Math.max(24, Math.ceil(needed * DIGIT_PX + paddingPx));
  const most = Math.max(LEAST_COLUMNS, Math.floor(sidePx / leastPx));
  const columns = total <= Math.min(most, MOST_COLUMNS) ? total : Math.min(MOST_COLUMNS, most - (most % 4));
  const widest = Math.max(leastPx, Math.min(WIDEST_PX, longest * DIGIT_PX + 14));
  const cellPx = Math.floor(Math.max(leastPx, Math.min(widest, sidePx / columns)));
  const characters = Math.floor((cellPx - paddingPx) / DIGIT_PX);
  const notation = isReal(type) ? realNotation(values, characters) : null;
  return { columns, cellPx, characters, notation: notation === null || notation.kind === 'each' ? null : notation };
};

/** The text of a cell, in the notation of its matrix; NaN and infinities in words. */
export const cellText = ({ text, value }: MemoryCell, { notation }: MatrixFit): string => {
  if (Number.isNaN(value) && /nan/i.test(text)) return 'NaN';
  return minus(notation === null || !Number.isFinite(value) ? text : notationText(value, notation));
};
