import { expect, test } from 'vitest';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { histogram, ofColumn, ofRow, plotCsv, rangeOf } from './plot-data.ts';

const scene = (values: readonly number[], columns: number): TileScene =>
  ({
    tile: 0,
    values: Float64Array.from(values),
    matrix: { rows: values.length / columns, columns },
  }) as unknown as TileScene;

test('a row and a column are what stands there; what is no number is left out', () => {
  const tile = scene([1, 2, Number.NaN, 4, 5, Number.POSITIVE_INFINITY], 3);
  expect(ofRow(tile, 0, 1)).toMatchObject({ title: 'tmm0, row 0', values: [1, 2, null], here: 1 });
  expect(ofColumn(tile, 1, 2)).toMatchObject({ values: [null, null], here: 1 });
  expect(rangeOf(ofRow(tile, 1, 0))).toEqual([0, 5]);
});

test('whole numbers of a small range have a bin each, others share out their range', () => {
  expect(histogram(scene([3, 3, 5, 4], 2), 5)).toMatchObject({ labels: ['3', '4', '5'], values: [2, 1, 1], here: 2 });
  const { values, labels } = histogram(scene([0, 0.5, 1000, Number.NaN], 2), null);
  expect(values.reduce((sum: number, value) => sum + (value ?? 0), 0)).toBe(3);
  expect([labels.length, values[0], values.at(-1)]).toEqual([24, 2, 1]);
  expect(histogram(scene([7, 7], 1), 7)).toMatchObject({ labels: ['7'], values: [2], here: 0 });
  expect(histogram(scene([Number.NaN], 1), null).values).toEqual([]);
});

test('data are saved as a spreadsheet takes them', () => {
  expect(plotCsv(ofRow(scene([1, Number.NaN], 2), 0, 0))).toBe('column,"tmm0, row 0"\n0,1\n1,\n');
});
