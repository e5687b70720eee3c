import { describe, expect, test } from 'vitest';
import { readU32, writeU16, writeU32 } from '../bits/bytes.ts';
import { expectedProduct, type ProductTiles } from './product.ts';
import { PRODUCTS, type ProductInstruction, productRow } from './product-instruction.ts';
import type { ProductExtents } from './product-shape.ts';

/*
 * The reference: the manual's operations in exact arithmetic on bigints, rounded where the manual rounds. It shares no
 * code with the product: a number is significand · 2^exponent, and every format is taken apart by its fields.
 */
type Real =
  | { kind: 'finite'; negative: boolean; significand: bigint; exponent: number }
  | { kind: 'infinite'; negative: boolean }
  | { kind: 'nan'; bits: number };

const INDEFINITE: Real = { kind: 'nan', bits: 0xffc00000 };
const zero = (negative: boolean): Real => ({ kind: 'finite', negative, significand: 0n, exponent: 0 });

interface Fields {
  exponentBits: number;
  fractionBits: number;
  finiteTop?: boolean;
}
const FORMATS: Record<string, Fields> = {
  bf16: { exponentBits: 8, fractionBits: 7 },
  f16: { exponentBits: 5, fractionBits: 10 },
  bf8: { exponentBits: 5, fractionBits: 2 },
  hf8: { exponentBits: 4, fractionBits: 3, finiteTop: true },
  f32: { exponentBits: 8, fractionBits: 23 },
};

const decode = (format: string, bits: number, daz: boolean): Real => {
  const { exponentBits, fractionBits, finiteTop } = FORMATS[format] as Fields;
  const text = bits.toString(2).padStart(1 + exponentBits + fractionBits, '0');
  const negative = text[0] === '1';
  const field = Number.parseInt(text.slice(1, 1 + exponentBits), 2);
  const fractionText = text.slice(1 + exponentBits);
  const fraction = BigInt(`0b${fractionText}`);
  if (!text.slice(1, 1 + exponentBits).includes('0') && (!finiteTop || !fractionText.includes('0'))) {
    if (fraction === 0n) return { kind: 'infinite', negative };
    const widened = Number(fraction << BigInt(23 - fractionBits));
    return { kind: 'nan', bits: ((negative ? 0x80000000 : 0) + 0x7f800000 + (widened | 0x400000)) >>> 0 };
  }
  if (field === 0 && daz) return zero(negative);
  const bias = 2 ** (exponentBits - 1) - 1;
  const significand = field === 0 ? fraction : fraction + (1n << BigInt(fractionBits));
  return { kind: 'finite', negative, significand, exponent: (field === 0 ? 1 : field) - bias - fractionBits };
};

const signed = (real: Real & { kind: 'finite' }, exponent: number): bigint => {
  const magnitude = real.significand << BigInt(real.exponent - exponent);
  return real.negative ? -magnitude : magnitude;
};

/** To nearest even with 24 bits and no limit to the exponent; then what is below 2^-126 is flushed. */
const roundF32 = (negative: boolean, significand: bigint, exponent: number): Real => {
  let s = significand;
  let e = exponent;
  const drop = s.toString(2).length - 24;
  if (drop > 0) {
    const half = 1n << BigInt(drop - 1);
    const rest = s & ((half << 1n) - 1n);
    s >>= BigInt(drop);
    if (rest > half || (rest === half && (s & 1n) === 1n)) s += 1n;
    e += drop;
  }
  const top = e + s.toString(2).length - 1;
  if (s === 0n || top < -126) return zero(negative);
  return top > 127 ? { kind: 'infinite', negative } : { kind: 'finite', negative, significand: s, exponent: e };
};

const multiply = (x: Real, y: Real): Real => {
  if (x.kind === 'nan') return x;
  if (y.kind === 'nan') return y;
  const negative = x.negative !== y.negative;
  if (x.kind === 'infinite' || y.kind === 'infinite') {
    const hasZero = (x.kind === 'finite' && x.significand === 0n) || (y.kind === 'finite' && y.significand === 0n);
    return hasZero ? INDEFINITE : { kind: 'infinite', negative };
  }
  const significand = x.significand * y.significand;
  return { kind: 'finite', negative, significand, exponent: x.exponent + y.exponent };
};

const addExactly = (x: Real, y: Real): Real => {
  if (x.kind === 'nan') return x;
  if (y.kind === 'nan') return y;
  if (x.kind === 'infinite') return y.kind === 'infinite' && x.negative !== y.negative ? INDEFINITE : x;
  if (y.kind === 'infinite') return y;
  const exponent = Math.min(x.exponent, y.exponent);
  const sum = signed(x, exponent) + signed(y, exponent);
  if (sum === 0n) return zero(x.negative && y.negative && x.significand === 0n && y.significand === 0n);
  return { kind: 'finite', negative: sum < 0n, significand: sum < 0n ? -sum : sum, exponent };
};

