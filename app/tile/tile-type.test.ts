import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bytesOfUint, equalBytes, readU8, readU16, readU32 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { f16NanAsF32, f16Value, tf32Bits } from './float-bits.ts';
import { perDword, readComplex, TILE_TYPES, type TileType, tileTypeRow } from './tile-type.ts';
import {
  parseTileElement,
  printExactTileElement,
  printExactTileElementAmong,
  printFittedTileElement,
  printTileElement,
} from './tile-type-text.ts';

const TYPES = TILE_TYPES.map((row) => row.name);

const bytesOf = (type: TileType, pattern: number): Uint8Array => bytesOfUint(BigInt(pattern), tileTypeRow(type).bytes);
const read = (type: TileType, pattern: number): number => tileTypeRow(type).read(bytesOf(type, pattern), 0);
const print = (type: TileType, pattern: number): string => printTileElement(type, bytesOf(type, pattern), 0);
const parse = (type: TileType, text: string): number | string => {
  const bytes = parseTileElement(type, text);
  if (!bytes.ok) return describeProblem(bytes.problem);
  return bytes.value.length === 1
    ? readU8(bytes.value, 0)
    : bytes.value.length === 2
      ? readU16(bytes.value, 0)
      : readU32(bytes.value, 0);
};

/** fp8 by the text of OCP OFP8 1.0, table 1, from the digits of the pattern. */
const fp8ByTable = (type: 'bf8' | 'hf8', pattern: number): number => {
  const digits = pattern.toString(2).padStart(8, '0');
  const [exponentBits, bias] = type === 'bf8' ? [5, 15] : [4, 7];
  const sign = digits[0] === '1' ? -1 : 1;
  const exponent = digits.slice(1, 1 + exponentBits);
  const mantissa = digits.slice(1 + exponentBits);
  if (type === 'bf8' && exponent === '11111') return mantissa === '00' ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (type === 'hf8' && exponent + mantissa === '1111111') return Number.NaN;
  const isDenormal = !exponent.includes('1');
  const units = Number.parseInt((isDenormal ? '0' : '1') + mantissa, 2);
  return (sign * units * 2 ** (isDenormal ? 1 - bias : Number.parseInt(exponent, 2) - bias)) / 2 ** mantissa.length;
};

