import { expect, test } from 'vitest';
import { mostHigh } from './use-grid-fit.ts';

test('[U27] a table of 32 registers leaves room for what is decoded below it, one of 16 is whole', () => {
  expect(mostHigh(16, 600, 100)).toBeNull();
  expect(mostHigh(32, 640, 100)).toBe(314);
  expect(mostHigh(32, 400, 100)).toBe(280);
  expect(mostHigh(32, 1300, 100)).toBe(974);
});