const round = (real: Real): Real =>
  real.kind === 'finite' ? roundF32(real.negative, real.significand, real.exponent) : real;
const add = (x: Real, y: Real): Real => round(addExactly(x, y));

/** 0 · Inf on a NaN accumulator hands the accumulator on; a NaN factor goes before it. */
const fma = (a: Real, b: Real, c: Real): Real => {
  const product = multiply(a, b);
  const isInvalid = product.kind === 'nan' && a.kind !== 'nan' && b.kind !== 'nan';
  return isInvalid && c.kind === 'nan' ? c : add(product, c);
};

const bitsOf = (real: Real): number => {
  if (real.kind === 'nan') return real.bits;
  const sign = real.negative ? 0x80000000 : 0;
  if (real.kind === 'infinite') return sign + 0x7f800000;
  if (real.significand === 0n) return sign;
  const length = real.significand.toString(2).length;
  const fraction = Number((real.significand << BigInt(24 - length)) & 0x7fffffn);
  return sign + (real.exponent + length - 1 + 127) * 0x800000 + fraction;
};

const half = (tile: Uint8Array, row: number, index: number): number =>
  (tile[row * 64 + 2 * index] ?? 0) + 256 * (tile[row * 64 + 2 * index + 1] ?? 0);
const byte = (tile: Uint8Array, row: number, index: number): number => tile[row * 64 + index] ?? 0;

type Tiles = { c: Uint8Array; a: Uint8Array; b: Uint8Array };

const referenceCell = (name: ProductInstruction, { c, a, b }: Tiles, m: number, n: number, k: number): number => {
  const before = readU32(c, m * 64 + 4 * n);
  const row = productRow(name);
  if (row.arithmetic === 'integer') {
    let sum = BigInt(before);
    for (let e = 0; e < 4 * k; e += 1) {
      const x = BigInt(byte(a, m, e));
      const y = BigInt(byte(b, Math.floor(e / 4), 4 * n + (e % 4)));
      sum += (row.a === 'i8' ? BigInt.asIntN(8, x) : x) * (row.b === 'i8' ? BigInt.asIntN(8, y) : y);
    }
    return Number(BigInt.asUintN(32, sum));
  }
  if (row.arithmetic === 'exact-sum') {
    let sum: Real = zero(false);
    for (let e = 0; e < 4 * k; e += 1) {
      const x = decode(row.a, byte(a, m, e), false);
      const y = decode(row.b, byte(b, Math.floor(e / 4), 4 * n + (e % 4)), false);
      sum = addExactly(sum, multiply(x, y));
    }
    const result = add(decode('f32', before, true), round(sum));
    return bitsOf(result.kind === 'nan' ? INDEFINITE : result);
  }
  if (name === 'TMMULTF32PS') {
    const cut = (bits: number): Real => {
      const isNan = (bits & 0x7fffffff) > 0x7f800000;
      return decode('f32', Number(BigInt(isNan ? bits | 0x400000 : bits) & 0xffffe000n), false);
    };
    let sum: Real = zero(false);
    for (let e = 0; e < k; e += 1) sum = fma(cut(readU32(a, m * 64 + 4 * e)), cut(readU32(b, e * 64 + 4 * n)), sum);
    return bitsOf(add(decode('f32', before, false), sum));
  }
  const isBf16 = name === 'TDPBF16PS';
  const at = (tile: Uint8Array, line: number, index: number, flip = 0): Real =>
    decode(isBf16 ? 'bf16' : 'f16', half(tile, line, index) ^ flip, isBf16);
  let even: Real = zero(false);
  let odd: Real = zero(false);
  for (let e = 0; e < k; e += 1) {
    const flip = name === 'TCMMRLFP16PS' ? 0x8000 : 0;
    const [s1e, s1o] = [at(a, m, 2 * e), at(a, m, 2 * e + 1, flip)];
    const [s2e, s2o] = [at(b, e, 2 * n), at(b, e, 2 * n + 1)];
    const isImaginary = name === 'TCMMIMFP16PS';
    even = fma(isImaginary ? s1o : s1e, s2e, even);
    odd = fma(isImaginary ? s1e : s1o, s2o, odd);
  }
  return bitsOf(add(decode('f32', before, true), add(even, odd)));
};