describe('values', () => {
  test.each(['bf8', 'hf8'] as const)('[M1] all 256 patterns of %s', (type) => {
    for (let pattern = 0; pattern < 256; pattern += 1) {
      expect(Object.is(read(type, pattern), fp8ByTable(type, pattern)), `0x${pattern.toString(16)}`).toBe(true);
    }
  });

  test('[M1] the landmarks that OFP8 lists', () => {
    const at = (type: 'bf8' | 'hf8', digits: string): number =>
      read(type, Number.parseInt(digits.replaceAll('.', ''), 2));
    expect(at('bf8', '0.11110.11')).toBe(57344);
    expect(at('bf8', '0.00001.00')).toBe(2 ** -14);
    expect(at('bf8', '0.00000.11')).toBe(0.75 * 2 ** -14);
    expect(at('bf8', '0.00000.01')).toBe(2 ** -16);
    expect(at('bf8', '1.11111.00')).toBe(Number.NEGATIVE_INFINITY);
    expect(at('hf8', '0.1111.110')).toBe(448);
    expect(at('hf8', '0.0001.000')).toBe(2 ** -6);
    expect(at('hf8', '0.0000.111')).toBe(0.875 * 2 ** -6);
    expect(at('hf8', '0.0000.001')).toBe(2 ** -9);
    expect(at('hf8', '1.1111.111')).toBeNaN();
  });

  test('[M1] E5M2 is the upper half of fp16', () => {
    for (let pattern = 0; pattern < 256; pattern += 1) expect(read('bf8', pattern)).toEqual(f16Value(pattern << 8));
  });

  test('[M1] all patterns of fp16 as its definition has them', () => {
    const wrong: string[] = [];
    for (let pattern = 0; pattern < 0x10000; pattern += 1) {
      const exponent = (pattern >> 10) & 31;
      const fraction = pattern & 1023;
      const magnitude = exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25);
      const value = exponent === 31 ? (fraction === 0 ? Number.POSITIVE_INFINITY : Number.NaN) : magnitude;
      if (!Object.is(f16Value(pattern), pattern >> 15 ? -value : value)) wrong.push(`0x${pattern.toString(16)}`);
    }
    expect(wrong).toEqual([]);
  });

  test('[M1] integers, bf16, fp32', () => {
    expect(read('i8', 0x80)).toBe(-128);
    expect(read('u8', 0x80)).toBe(128);
    expect(read('i32', 0xffff_ffff)).toBe(-1);
    expect(read('u32', 0xffff_ffff)).toBe(4294967295);
    expect(read('bf16', 0x4049)).toBe(3.140625);
    expect(read('bf16', 0x0001)).toBe(2 ** -133);
    expect(read('f32', 0x4048_f5c3)).toBe(Math.fround(3.14));
  });

  test('[M1] tf32 reads 19 bits of its dword, and a NaN stays a NaN', () => {
    expect(read('tf32', 0x3f80_1fff)).toBe(1);
    expect(read('tf32', 0x3f80_2000)).toBe(1 + 2 ** -10);
    expect(read('tf32', 0x7f80_0001)).toBeNaN();
    expect(tf32Bits(0xff80_0001)).toBe(0xffc0_0000);
  });

  test('[M1] complex: real part low, imaginary part high; a heat map shows the magnitude', () => {
    expect(readComplex(bytesOf('cf16', 0x4400_4200), 0)).toEqual({ re: 3, im: 4 });
    expect(read('cf16', 0x4400_4200)).toBe(5);
    expect(read('cf16', 0x7e00_7c00)).toBeNaN();
  });

  test('[M1] an fp16 NaN widens with its sign and fraction, quiet', () => {
    expect(f16NanAsF32(0xfc01)).toBe(0xffc0_2000);
    expect(f16NanAsF32(0x7e01)).toBe(0x7fc0_2000);
  });

  test('[M1] elements in a dword', () => {
    expect(Object.fromEntries(TYPES.map((type) => [type, perDword(type)]))).toEqual({
      ...{ i8: 4, u8: 4, i32: 1, u32: 1, bf16: 2, f16: 2, cf16: 1, bf8: 4, hf8: 4, tf32: 1, f32: 1 },
    });
  });
});

