import { expect, test } from 'vitest';
import type { ProductDifference } from '../../../app/tile/product-compare.ts';
import { differsWords, mostOff, placesText } from './product-words.ts';

const at = (
  row: number,
  column: number,
  expectedBits = 0,
  foundBits = 0,
  distance: number | null = 0,
): ProductDifference => ({
  ...{ row, column, offsetBytes: row * 64 + column * 4, expectedBits, foundBits, distance, bothNan: false },
});
const comparison = (...differences: readonly ProductDifference[]) => ({ differences, cells: 256, nonZeroOutside: 0 });

test('[TP5] where a product differs', () => {
  expect(placesText([at(4, 9)])).toBe('4,9');
  expect(placesText([at(4, 9), at(11, 12)])).toBe('4,9 and 11,12');
  expect(placesText([1, 2, 3, 4, 5].map((column) => at(0, column)))).toBe('0,1 0,2 0,3 and 2 more');
});

test('[TP6] of one that a step made', () => {
  expect(differsWords({ c: 3, comparison: comparison(at(4, 9)) })).toBe(
    'tmm3 is not the product: 1 of 256 elements differ',
  );
  expect(differsWords({ c: 3, comparison: { ...comparison(), nonZeroOutside: 1 } })).toBe(
    'tmm3 is not the product: it is not zero around it',
  );
});

test('and by how much at most, with its sign', () => {
  const differences = [at(0, 0, 0xffff_ff32, 0xffff_fe32, 256), at(1, 0, 1479, 2503, 1024)];
  expect(mostOff({ type: 'i32', comparison: comparison(...differences) })).toBe('+1024');
  expect(mostOff({ type: 'i32', comparison: comparison(at(0, 0, 5, 0xffff_ffff, 6)) })).toBe('−6');
  expect(mostOff({ type: 'u32', comparison: comparison(at(0, 0, 0, 0xffff_ffff, 4_294_967_295)) })).toBe('+4294967295');
  expect(mostOff({ type: 'f32', comparison: comparison(at(0, 0, 1, 3, 2)) })).toBe('2 steps');
  expect(mostOff({ type: 'f32', comparison: comparison(at(0, 0, 1, 3, null)) })).toBe('NaN');
});