/** A small generator with a seed (Mulberry32): the same numbers in every run. */
const generator = (seed: number) => {
  let state = seed;
  return (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
};

const EXTENTS: ProductExtents = { c: { rows: 5, colsb: 28 }, a: { rows: 5, colsb: 64 }, b: { rows: 16, colsb: 28 } };

/** How the elements of a tile are drawn: any bits, exponents close together, or at the low end of the format. */
const STYLES = ['any', 'close', 'low', 'few specials'] as const;

const drawElement = (type: string, style: (typeof STYLES)[number], random: () => number): number => {
  const { exponentBits, fractionBits } = FORMATS[type] ?? { exponentBits: 0, fractionBits: 8 };
  const width = FORMATS[type] === undefined ? fractionBits : 1 + exponentBits + fractionBits;
  const any = Math.floor(random() * 2 ** width);
  if (style === 'any' || FORMATS[type] === undefined || (style === 'few specials' && random() < 0.004)) return any;
  const bias = 2 ** (exponentBits - 1) - 1;
  const middle = style === 'low' ? Math.max(0, Math.floor(bias / 2) - 4) : bias;
  const field = middle + Math.floor(random() * 7) - 3;
  const fraction = Math.floor(random() * 2 ** fractionBits);
  return Math.floor(random() * 2) * 2 ** (width - 1) + Math.max(0, field) * 2 ** fractionBits + fraction;
};

const drawTile = (type: string, style: (typeof STYLES)[number], random: () => number): Uint8Array => {
  const tile = new Uint8Array(1024);
  const plain = type === 'cf16' ? 'f16' : type === 'tf32' ? 'f32' : type;
  const bytes = plain === 'f16' || plain === 'bf16' ? 2 : plain === 'f32' || plain === 'i32' || plain === 'u32' ? 4 : 1;
  for (let at = 0; at < 1024; at += bytes) {
    if (bytes === 1) tile[at] = drawElement(plain, style, random);
    else if (bytes === 2) writeU16(tile, at, drawElement(plain, style, random));
    else writeU32(tile, at, plain === 'f32' ? drawElement('f32', style, random) : Math.floor(random() * 2 ** 32));
  }
  return tile;
};

const drawTiles = (name: ProductInstruction, style: (typeof STYLES)[number], random: () => number): Tiles => {
  const { a, b, c } = productRow(name);
  return { a: drawTile(a, style, random), b: drawTile(b, style, random), c: drawTile(c, style, random) };
};

const product = (name: ProductInstruction, tiles: ProductTiles, extents = EXTENTS): Uint8Array => {
  const result = expectedProduct(name, tiles, extents);
  if (!result.ok) throw new Error(JSON.stringify(result.problem));
  return result.value;
};

const NAMES = PRODUCTS.map((row) => row.name);
const cells = NAMES.flatMap((name) => STYLES.map((style) => [name, style] as const));

describe('products against exact arithmetic on bigints', () => {
  test.each(cells)('[M7] [M8] [M9] %s, elements drawn %s', (name, style) => {
    const random = generator(NAMES.indexOf(name) * 100 + STYLES.indexOf(style));
    let finite = 0;
    const wrong: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      const tiles = drawTiles(name, style, random);
      const found = product(name, tiles);
      for (let m = 0; m < 5; m += 1) {
        for (let n = 0; n < 7; n += 1) {
          const expected = referenceCell(name, tiles, m, n, 16);
          const bits = readU32(found, m * 64 + 4 * n);
          if (bits !== expected) wrong.push(`row ${m} column ${n}: ${bits.toString(16)}, not ${expected.toString(16)}`);
          if ((bits & 0x7f800000) !== 0x7f800000) finite += 1;
        }
      }
    }
    expect(wrong).toEqual([]);
    // A draw that gave nothing but NaNs would prove little.
    if (style === 'close' || style === 'low') expect(finite).toBeGreaterThan(200);
  });
});

test('[M6] outside rows × colsb the result is zero', () => {
  const tiles = drawTiles('TDPBSSD', 'any', generator(7));
  const found = product('TDPBSSD', tiles);
  const outside = found.filter((_, at) => Math.floor(at / 64) >= 5 || at % 64 >= 28);
  expect(outside.every((value) => value === 0)).toBe(true);
  expect(found.some((value) => value !== 0)).toBe(true);
});

test('prints what a check of eight tiles takes', () => {
  const full: ProductExtents = { c: { rows: 16, colsb: 64 }, a: { rows: 16, colsb: 64 }, b: { rows: 16, colsb: 64 } };
  const lines = NAMES.map((name) => {
    const sets = Array.from({ length: 8 }, (_, seed) => drawTiles(name, 'few specials', generator(seed)));
    const once = (): number => {
      const start = performance.now();
      for (const tiles of sets) expect(product(name, tiles, full)).toHaveLength(1024);
      return performance.now() - start;
    };
    const times = Array.from({ length: 9 }, once).sort((x, y) => x - y);
    return `${name} ${times[4]?.toFixed(2)} ms`;
  });
  console.log(`eight products of whole tiles, median of nine: ${lines.join(', ')}`);
});
