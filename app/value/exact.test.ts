import { expect, test } from 'vitest';
import { exactDecimal, exactSum } from './exact.ts';

test.each([
  [2.875, '2.875'],
  [2.5 * 2.875, '7.1875'],
  [-0.0078125, '-0.0078125'],
  [0, '0'],
  [-0, '-0'],
  [65504, '65504'],
  [2 ** 100, '1.267650600228229401496703205376e30'],
  [Number.POSITIVE_INFINITY, 'Inf'],
  [Number.NEGATIVE_INFINITY, '-Inf'],
  [Number.NaN, 'NaN'],
])('[V2] %d has its exact digits: %s', (value, text) => {
  expect(exactDecimal(value)).toBe(text);
  if (Number.isFinite(value)) expect(Number(exactDecimal(value))).toBe(value);
});

test('[V2] a value of very many digits is said to be near', () => {
  expect(exactDecimal(Number.MIN_VALUE)).toMatch(/^≈/);
});

test('[V11] a sum is exact where doubles would round it', () => {
  expect(exactSum([2 ** 60, 1, -(2 ** 60)])).toBe('1');
  expect(exactSum([0.5, 2.5 * 2.875])).toBe('7.6875');
  expect(exactSum([-7871, -206])).toBe('-8077');
  expect(exactSum([1, -1])).toBe('0');
  expect(exactSum([])).toBe('0');
  expect(exactSum([1, Number.NaN])).toBeNull();
  expect(exactSum([2 ** 900, 2 ** -900])).toMatch(/^≈/);
});
