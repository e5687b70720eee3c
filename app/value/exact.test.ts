import { expect, test } from 'vitest';
import { exactDecimal } from './exact.ts';

test.each([
  [2.875, '2.875'],
  [2.5 * 2.875, '7.1875'],
  [-0.0078125, '-0.0078125'],
  [0, '0'],
  [-0, '-0'],
  [65504, '65504'],
  [2 ** 100, '1.267650600228229401496703205376e30'],
  [Number.POSITIVE_INFINITY, 'Infinity'],
])('[V2] %d has its exact digits: %s', (value, text) => {
  expect(exactDecimal(value)).toBe(text);
  if (Number.isFinite(value)) expect(Number(exactDecimal(value))).toBe(value);
});

test('[V2] a value of very many digits is said to be near', () => {
  expect(exactDecimal(Number.MIN_VALUE)).toMatch(/^≈/);
});
