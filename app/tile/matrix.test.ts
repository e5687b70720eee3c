import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeU16, writeU32 } from '../bits/bytes.ts';
import { matrixStatistics, matrixValues, tileMatrix } from './matrix.ts';
import { perDword, TILE_TYPES, tileTypeRow } from './tile-type.ts';
import { elementAt, elementOffset, matrixExtent } from './vnni.ts';

const TYPES = TILE_TYPES.map((row) => row.name);
const anyType = fc.constantFrom(...TYPES);
const anyInterpretation = fc.constantFrom('stored' as const, 'vnni' as const);
const anyExtent = fc.record({ rows: fc.integer({ min: 1, max: 16 }), colsb: fc.integer({ min: 1, max: 64 }) });

describe('layouts', () => {
  test('[M3] stored: row by row, 64 bytes apart', () => {
    expect(matrixExtent('bf16', 'stored', { rows: 8, colsb: 16 })).toEqual({ rows: 8, columns: 8 });
    expect(elementOffset('bf16', 'stored', { row: 3, column: 5 })).toBe(3 * 64 + 10);
  });

  test('[M3] vnni: pairs and quads of rows share the dwords of one row', () => {
    expect(matrixExtent('bf16', 'vnni', { rows: 4, colsb: 48 })).toEqual({ rows: 8, columns: 12 });
    expect(elementOffset('bf16', 'vnni', { row: 5, column: 7 })).toBe(2 * 64 + 4 * 7 + 2);
    expect(matrixExtent('i8', 'vnni', { rows: 4, colsb: 48 })).toEqual({ rows: 16, columns: 12 });
    expect(elementOffset('i8', 'vnni', { row: 14, column: 3 })).toBe(3 * 64 + 4 * 3 + 2);
  });

  test('[M3] types of four bytes are not interleaved', () => {
    for (const type of TYPES.filter((name) => perDword(name) === 1)) {
      const place = { row: 5, column: 7 };
      expect(elementOffset(type, 'vnni', place)).toBe(elementOffset(type, 'stored', place));
    }
  });

  test('[M3] place to offset and back, every offset of the configured whole dwords once', () => {
    fc.assert(
      fc.property(anyType, anyInterpretation, anyExtent, (type, interpretation, extent) => {
        const { rows, columns } = matrixExtent(type, interpretation, extent);
        const { bytes } = tileTypeRow(type);
        const seen = new Set<number>();
        for (let row = 0; row < rows; row += 1) {
          for (let column = 0; column < columns; column += 1) {
            const offset = elementOffset(type, interpretation, { row, column });
            for (let byte = 0; byte < bytes; byte += 1) {
              expect(elementAt(type, interpretation, offset + byte)).toEqual({ row, column });
              expect((offset + byte) % 64).toBeLessThan(extent.colsb);
              expect(Math.floor(offset / 64)).toBeLessThan(extent.rows);
              seen.add(offset + byte);
            }
          }
        }
        const unit = interpretation === 'vnni' ? 4 : bytes;
        expect(seen.size).toBe(extent.rows * Math.floor(extent.colsb / unit) * unit);
      }),
      { seed: 5, numRuns: 60 },
    );
  });

  test('[M3] a matrix packed as oneDNN and the SDM describe it reads back', () => {
    // B[k][n] goes to row ⌊k / v⌋, element v·n + k mod v.
    const [k, n, v] = [10, 6, 2];
    const tile = new Uint8Array(1024);
    const view = new DataView(tile.buffer);
    for (let row = 0; row < k / v; row += 1) {
      for (let column = 0; column < n * v; column += 1) {
        const [logicalRow, logicalColumn] = [row * v + (column % v), Math.floor(column / v)];
        view.setUint16(row * 64 + column * 2, (logicalRow * 16 + logicalColumn) << 7, true);
      }
    }
    const matrix = tileMatrix(tile, { rows: 5, colsb: 24 }, 'bf16', 'vnni');
    const pattern = (row: number, column: number): number =>
      view.getUint16(elementOffset('bf16', 'vnni', { row, column }), true) >> 7;
    for (let row = 0; row < k; row += 1) {
      for (let column = 0; column < n; column += 1) expect(pattern(row, column)).toBe(row * 16 + column);
    }
    expect([matrix.rows, matrix.columns, matrix.nonZeroOutside]).toEqual([k, n, 0]);
  });
});

describe('matrices', () => {
  test('[M4] an element that is not there is our fault', () => {
    expect(() => tileMatrix(new Uint8Array(64), { rows: 1, colsb: 64 }, 'u8', 'stored')).toThrow('1024 bytes, not 64');
  });

  test('[M4] bytes outside rows × colsb that are not zero are counted', () => {
    const tile = new Uint8Array(1024).fill(1);
    expect(tileMatrix(tile, { rows: 2, colsb: 8 }, 'u8', 'stored').nonZeroOutside).toBe(1024 - 16);
    expect(tileMatrix(tile, { rows: 0, colsb: 0 }, 'u8', 'stored')).toMatchObject({ rows: 0, columns: 0 });
  });

  test('[M4] values and statistics', () => {
    const tile = new Uint8Array(1024);
    for (const [index, bits] of [0x3f80, 0xc000, 0x7f80, 0xff80, 0x7fc0, 0x8000].entries())
      writeU16(tile, index * 2, bits);
    const matrix = tileMatrix(tile, { rows: 2, colsb: 8 }, 'bf16', 'stored');
    expect([...matrixValues(matrix)]).toEqual([1, -2, Infinity, -Infinity, 0, 0, 0, 0]);
    const wide = tileMatrix(tile, { rows: 1, colsb: 12 }, 'bf16', 'stored');
    expect([...matrixValues(wide)]).toEqual([1, -2, Infinity, -Infinity, NaN, -0]);
    expect(matrixStatistics(wide)).toEqual({
      ...{ elements: 6, least: -2, greatest: 1, zeros: 1, infinities: 2, nans: 1 },
    });
  });

  test('[M4] no finite value, no least and greatest', () => {
    const tile = new Uint8Array(1024);
    writeU32(tile, 0, 0x7f80_0000);
    expect(matrixStatistics(tileMatrix(tile, { rows: 1, colsb: 4 }, 'f32', 'stored'))).toMatchObject({
      ...{ least: null, greatest: null, infinities: 1 },
    });
  });
});
