import { expect, test } from 'vitest';
import { tileGeometry } from './tile-geometry.ts';

test('32-bit elements share the room, with numbers in them', () => {
  const geometry = tileGeometry({ type: 'i32', interpretation: 'stored' }, 'both', 760);
  expect(geometry).toMatchObject({ rows: 16, columns: 16, cellPx: 47, widthPx: 752 });
  expect(geometry.characters).not.toBeNull();
});

test('bytes scroll sideways with numbers, and fit as heat alone', () => {
  expect(tileGeometry({ type: 'i8', interpretation: 'stored' }, 'both', 760)).toMatchObject({
    cellPx: 32,
    columns: 64,
  });
  expect(tileGeometry({ type: 'i8', interpretation: 'stored' }, 'heat', 800)).toMatchObject({
    cellPx: 12,
    characters: null,
  });
});

test('un-interleaved quads are four times as high and as wide as dwords', () => {
  expect(tileGeometry({ type: 'u8', interpretation: 'vnni' }, 'both', 760)).toMatchObject({ rows: 64, columns: 16 });
});
