import { expect, test } from 'vitest';
import { nameWithSeen } from './spoken.ts';

test('[U18] a name holds what is seen word for word, and says it once', () => {
  expect(nameWithSeen('zmm3:f32[5] 42.916668', '42.917')).toBe('zmm3:f32[5] 42.916668, shown as 42.917');
  expect(nameWithSeen('zmm3:f32[5] -2.75, staged', '−2.75')).toBe('zmm3:f32[5] -2.75, staged');
  expect(nameWithSeen('rax 0x0000000000401b2c', '00000000_00401b2c')).toBe(
    'rax 0x0000000000401b2c, shown as 00000000_00401b2c',
  );
  // A part of a word is not the word.
  expect(nameWithSeen('tmm0[1][1] 1592', '15')).toBe('tmm0[1][1] 1592, shown as 15');
  expect(nameWithSeen('st0:f80[0] 0', '')).toBe('st0:f80[0] 0');
});
