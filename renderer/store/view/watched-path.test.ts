import { expect, test } from 'vitest';
import { BIT } from '../../../app/xsave/components.ts';
import { allKeptBy, keptBy, otherTypes, typeWords } from './watched-path.ts';

test.each([
  ['zmm3:f32[3]', BIT.SSE, 'f32'],
  ['zmm3:f32[4]', BIT.AVX, 'f32'],
  ['zmm3:f32[8]', BIT.ZMM_Hi256, 'f32'],
  ['zmm17:u8[0]', BIT.Hi16_ZMM, 'u8'],
  ['tmm2:i8[15][63]', BIT.XTILEDATA, 'i8'],
  ['mxcsr.RC', BIT.SSE, 'field'],
  ['k1', BIT.opmask, '64 b'],
  ['rax', null, '64 b'],
  ['no register', null, 'field'],
] as const)('[U28] %s is kept by %s and read as %s', (path, bit, type) => {
  expect(keptBy(path)).toBe(bit);
  expect(typeWords(path)).toBe(type);
});

test('a register that several components keep names them all, one of its elements its own', () => {
  expect(allKeptBy('zmm3')).toEqual([BIT.SSE, BIT.AVX, BIT.ZMM_Hi256]);
  expect(allKeptBy('zmm3:f32[4]')).toEqual([BIT.AVX]);
  expect(allKeptBy('mxcsr')).toEqual([BIT.SSE]);
  expect(allKeptBy('xfd')).toEqual([]);
});

test('[U28] the next type reads the same place, and all of them lead round', () => {
  const next = otherTypes('zmm3:i8[9]', 1);
  expect(next.slice(0, 3)).toEqual(['zmm3:i16[4]', 'zmm3:i32[2]', 'zmm3:i64[1]']);
  expect(next).not.toContain('zmm3:i8[9]');
  expect(otherTypes('zmm3:i8[9]', -1)).toEqual(next.toReversed());
  expect(otherTypes('tmm1:i8[5][8]', 1)).toContain('tmm1:bf16[5][4]');
  expect(otherTypes('tmm1:i8[5]', 1)).toContain('tmm1:bf16[5]');
  // Taken apart for a product, only a type of the same width has its bytes at the same place.
  expect(otherTypes('tmm1:i8:vnni[5][8]', 1)).toEqual(expect.arrayContaining(['tmm1:u8:vnni[5][8]']));
  expect(otherTypes('tmm1:i8:vnni[5][8]', 1).join()).not.toContain('bf16');
  for (const path of ['rax', 'mxcsr.RC', 'tilecfg.rows[3]', 'st0:f80[0]'])
    expect(otherTypes(path, 1), path).toEqual([]);
  expect(otherTypes('zmm3', 1)[0]).toBe('zmm3:i8[0]');
});
