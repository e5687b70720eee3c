import { assert } from '../bits/decoded.ts';
import { bytesOutside, TILE_STRIDE_BYTES } from './geometry.ts';
import { type TileType, tileTypeRow } from './tile-type.ts';
import { type Extent, elementOffset, type Interpretation, matrixExtent } from './vnni.ts';

/** A tile seen as the matrix that the programmer means. It holds no copy of the bytes. */
export interface TileMatrix {
  readonly type: TileType;
  readonly interpretation: Interpretation;
  readonly rows: number;
  readonly columns: number;
  /** The tile's 1024 bytes. */
  readonly bytes: Uint8Array;
  /** How many bytes outside rows × colsb are not zero. */
  readonly nonZeroOutside: number;
}

/** Bytes are a whole tile, 1024; the extent is its configuration: nothing configured, an empty matrix. */
export const tileMatrix = (
  bytes: Uint8Array,
  extent: Extent,
  type: TileType,
  interpretation: Interpretation,
): TileMatrix => {
  assert(bytes.length === TILE_STRIDE_BYTES, `a tile is ${TILE_STRIDE_BYTES} bytes, not ${bytes.length}`);
  const { rows, columns } = matrixExtent(type, interpretation, extent);
  const nonZeroOutside = bytesOutside(bytes, { ...extent, columns }).length;
  return { type, interpretation, rows, columns, bytes, nonZeroOutside };
};

/** Every value of the matrix, row after row; of complex numbers the magnitudes. */
export const matrixValues = (matrix: TileMatrix): Float64Array => {
  const { rows, columns, bytes, type, interpretation } = matrix;
  const { read } = tileTypeRow(type);
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      values[row * columns + column] = read(bytes, elementOffset(type, interpretation, { row, column }));
    }
  }
  return values;
};

export interface MatrixStatistics {
  readonly elements: number;
  /** Over the finite values; null where there is none. Of complex numbers the magnitudes. */
  readonly least: number | null;
  readonly greatest: number | null;
  /** Zeros of either sign; a complex number is zero where both parts are. */
  readonly zeros: number;
  readonly infinities: number;
  /** A complex number counts here where either part is a NaN. */
  readonly nans: number;
}

/** Range and kinds of all numbers of a matrix; least and greatest are null where none is finite. */
export const matrixStatistics = (matrix: TileMatrix): MatrixStatistics => {
  let least: number | null = null;
  let greatest: number | null = null;
  const count = { zeros: 0, infinities: 0, nans: 0 };
  const values = matrixValues(matrix);
  for (const value of values) {
    if (Number.isNaN(value)) count.nans += 1;
    else if (!Number.isFinite(value)) count.infinities += 1;
    else {
      if (value === 0) count.zeros += 1;
      least = least === null ? value : Math.min(least, value);
      greatest = greatest === null ? value : Math.max(greatest, value);
    }
  }
  return { elements: values.length, least, greatest, ...count };
};
