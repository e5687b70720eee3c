import { expect, test } from 'vitest';
import type { MemoryCell } from '../../store/select/memory-cells.ts';
import { cellText, matrixFit } from './matrix-fit.ts';

const bytes: readonly MemoryCell[] = [-28, 31, 0].map((value) => ({ text: String(value), value }));
const reals: readonly MemoryCell[] = [12.5, -1234.25, Number.NaN, Number.POSITIVE_INFINITY].map((value) => ({
  text: Number.isNaN(value) ? '-NaN(0x7fadfc)' : Number.isFinite(value) ? String(value) : 'Inf',
  value,
}));

test('[DA9] sixteen columns of bytes stand on both sides of a window of 1100 px, and of one column more there are none', () => {
  const fit = matrixFit(bytes, 'i8', 64, true, 948);
  expect(fit).toMatchObject({ columns: 16, cellPx: 24 });
  expect(matrixFit(bytes, 'i8', 64, true, 4000).columns).toBe(16);
});

test('where less fits the window is narrower, never the cells than their text', () => {
  for (const roomPx of [300, 500, 640, 806, 966]) {
    const { columns, cellPx } = matrixFit(bytes, 'i8', 64, true, roomPx);
    expect(cellPx).toBeGreaterThanOrEqual(24);
    expect(columns % 4).toBe(0);
    if (columns > 4) expect(2 * columns * cellPx + 92 + 44 + 24).toBeLessThanOrEqual(roomPx);
  }
});

test('what has fewer columns than would fit is shown whole', () => {
  expect(matrixFit(bytes, 'i8', 7, true, 948).columns).toBe(7);
});

test('one matrix has one notation; NaN and Inf are words', () => {
  const fit = matrixFit(reals, 'f32', 16, true, 966);
  expect(reals.map((cell) => cellText(cell, fit))).toEqual(['13', '−1234', 'NaN', 'Inf']);
});
