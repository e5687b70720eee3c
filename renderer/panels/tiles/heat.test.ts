import fc from 'fast-check';
import { expect, test } from 'vitest';
import { heatScale, heatStep, luminance } from './heat.ts';

const channels = (text: string): [number, number, number] => {
  const [r = 0, g = 0, b = 0] = text.match(/\d+/g)?.map(Number) ?? [];
  return [r, g, b];
};

test('a diverging scale is symmetric about zero', () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, min: -1e9, max: 1e9 }),
      fc.double({ noNaN: true, min: 1, max: 1e9 }),
      (value, end) => {
        const there = heatStep(value, end, 'diverging');
        expect(Math.abs(there + heatStep(-value, end, 'diverging') - 256)).toBeLessThanOrEqual(1);
      },
    ),
  );
  expect(heatStep(0, 5, 'diverging')).toBe(128);
  expect(heatStep(0, 0, 'diverging')).toBe(128);
  expect(heatStep(0, 5, 'sequential')).toBe(0);
  expect(heatStep(9, 5, 'sequential')).toBe(256);
});

test('text on every step can be read: 4.5:1 or better', () => {
  for (const stops of [
    ['#92ccfe', '#398bc9', '#1f1b18', '#b87128', '#ffb36f'],
    ['#f6f7e7', '#45c39e', '#283669'],
  ]) {
    const { fill, text } = heatScale(stops);
    for (const [step, colour] of fill.entries()) {
      const ground = luminance(channels(colour)) + 0.05;
      const ratio = text[step] === '#ffffff' ? 1.05 / ground : ground / 0.05;
      expect(ratio).toBeGreaterThanOrEqual(4.5);
    }
  }
});
