import { expect, test } from 'vitest';
import { typedBits } from './typed-bits.ts';

test.each([
  ['st0:f80[0]', '3.25', '3.25', '4000_d000000000000000'],
  ['st7:f80[0]', '-1', '-1', 'bfff_8000000000000000'],
  ['zmm3:f32[1]', '0.1', '0.1', '3dcccccd'],
  ['zmm3:bf16[1]', '2.88', '2.875', '4038'],
  ['tmm2:f16[0][1]', '1e-3', '0.001000404357910156', '1419'],
  ['zmm3:f64[0]', '0x3ff8000000000000', '1.5', '3ff8000000000000'],
])('[V7] %s: %s is %s, bits %s', (path, text, value, bits) => {
  expect(typedBits(path, text)).toEqual({ value: expect.stringContaining(value), bits });
});

test.each([
  ['zmm3:i32[1]', '5'],
  ['k1', '5'],
  ['st0:f80[0]', ''],
  ['st0:f80[0]', 'x'],
])('%s: %s is no float', (path, text) => {
  expect(typedBits(path, text)).toBeNull();
});
