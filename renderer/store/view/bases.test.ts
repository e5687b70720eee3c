import { expect, test } from 'vitest';
import { basesOf, baseWords, inBase, nextBase } from './bases.ts';

test.each([
  ['rax', '0x00000000000000ff', 'decimal', '255'],
  ['rax', '0xffffffffffffffff', 'signed', '-1'],
  ['rax', '0xffffffffffffffff', 'decimal', '18446744073709551615'],
  ['fcw', '0x037f', 'binary', '0b0000_0011_0111_1111'],
  ['k1', '0x00000000000000ff', 'own', '0x00000000000000ff'],
  ['zmm3:i32[1]', '-1', 'hex', '0xffffffff'],
  ['zmm3:i32[1]', '-1', 'decimal', '4294967295'],
  ['tmm2:u8[0][3]', '200', 'signed', '-56'],
  ['tmm2:i8[0][3]', '-56', 'binary', '0b1100_1000'],
  ['zmm3:f32[1]', '1.5', 'hex', '0x3fc00000'],
  ['st0:f80[0]', '-1', 'hex', '0xbfff8000000000000000'],
  ['zmm3:f32[1]', 'NaN', 'decimal', '0x7fc00000'],
  ['tmm2:i8:vnni[5][3]', '-1', 'hex', '0xff'],
  ['tmm2:hf8[0][3]', '1.5', 'hex', '0x3c'],
  ['tmm2:cf16[0][3]', '1.5-2i', 'hex', '0xc0003e00'],
  ['tmm2:tf32[0][3]', '1.5', 'hex', '1.5'],
  ['mxcsr.RC', 'down', 'hex', 'down'],
  ['[0x403000]', '0xc4', 'decimal', '196'],
  ['[0x403000]', '0xc4', 'signed', '-60'],
  ['physical[0x403000]:i16', '-2', 'hex', '0xfffe'],
  ['[0x403000]:hf8', '1.5', 'hex', '0x3c'],
  ['[0x403000]:tf32', '1.5', 'hex', '1.5'],
  ['zmm3', '0x01', 'decimal', '0x01'],
] as const)('[U15] %s %s in %s is %s', (path, text, base, written) => {
  expect(inBase(path, text, base)).toBe(written);
});

test('[U15] one key goes round the ways that a value has', () => {
  const round = (path: string): string[] => {
    const seen = ['own'];
    for (let base = nextBase(path, 'own'); base !== 'own'; base = nextBase(path, base)) seen.push(base);
    return seen;
  };
  expect(round('rax')).toEqual(['own', 'decimal', 'signed']);
  expect(round('fcw')).toEqual(['own', 'decimal', 'signed', 'binary']);
  expect(round('[0x403000]')).toEqual(['own', 'decimal', 'signed', 'binary']);
  expect(round('[0x403000]:u32')).toEqual(['own', 'hex', 'signed']);
  expect(round('zmm3:i8[1]')).toEqual(['own', 'hex', 'decimal', 'binary']);
  expect(round('zmm3:f32[1]')).toEqual(['own', 'hex']);
  expect(basesOf('zmm3')).toEqual([]);
  expect(nextBase('mxcsr.RC', 'own')).toBe('own');
  expect([baseWords('rax', 'own'), baseWords('rax', 'signed'), baseWords('zmm3:f32[1]', 'own')]).toEqual([
    'Show in hex',
    'Show as a signed number',
    'Show as a number',
  ]);
});
