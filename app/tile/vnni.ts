import { ROW_STRIDE_BYTES } from './geometry.ts';
import { perDword, type TileType, tileTypeRow } from './tile-type.ts';

/**
 * How the elements of a tile are laid out as a matrix. "stored": element j of row i is the j-th of the tile's row, as
 * operands A and C of a product have it. "vnni": operand B, whose rows a product reads in pairs (2-byte elements) or
 * quads (1-byte elements): dword n of the tile's row r holds the v elements of column n in the matrix rows v·r … v·r+v−1.
 * Types of four bytes are not interleaved; for them the two are the same. (Intel SDM, TDPBSSD and TDPBF16PS, Operation.)
 */
export type Interpretation = 'stored' | 'vnni';

/** An element of a matrix, both counted from 0. */
export interface Place {
  readonly row: number;
  readonly column: number;
}

/** What of a tile is configured. colsb is bytes per row. */
export interface Extent {
  readonly rows: number;
  readonly colsb: number;
}

const interleave = (type: TileType, interpretation: Interpretation): number =>
  interpretation === 'vnni' ? perDword(type) : 1;

/** Rows and columns of the matrix; bytes of a row that make no whole element, or in vnni no whole dword, are left out. */
export const matrixExtent = (
  type: TileType,
  interpretation: Interpretation,
  { rows, colsb }: Extent,
): { readonly rows: number; readonly columns: number } => {
  const v = interleave(type, interpretation);
  return { rows: rows * v, columns: Math.floor(colsb / (v * tileTypeRow(type).bytes)) };
};

/** Where in the tile's 1024 bytes an element of the matrix lies. */
export const elementOffset = (type: TileType, interpretation: Interpretation, { row, column }: Place): number => {
  const v = interleave(type, interpretation);
  const { bytes } = tileTypeRow(type);
  return Math.floor(row / v) * ROW_STRIDE_BYTES + (column * v + (row % v)) * bytes;
};

/** The inverse: which element of the matrix the byte of the tile at this offset belongs to. */
export const elementAt = (type: TileType, interpretation: Interpretation, offsetBytes: number): Place => {
  const v = interleave(type, interpretation);
  const inRow = Math.floor((offsetBytes % ROW_STRIDE_BYTES) / tileTypeRow(type).bytes);
  return { row: Math.floor(offsetBytes / ROW_STRIDE_BYTES) * v + (inRow % v), column: Math.floor(inRow / v) };
};