describe('text', () => {
  test.each(['bf8', 'hf8'] as const)('[M2] every pattern of %s prints and reads back', (type) => {
    for (let pattern = 0; pattern < 256; pattern += 1) expect(parse(type, print(type, pattern))).toBe(pattern);
  });

  test.each(['bf8', 'hf8'] as const)('[M2] %s: no shorter decimal reads back', (type) => {
    for (let pattern = 1; pattern < 0x7c; pattern += 1) {
      const text = print(type, pattern);
      const digits = text.replace(/e.*/, '').replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length;
      const shorter = digits < 2 ? text : read(type, pattern).toPrecision(digits - 1);
      expect(digits < 2 || parse(type, shorter) !== pattern, `${text} or ${shorter}`).toBe(true);
    }
  });

  test.each(['bf8', 'hf8'] as const)('[M2] %s: of as many digits none is nearer', (type) => {
    expect(print('bf8', 0x2e)).toBe('0.09');
    expect(print('bf16', 0x0001)).toBe('9e-41');
    for (let pattern = 1; pattern < 0x7c; pattern += 1) {
      const value = read(type, pattern);
      const text = print(type, pattern);
      const digits = text.replace(/e.*/, '').replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length;
      const nearest = Math.abs(Number(value.toPrecision(digits)) - value);
      expect(Math.abs(Number(text) - value), `0x${pattern.toString(16)} as ${text}`).toBeLessThanOrEqual(nearest);
    }
  });

  test.each(['bf8', 'hf8'] as const)(
    '[M2] between neighbours of %s text is rounded to nearest, ties to even',
    (type) => {
      const last = type === 'bf8' ? 0x7b : 0x7e;
      for (let pattern = 0; pattern < last; pattern += 1) {
        const [below, above] = [read(type, pattern), read(type, pattern + 1)];
        const middle = (below + above) / 2;
        expect(parse(type, String(middle))).toBe(pattern % 2 === 0 ? pattern : pattern + 1);
        expect(parse(type, String(middle * (1 - 2 ** -40)))).toBe(pattern);
        expect(parse(type, String(middle * (1 + 2 ** -40)))).toBe(pattern + 1);
      }
    },
  );

  test('[M2] what does not fit is refused with the range', () => {
    expect(parse('hf8', '464')).toBe(0x7e);
    expect(parse('hf8', '465')).toBe('"465": does not fit hf8: −448 … 448; it has no infinity');
    expect(parse('hf8', 'inf')).toBe('"inf": does not fit hf8: −448 … 448; it has no infinity');
    expect(parse('hf8', 'nan(0x3)')).toBe('"nan(0x3)": the fraction of a NaN in hf8 is 0x7');
    expect(parse('bf8', '61439')).toBe(0x7b);
    expect(parse('bf8', '-61440')).toBe('"-61440": does not fit bf8: −57344 … 57344, or inf');
    expect(parse('i8', '128')).toMatch(/−128 … 127/);
    expect(parse('tf32', '3.5e38')).toMatch(/does not fit tf32/);
  });

  test('[M2] special values', () => {
    expect([0x7c, 0xfc, 0x7e, 0x7d, 0x80].map((pattern) => print('bf8', pattern))).toEqual([
      ...['Inf', '-Inf', 'NaN', 'NaN(0x1)', '-0'],
    ]);
    // The shortest text that reads back, as for every float: 260 is nearest to the 256 that 0x78 is.
    expect([0x7f, 0xff, 0x78].map((pattern) => print('hf8', pattern))).toEqual(['NaN', '-NaN', '260']);
  });

  test('[M2] tf32 prints with the digits of its own precision', () => {
    expect(print('f32', 0x4049_0fdb)).toBe('3.1415927');
    expect(print('tf32', 0x4049_0fdb)).toBe('3.14');
    expect(parse('tf32', '0.1')).toBe(0x3dcc_c000);
    expect(parse('tf32', '0x3dcccccd')).toBe(0x3dcc_cccd);
  });

  test('[M2] complex numbers', () => {
    expect(print('cf16', 0xc000_3e00)).toBe('1.5-2i');
    expect(print('cf16', 0x8000_8000)).toBe('-0-0i');
    expect(parse('cf16', '1.5 − 2i')).toBe(0xc000_3e00);
    expect(parse('cf16', '1e-1-2e-1i')).toBe(0xb266_2e66);
    expect(parse('cf16', '-i')).toBe(0xbc00_0000);
    expect(parse('cf16', '7')).toBe(0x0000_4700);
    expect(parse('cf16', '0xc0003e00')).toBe(0xc000_3e00);
    expect(parse('cf16', '1+70000i')).toMatch(/does not fit f16/);
    for (const text of ['', '1+', '1+2', '1++2i', '1+2j', 'i+1', '1i2i'])
      expect(parse('cf16', text)).toBeTypeOf('string');
  });

  /** The 19 bits used; a NaN that cutting would turn into an infinity is quieted first. */
  const usedTf32 = (bits: number): number => {
    const cut = (bits & 0xffff_e000) >>> 0;
    return (bits & 0x7fff_ffff) > 0x7f80_0000 && (cut & 0x7fff_ffff) === 0x7f80_0000 ? tf32Bits(bits) : cut;
  };

  test('[M2] a signaling NaN of tf32 is printed as it is stored', () => {
    expect(print('tf32', 0x7f81_0000)).toBe('NaN(0x8)');
    expect(print('tf32', 0x7f80_0001)).toBe('NaN');
  });

  test.each(TYPES)('[M2] any element of %s reads back from its text', (type) => {
    const bytes = fc.uint8Array({ minLength: tileTypeRow(type).bytes, maxLength: tileTypeRow(type).bytes });
    fc.assert(
      fc.property(bytes, (element) => {
        const parsed = parseTileElement(type, printTileElement(type, element, 0));
        const used = type === 'tf32' ? bytesOf(type, usedTf32(readU32(element, 0))) : element;
        expect(parsed.ok && equalBytes(parsed.value, used)).toBe(true);
      }),
      { seed: 4, numRuns: 500 },
    );
  });

  test.each(TYPES)('[M2] a cell of %s is never wider than it may be', (type) => {
    const bytes = fc.uint8Array({ minLength: tileTypeRow(type).bytes, maxLength: tileTypeRow(type).bytes });
    fc.assert(
      fc.property(bytes, fc.integer({ min: 1, max: 30 }), (element, width) => {
        const text = printFittedTileElement(type, element, 0, width);
        expect(text.length).toBeLessThanOrEqual(width);
        const whole = printTileElement(type, element, 0);
        if (whole.length <= width) expect(parse(type, text)).toBe(parse(type, whole));
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});

test.each(['bf16', 'f16', 'bf8', 'hf8'] as const)('[V11] every finite %s has every digit of its value', (type) => {
  const { bytes: size, read } = tileTypeRow(type);
  const wrong: string[] = [];
  for (let pattern = 0; pattern < 2 ** (8 * size); pattern += 1) {
    const bytes = bytesOfUint(BigInt(pattern), size);
    const value = read(bytes, 0);
    const text = printExactTileElement(type, bytes, 0);
    if (!Number.isFinite(value)) continue;
    const back = parseTileElement(type, text);
    const isRight = Object.is(Number(text), value) && isExact(text, value) && back.ok && read(back.value, 0) === value;
    if (!isRight) wrong.push(`${pattern}: ${text} is not ${value}`);
  }
  expect(wrong).toEqual([]);
});

test('[V11] the parts of a complex number have every digit too; longer floats read back', () => {
  const of = (type: TileType, value: number): string => printExactTileElement(type, bytesOfUint(BigInt(value), 4), 0);
  expect(of('tf32', 0x3f80_2000)).toBe('1.001');
  expect(of('cf16', 0x4100_c1c0)).toBe('-2.875+2.5i');
  expect(of('f32', 0x3dcc_cccd)).toBe('0.1');
  expect(printTileElement('bf16', Uint8Array.of(0x38, 0x40), 0)).toBe('2.88');
  expect(printExactTileElement('bf16', Uint8Array.of(0x38, 0x40), 0)).toBe('2.875');
  // Among other readings of the bytes a very long one is short.
  expect(printExactTileElementAmong('bf16', Uint8Array.of(0x38, 0x40), 0)).toBe('2.875');
  expect(printExactTileElement('bf16', Uint8Array.of(1, 0), 0).length).toBeGreaterThan(90);
  expect(printExactTileElementAmong('bf16', Uint8Array.of(1, 0), 0)).toBe('9e-41');
});

/** Whether the text, as a fraction of integers, is the double: no rounding on the way. */
const isExact = (text: string, value: number): boolean => {
  const [, sign = '', whole = '', part = '', exponent = '0'] = /^(-?)(\d+)(?:\.(\d+))?(?:e(-?\d+))?$/.exec(text) ?? [];
  const power = Number(exponent) - part.length;
  const digits = BigInt(whole + part) * (sign === '-' ? -1n : 1n);
  const [top, bottom] = power >= 0 ? [digits * 10n ** BigInt(power), 1n] : [digits, 10n ** BigInt(-power)];
  // 2^140 makes an integer of every value of these types.
  return top * 2n ** 140n === BigInt(value * 2 ** 140) * bottom;
};
