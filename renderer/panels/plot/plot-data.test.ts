import { expect, test } from 'vitest';
import { captureAfter, stageAssignments } from '../../../app/edit/assign.ts';
import { sampleAmxCapture } from '../../../app/fixtures/samples.ts';
import type { Stop } from '../../store/state/timeline.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { tilePair, tilesOf } from '../compare/tile-pair.ts';
import { componentLanes, histogram, matrixDifference, ofColumn, ofRow, rangeOf, shownCsv } from './plot-data.ts';

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
  expect(shownCsv(ofRow(scene([1, Number.NaN], 2), 0, 0))).toBe('column,"tmm0, row 0"\n0,1\n1,\n');
});

const after = (capture: ReturnType<typeof sampleAmxCapture>, path: string, value: string) => {
  const write = stageAssignments(capture, [{ path, value }]);
  if (!write.ok) throw new Error('not staged');
  return captureAfter(capture, write.value);
};

test('[U14] the difference of a tile from another stop, and of two tiles, element by element', () => {
  const a = sampleAmxCapture();
  const b = after(a, 'tmm0:i32[1][2]', '-5');
  const reading = { type: 'i32', interpretation: 'stored' } as const;
  const was = tilePair(a, b, 0, reading).a.values;
  const one = matrixDifference(tilePair(a, b, 0, reading), 'tmm0', { row: 1, column: 2 });
  const at = one.columns + 2;
  expect(one).toMatchObject({ differing: 1, here: at, end: Math.abs(-5 - (was[at] ?? 0)) });
  expect(one.values.flatMap((value, place) => (value === 0 ? [] : [place]))).toEqual([at]);
  expect(shownCsv(one).split('\n')[2]?.split(',')[3]).toBe(String(-5 - (was[at] ?? 0)));
  const own = matrixDifference(tilesOf(b, 0, 0, reading), 'tmm0 minus itself', null);
  expect([own.differing, own.end, own.here]).toEqual([0, 0, null]);
  const two = tilesOf(b, 0, 1, reading);
  expect(matrixDifference(two, 'two', null).values).toEqual(
    Array.from(two.b.values, (value, place) => value - (two.a.values[place] ?? 0)),
  );
});

test('[U14] each component over the stops: in use, init or absent, and as data', () => {
  const a = sampleAmxCapture();
  const b = after(a, 'xstate_bv', '0x3');
  const stops = [a, b].map((capture, at) => ({ number: at + 1, capture })) as unknown as readonly Stop[];
  const lanes = componentLanes(stops, 1);
  expect(lanes.here).toBe(1);
  expect(lanes.lanes.find(({ label }) => label === 'TILEDATA')?.states).toEqual(['in use', 'init']);
  expect(shownCsv(lanes)).toMatch(/^stop,"x87","SSE".*\n1,.*in use\n2,.*init\n$/);
});
