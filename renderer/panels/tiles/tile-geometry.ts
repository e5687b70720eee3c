import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { matrixExtent } from '../../../app/tile/vnni.ts';
import type { TileLook } from '../../store/state/tiles.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { integerCharacters, isInteger, type Notation, notationOf } from './notation.ts';

export const HEAD_PX = 24;
export const COLUMN_HEAD_PX = 16;
const FULL = { rows: 16, colsb: 64 };

/** Fonts of the values, the first that holds them: size, advance width of a digit, room kept free in a cell. */
const FONTS = [
  { fontPx: 11, digitPx: 6.6, paddingPx: 8 },
  { fontPx: 10, digitPx: 6.02, paddingPx: 6 },
] as const;

/** Below this a 32-bit cell shows heat alone; keyed by bytes an element. */
const NUMBERS_FROM_PX: Readonly<Record<number, number>> = { 1: 26, 2: 34, 4: 34 };
/** A cell is never narrower than this; keyed by bytes an element. */
const LEAST_PX: Readonly<Record<number, number>> = { 1: 5, 2: 10, 4: 20 };
/** Cells grow into the room that is won, so far as the eye still takes a row for one. */
const WIDEST_PX = 72;
/** So many columns are not scrolled. */
const WHOLE_COLUMNS = 16;
const ROW_LEAST_PX = 20;
const ROW_MOST_PX = 27;

/** The room that a matrix may fill, without its heads. */
export interface Room {
  readonly widthPx: number;
  readonly heightPx: number;
}

export interface TileGeometry {
  /** What is shown: the configured part, or where it is unfolded the whole tile. */
  readonly rows: number;
  readonly columns: number;
  readonly cellPx: number;
  readonly rowPx: number;
  readonly fontPx: number;
  /** null: too narrow for numbers. */
  readonly notation: Notation | null;
  readonly characters: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

interface Fit {
  readonly fontPx: number;
  readonly characters: number;
  readonly notation: Notation | null;
}

/** The largest font in which integers stand in full; where none holds them the larger one, with exponents. */
const fitOf = (scene: TileScene, cellPx: number): Fit => {
  const fits = FONTS.map(({ fontPx, digitPx, paddingPx }) => ({
    fontPx,
    characters: Math.max(1, Math.floor((cellPx - paddingPx) / digitPx)),
  }));
  const needed = isInteger(scene) ? integerCharacters(scene, 'integers') : 0;
  const fit = fits.find(({ characters }) => characters >= needed) ?? fits.at(-1) ?? { fontPx: 11, characters: 1 };
  return { ...fit, notation: notationOf(scene, fit.characters) };
};

const sized = (scene: TileScene, isUnfolded: boolean): { readonly rows: number; readonly columns: number } => {
  const { type, interpretation } = scene.reading;
  return isUnfolded ? matrixExtent(type, interpretation, FULL) : scene.matrix;
};

const made = (
  scene: TileScene,
  look: TileLook,
  shape: { readonly rows: number; readonly columns: number },
  cellPx: number,
  rowPx: number,
): TileGeometry => {
  const { bytes } = tileTypeRow(scene.reading.type);
  const none: Fit = { fontPx: 11, characters: 1, notation: null };
  const canRead = look !== 'heat' && cellPx >= (NUMBERS_FROM_PX[bytes] ?? 34) && rowPx >= 12;
  const fit = canRead ? fitOf(scene, cellPx) : none;
  const { rows, columns } = shape;
  return { rows, columns, cellPx, rowPx, ...fit, widthPx: cellPx * columns, heightPx: rowPx * rows };
};

/** Every cell a whole number of px; where the room does not hold numbers that are asked for, the tile scrolls sideways. */
export const tileGeometry = (scene: TileScene, look: TileLook, room: Room, isUnfolded: boolean): TileGeometry => {
  const shape = sized(scene, isUnfolded);
  const { bytes } = tileTypeRow(scene.reading.type);
  const columns = Math.max(1, shape.columns);
  const across = Math.floor(room.widthPx / columns);
  const isComplex = tileTypeRow(scene.reading.type).text.kind === 'complex';
  const heatPx = LEAST_PX[bytes] ?? 20;
  const numbersPx = isComplex ? 92 : (NUMBERS_FROM_PX[bytes] ?? 34);
  // All of a row of 32 bits is worth more than a digit or two of a part of it: heat alone where numbers are not all that is asked for.
  const isWhole = look === 'both' && !isComplex && columns <= WHOLE_COLUMNS && across >= heatPx;
  const least = look === 'heat' || isWhole ? heatPx : numbersPx;
  let cellPx = Math.max(least, Math.min(isComplex ? 120 : WIDEST_PX, across));
  // What scrolls for its numbers has them, also where a minus makes them wider than most.
  while (look !== 'heat' && !isWhole && cellPx < WIDEST_PX && fitOf(scene, cellPx).notation === null) cellPx += 1;
  const rowPx = Math.max(ROW_LEAST_PX, Math.min(ROW_MOST_PX, Math.floor(room.heightPx / Math.max(1, shape.rows))));
  return made(scene, look, shape, cellPx, rowPx);
};

/** A matrix whose cells are given, so that it lies edge to edge with another one. */
export const fixedGeometry = (scene: TileScene, look: TileLook, cellPx: number, rowPx: number): TileGeometry =>
  made(scene, look, sized(scene, false), cellPx, rowPx);
