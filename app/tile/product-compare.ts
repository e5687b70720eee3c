import { readI32, readU32 } from '../bits/bytes.ts';
import { isF32Nan } from './float-bits.ts';
import { bytesOutside, ROW_STRIDE_BYTES } from './geometry.ts';
import { type Extent, matrixExtent } from './vnni.ts';

/** A dword of C that is not what the instruction would have left there. */
export interface ProductDifference {
  readonly row: number;
  readonly column: number;
  /** Where the dword lies in the tile's bytes; both tiles can be printed from there. */
  readonly offsetBytes: number;
  readonly expectedBits: number;
  readonly foundBits: number;
  /**
   * For integers how far apart the two numbers are; for f32 how many steps from one f32 to the next lie between them,
   * zeros of both signs being one place. Null where one of the two is a NaN.
   */
  readonly distance: number | null;
  /** Both are NaNs, of different bits: the manual leaves open which NaN of several goes through. */
  readonly bothNan: boolean;
}

export interface ProductComparison {
  readonly cells: number;
  readonly differences: readonly ProductDifference[];
  /** Bytes outside rows × colsb that are not zero, which the instruction leaves zero. */
  readonly nonZeroOutside: number;
}

/** The place of an f32 on the line of all of them, Inf one beyond the greatest. */
const placeOfF32 = (bits: number): number => (bits >= 0x8000_0000 ? 0x8000_0000 - bits : bits);

const f32Distance = (expected: number, found: number): number | null =>
  isF32Nan(expected) || isF32Nan(found) ? null : Math.abs(placeOfF32(expected) - placeOfF32(found));

const distanceOf = (
  type: 'i32' | 'u32' | 'f32',
  expected: Uint8Array,
  found: Uint8Array,
  offset: number,
): number | null => {
  if (type === 'f32') return f32Distance(readU32(expected, offset), readU32(found, offset));
  const read = type === 'i32' ? readI32 : readU32;
  return Math.abs(read(expected, offset) - read(found, offset));
};

/** Compares, bit by bit, two tiles of 1024 bytes: what was expected in C and what is there. */
export const compareProduct = (
  expected: Uint8Array,
  found: Uint8Array,
  extent: Extent,
  type: 'i32' | 'u32' | 'f32',
): ProductComparison => {
  const { rows, columns } = matrixExtent(type, 'stored', extent);
  const differences: ProductDifference[] = [];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const offsetBytes = row * ROW_STRIDE_BYTES + column * 4;
      const expectedBits = readU32(expected, offsetBytes);
      const foundBits = readU32(found, offsetBytes);
      if (expectedBits === foundBits) continue;
      const distance = distanceOf(type, expected, found, offsetBytes);
      const bothNan = type === 'f32' && isF32Nan(expectedBits) && isF32Nan(foundBits);
      differences.push({ row, column, offsetBytes, expectedBits, foundBits, distance, bothNan });
    }
  }
  return { cells: rows * columns, differences, nonZeroOutside: bytesOutside(found, { ...extent, columns }).length };
};
