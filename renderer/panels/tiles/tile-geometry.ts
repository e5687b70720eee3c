import { type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { matrixExtent } from '../../../app/tile/vnni.ts';
import type { TileLook, TileReading } from '../../store/tiles-slice.ts';

export const ROW_PX = 20;
export const HEAD_PX = 24;
/** Advance width of a value digit at 11 px, and the room a cell keeps free. */
const DIGIT_PX = 6.6;
const PADDING_PX = 8;
const FULL = { rows: 16, colsb: 64 };

/** Room for what a value of the type needs at least: -128, 255, -1e-4; below it a cell shows heat alone. */
const NUMBERS_FROM_PX: Readonly<Partial<Record<TileType, number>>> = { i8: 32, u8: 26, cf16: 92 };
const NUMBERS_FROM_OTHERS_PX = 40;
const numbersFrom = (type: TileType): number => NUMBERS_FROM_PX[type] ?? NUMBERS_FROM_OTHERS_PX;
/** A cell is never narrower than this, keyed by bytes an element. */
const LEAST_PX: Readonly<Record<number, number>> = { 1: 12, 2: 24, 4: 40 };

export interface TileGeometry {
  /** Rows and columns of the whole tile, configured or not. */
  readonly rows: number;
  readonly columns: number;
  readonly cellPx: number;
  /** null: too narrow for numbers. */
  readonly characters: number | null;
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Every cell a whole number of px; where the room does not hold them the tile scrolls sideways. */
export const tileGeometry = ({ type, interpretation }: TileReading, look: TileLook, roomPx: number): TileGeometry => {
  const { rows, columns } = matrixExtent(type, interpretation, FULL);
  const least = look === 'heat' ? (LEAST_PX[tileTypeRow(type).bytes] ?? 40) : numbersFrom(type);
  const cellPx = Math.max(least, Math.floor(roomPx / columns));
  const hasNumbers = look !== 'heat' && cellPx >= numbersFrom(type);
  return {
    rows,
    columns,
    cellPx,
    characters: hasNumbers ? Math.max(1, Math.floor((cellPx - PADDING_PX + 4) / DIGIT_PX)) : null,
    widthPx: cellPx * columns,
    heightPx: ROW_PX * rows,
  };
};
