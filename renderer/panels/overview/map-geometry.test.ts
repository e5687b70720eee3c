import { expect, test } from 'vitest';
import { sampleAmxCapture, sampleCapture } from '../../../app/fixtures/samples.ts';
import { axisTicks, mapBlocks, mapScale, spreadLabels } from './map-geometry.ts';

test.each([
  ['without AMX', sampleCapture()],
  ['with AMX', sampleAmxCapture()],
])('%s: the blocks cover the area without a gap or an overlap', (_, { image }) => {
  let end = 0;
  for (const block of mapBlocks(image, image.layout)) {
    expect(block.offsetBytes).toBe(end);
    end += block.sizeBytes;
  }
  expect(end).toBe(image.layout.totalBytes);
});

test('the lower strip leaves a giant out, and the upper one always reaches 4096', () => {
  expect(mapScale(sampleAmxCapture().image.layout)).toEqual({ totalBytes: 11008, zoomBytes: 2816 });
  expect(mapScale(sampleCapture().image.layout)).toEqual({ totalBytes: 4096, zoomBytes: 2432 });
});

test('crowded labels are pushed apart and stay inside', () => {
  const from = [2, 4, 300, 690, 700, 706];
  const labels = spreadLabels(
    from.map((fromX) => ({ key: String(fromX), text: 'TILECFG', offsetText: '2752', hue: '', fromX })),
    710,
  );
  let end = -1;
  for (const label of labels) {
    expect(label.x).toBeGreaterThan(end);
    end = label.x + label.width;
  }
  expect(labels[0]?.x).toBeGreaterThanOrEqual(0);
  expect(end).toBeLessThanOrEqual(710);
});

test.each([300, 776, 1600])('ticks on %i px leave room between numbers', (px) => {
  const ticks = axisTicks(11008, px);
  expect(ticks[0]).toBe(0);
  for (let at = 1; at < ticks.length; at += 1) {
    expect((((ticks[at] ?? 0) - (ticks[at - 1] ?? 0)) / 11008) * px).toBeGreaterThanOrEqual(100);
  }
});
