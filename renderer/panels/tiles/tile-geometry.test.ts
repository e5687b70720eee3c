import { expect, test } from 'vitest';
import type { TileType } from '../../../app/tile/tile-type.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { notationOf, notationText } from './notation.ts';
import { tileGeometry } from './tile-geometry.ts';

/** A matrix as far as its geometry and its notation look at it. */
const scene = (type: TileType, rows: number, columns: number, values: readonly number[] = [1]): TileScene =>
  ({
    ...{ tile: 0, reading: { type, interpretation: 'stored' } },
    ...{ extent: { rows, colsb: 64 }, matrix: { rows, columns, type, interpretation: 'stored' } },
    ...{ values: Float64Array.from(values), statistics: {}, marks: [], outside: [] },
  }) as unknown as TileScene;

const ROOM = { widthPx: 800, heightPx: 435 };

test('[U3] sixteen columns of 32 bits are whole at the usual width, with numbers and rows of 27', () => {
  const geometry = tileGeometry(scene('i32', 16, 16, [-88_700, 12]), 'both', ROOM, false);
  expect(geometry).toMatchObject({ rows: 16, columns: 16, cellPx: 50, rowPx: 27, notation: { kind: 'integer' } });
  expect(geometry.widthPx).toBeLessThanOrEqual(ROOM.widthPx);
  expect(geometry.heightPx).toBeLessThanOrEqual(ROOM.heightPx);
});

test('a low view has lower rows, and never lower than 20', () => {
  expect(tileGeometry(scene('i32', 16, 16), 'both', { widthPx: 900, heightPx: 365 }, false).rowPx).toBe(22);
  expect(tileGeometry(scene('i32', 16, 16), 'both', { widthPx: 900, heightPx: 100 }, false).rowPx).toBe(20);
});

test('what is not configured is folded away, and the cells grow into the room', () => {
  expect(tileGeometry(scene('i32', 5, 7), 'both', ROOM, false)).toMatchObject({ rows: 5, columns: 7, cellPx: 72 });
  expect(tileGeometry(scene('i32', 5, 7), 'both', ROOM, true)).toMatchObject({ rows: 16, columns: 16, cellPx: 50 });
});

test('sixteen columns are whole however many panes stand beside: heat alone where numbers find no room, numbers by scrolling where they are asked for', () => {
  const narrow = { widthPx: 430, heightPx: 320 };
  const both = tileGeometry(scene('i32', 16, 16, [-88_700, 12]), 'both', narrow, false);
  expect(both).toMatchObject({ cellPx: 26, notation: null });
  expect(both.widthPx).toBeLessThanOrEqual(narrow.widthPx);
  expect(tileGeometry(scene('i32', 16, 16), 'numbers', narrow, false)).toMatchObject({ cellPx: 34 });
  // At the least width with numbers an exponent has room.
  expect(
    tileGeometry(scene('i32', 16, 16, [-88_700, 12]), 'both', { widthPx: 544, heightPx: 320 }, false),
  ).toMatchObject({
    ...{ cellPx: 34, notation: { kind: 'exponent', digits: 0 } },
  });
});

test('bytes scroll sideways with numbers, and fit as heat alone', () => {
  expect(tileGeometry(scene('i8', 16, 64), 'both', ROOM, false)).toMatchObject({ cellPx: 26, columns: 64 });
  expect(tileGeometry(scene('i8', 16, 64), 'heat', ROOM, false)).toMatchObject({ cellPx: 12, notation: null });
});

test.each([
  ['i8', [-128, 7]],
  ['u8', [255]],
  ['i32', [-2_147_483_648, 1]],
  ['f32', [-1.5e-30, 2.5e30]],
  ['bf16', [-1.5e-30, 2.5e30]],
] as const)('[U3] numbers of %s that are asked for are seen, however many characters %j have', (type, values) => {
  for (const columns of [1, 16, 64])
    expect(tileGeometry(scene(type, 16, columns, values), 'numbers', ROOM, false).notation).not.toBeNull();
  expect(tileGeometry(scene(type, 16, 64, values), 'both', ROOM, false).notation).not.toBeNull();
});

test('[U4] one matrix has one notation: the widest element decides for all', () => {
  const wide = scene('i32', 2, 2, [-35_812, -148_100, 7, 0]);
  expect(notationOf(wide, 7)).toEqual({ kind: 'integer' });
  const narrow = notationOf(wide, 6);
  expect(narrow).toEqual({ kind: 'exponent', digits: 1 });
  if (narrow === null || narrow.kind === 'each') throw new Error('no notation');
  expect(Array.from(wide.values, (value) => notationText(value, narrow))).toEqual(['-3.6e4', '-1.5e5', '7.0e0', '0']);
});

test('floats have the same digits behind the point, as many as are needed and fit', () => {
  expect(notationOf(scene('f32', 2, 2, [1.5, -20.25, 3]), 8)).toEqual({ kind: 'fixed', decimals: 2 });
  expect(notationOf(scene('f32', 2, 2, [1.5, 2.5]), 8)).toEqual({ kind: 'fixed', decimals: 1 });
  expect(notationOf(scene('f32', 2, 2, [1e-9, 2.5]), 8)).toMatchObject({ kind: 'exponent' });
  expect(notationOf(scene('f32', 2, 2, [1e30, 2.5]), 2)).toBeNull();
});
