import { describe, expect, test } from 'vitest';
import { fromBase64 } from '../bits/base64.ts';
import { readU32, writeU16, writeU32 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { KVM_TILES_XSAVE } from '../fixtures/kvm-tiles-xsave.ts';
import { decodeTileConfig, type TileConfig } from './config.ts';
import { expectedProduct } from './product.ts';
import { compareProduct } from './product-compare.ts';
import { type ProductInstruction, productRow } from './product-instruction.ts';
import {
  brokenProductRules,
  brokenShapeRules,
  type ProductExtents,
  type ProductOperands,
  productExtents,
} from './product-shape.ts';

/** One row of A, one column of B, one element of C; f32 results as bits. Elements in order, k dwords. */
const oneCell = (name: ProductInstruction, c: number, a: readonly number[], b: readonly number[]): number => {
  const bytes = ['bf8', 'hf8', 'i8', 'u8'].includes(productRow(name).a) ? 1 : name === 'TMMULTF32PS' ? 4 : 2;
  const put = (tile: Uint8Array, offset: number, value: number): void => {
    if (bytes === 1) tile[offset] = value;
    else (bytes === 2 ? writeU16 : writeU32)(tile, offset, value);
  };
  const tiles = { c: new Uint8Array(1024), a: new Uint8Array(1024), b: new Uint8Array(1024) };
  writeU32(tiles.c, 0, c);
  const perDword = 4 / bytes;
  const k = a.length / perDword;
  for (const [index, value] of a.entries()) put(tiles.a, index * bytes, value);
  for (const [index, value] of b.entries()) {
    put(tiles.b, Math.floor(index / perDword) * 64 + (index % perDword) * bytes, value);
  }
  const extents = { c: { rows: 1, colsb: 4 }, a: { rows: 1, colsb: 4 * k }, b: { rows: k, colsb: 4 } };
  const result = expectedProduct(name, tiles, extents);
  if (!result.ok) throw new Error(describeProblem(result.problem));
  return readU32(result.value, 0);
};

const f32 = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0;
const bf16 = (value: number): number => f32(value) >>> 16;

describe('order and rounding', () => {
  test('[M7] each element of a dword has its own accumulator', () => {
    const a = [2 ** 24, 1, 0, 1].map(bf16);
    const ones = [1, 1, 1, 1].map(bf16);
    // One accumulator for both would lose each 1 to the tie at 2^24.
    expect(oneCell('TDPBF16PS', 0, a, ones)).toBe(f32(2 ** 24 + 2));
  });

  test('[M7] C is added last', () => {
    const a = [2 ** 24, 0, -(2 ** 24), 0].map(bf16);
    expect(oneCell('TDPBF16PS', f32(1), a, [1, 1, 1, 1].map(bf16))).toBe(f32(1));
  });

  test('[M7] a multiply-add is fused: the product is not rounded', () => {
    const big = f32(2 ** 127);
    // The product 2^128 is beyond f32; fused with −2^127 it is not.
    const a = [f32(-(2 ** 127)), big];
    expect(oneCell('TMMULTF32PS', 0, a, [f32(1), f32(2)])).toBe(f32(2 ** 127));
  });

  test('[M7] a result is tiny, and flushed, as rounded to 24 bits without a lower end of the exponent', () => {
    const least = bf16(2 ** -63);
    const sumWith = (product: readonly [number, number]): number =>
      oneCell('TDPBF16PS', 0, [least, 0, bf16(product[0]), 0], [least, 0, bf16(product[1]), 0]);
    expect(sumWith([2 ** -75, -(2 ** -76)])).toBe(f32(2 ** -126));
    expect(sumWith([2 ** -75, -1.5 * 2 ** -76])).toBe(0);
    expect(sumWith([-1, 2 ** -126])).toBe(0);
  });

  test('[M7] what is flushed keeps its sign', () => {
    expect(oneCell('TDPBF16PS', 0x8000_0000, [bf16(-(2 ** -100)), 0], [bf16(2 ** -100), 0])).toBe(0);
    const flushed = [bf16(-(2 ** -100)), bf16(-(2 ** -100))];
    expect(oneCell('TDPBF16PS', 0x8000_0000, flushed, [bf16(2 ** -100), bf16(2 ** -100)])).toBe(0x8000_0000);
  });

  test('[M7] accumulators begin at +0', () => {
    expect(oneCell('TDPBF16PS', 0x8000_0000, [0x8000, 0x8000], [bf16(1), bf16(1)])).toBe(0);
  });

  test('[M7] denormals: of bf16 and of C zero, of fp16 and tf32 numbers', () => {
    expect(oneCell('TDPBF16PS', 0, [0x007f, 0], [bf16(2 ** 120), 0])).toBe(0);
    expect(oneCell('TDPBF16PS', 0x007f_ffff, [bf16(2 ** -60), 0], [bf16(2 ** -66), 0])).toBe(f32(2 ** -126));
    expect(oneCell('TDPFP16PS', 0, [0x0001, 0], [0x3c00, 0])).toBe(f32(2 ** -24));
    expect(oneCell('TMMULTF32PS', 0, [0x0040_0000], [f32(2 ** 10)])).toBe(f32(2 ** -117));
  });

  test('[M7] [M8] a denormal C is zero for bf16 and fp8, a number for tf32', () => {
    expect(oneCell('TDPBF16PS', 0x8000_0001, [0, 0], [0, 0])).toBe(0);
    expect(oneCell('TDPHF8PS', 0x8000_0001, [0, 0, 0, 0], [0, 0, 0, 0])).toBe(0);
    expect(oneCell('TMMULTF32PS', 0x8000_0001, [0], [0])).toBe(0x8000_0000);
    expect(oneCell('TMMULTF32PS', 0x0000_0001, [f32(2 ** -60)], [f32(2 ** -66)])).toBe(0x0080_0001);
  });

  test('[M7] tf32 is cut, not rounded', () => {
    expect(oneCell('TMMULTF32PS', 0, [0x3f80_1fff], [f32(1)])).toBe(f32(1));
  });

  test('[M8] the sum of fp8 products is rounded once', () => {
    // 2^30 + 2^6 is a tie of f32; the 2^-32 beyond a double breaks it upwards.
    const tie = [0x78, 0x48, 0, 0];
    const above = [0x78, 0x48, 0x01, 0];
    expect(oneCell('TDPBF8PS', 0, tie, tie)).toBe(f32(2 ** 30));
    expect(oneCell('TDPBF8PS', 0, above, above)).toBe(f32(2 ** 30 + 2 ** 7));
  });

  test('[M8] fp8: infinities of both signs, 0 · Inf and any NaN are QNaN indefinite', () => {
    const [inf, one, nan] = [0x7c, 0x3c, 0x7d];
    expect(oneCell('TDPBF8PS', 0, [inf, 0x80 | inf, 0, 0], [one, one, 0, 0])).toBe(0xffc0_0000);
    expect(oneCell('TDPBF8PS', 0, [inf, 0, 0, 0], [0, 0, 0, 0])).toBe(0xffc0_0000);
    expect(oneCell('TDPBF8PS', 0, [nan, 0, 0, 0], [one, 0, 0, 0])).toBe(0xffc0_0000);
    expect(oneCell('TDPBF8PS', 0x7f80_0001, [one, 0, 0, 0], [one, 0, 0, 0])).toBe(0xffc0_0000);
    expect(oneCell('TDPBF8PS', 0xff80_0000, [inf, 0, 0, 0], [one, 0, 0, 0])).toBe(0xffc0_0000);
    expect(oneCell('TDPHF8PS', 0, [0x7e, 0, 0, 0], [0x7e, 0, 0, 0])).toBe(f32(448 * 448));
    expect(oneCell('TDPHF8PS', 0, [0x7f, 0, 0, 0], [0x38, 0, 0, 0])).toBe(0xffc0_0000);
  });

  test('[M9] which NaN goes through, quieted', () => {
    const one = bf16(1);
    expect(oneCell('TDPBF16PS', 0, [0x7f81, 0], [one, 0])).toBe(0x7fc1_0000);
    expect(oneCell('TDPBF16PS', 0, [0x7fc1, 0xffc2], [0x7fc3, one])).toBe(0x7fc1_0000);
    expect(oneCell('TDPBF16PS', 0, [0x7fc1, 0, 0x7fc2, 0], [one, 0, one, 0])).toBe(0x7fc2_0000);
    expect(oneCell('TDPBF16PS', 0x7fc0_0009, [0x7fc1, 0], [one, 0])).toBe(0x7fc0_0009);
    expect(oneCell('TDPBF16PS', 0, [0x7f80, 0], [0, 0])).toBe(0xffc0_0000);
    // The imaginary part of A is negated as fp16, so that a NaN there changes its sign.
    expect(oneCell('TCMMRLFP16PS', 0, [0, 0x7e01], [0x3c00, 0x3c00])).toBe(0xffc0_2000);
  });

  test('[M7] complex: (1 + 2i) · (3 + 5i) = −7 + 11i', () => {
    const [a, b] = [
      [0x3c00, 0x4000],
      [0x4200, 0x4500],
    ];
    expect(oneCell('TCMMRLFP16PS', f32(100), a, b)).toBe(f32(93));
    expect(oneCell('TCMMIMFP16PS', f32(100), a, b)).toBe(f32(111));
  });

  test('[M7] integers wrap at 32 bits', () => {
    expect(oneCell('TDPBSSD', 0x7fff_ffff, [1, 0, 0, 0], [1, 0, 0, 0])).toBe(0x8000_0000);
    expect(oneCell('TDPBSUD', 0, [0xff, 0, 0, 0], [0xff, 0, 0, 0])).toBe(-255 >>> 0);
    expect(oneCell('TDPBUSD', 0, [0xff, 0, 0, 0], [0x80, 0, 0, 0])).toBe((-255 * 128) >>> 0);
    expect(oneCell('TDPBUUD', 0xffff_ffff, [0xff, 0, 0, 0], [0xff, 0, 0, 0])).toBe(255 * 255 - 1);
  });
});

const sizes = (...pairs: readonly (readonly [number, number])[]): TileConfig => ({
  paletteId: 1,
  startRow: 0,
  tiles: Array.from({ length: 8 }, (_, tile) => ({ rows: pairs[tile]?.[0] ?? 0, colsb: pairs[tile]?.[1] ?? 0 })),
});
const OPERANDS: ProductOperands = { c: 0, a: 1, b: 2 };
const GOOD = sizes([8, 48], [8, 16], [4, 48]);

describe('conditions for #UD', () => {
  const rulesOf = (config: TileConfig, operands = OPERANDS) => brokenProductRules(config, operands).map((r) => r.rule);

  test('[M5] none on tiles that fit', () => {
    expect(rulesOf(GOOD)).toEqual([]);
  });

  test.each([
    ['a palette of 0', { ...GOOD, paletteId: 0 }, OPERANDS, ['configured']],
    ['one tile twice', sizes([4, 16], [4, 16], [4, 16]), { c: 0, a: 1, b: 1 }, ['different-tiles']],
    ['a tile that is not there', GOOD, { c: 0, a: 1, b: 8 }, ['tile-number', 'configured', 'n', 'k']],
    ['a tile not configured', GOOD, { c: 0, a: 1, b: 3 }, ['configured', 'n', 'k']],
    ['rows of C and A', sizes([7, 48], [8, 16], [4, 48]), OPERANDS, ['m']],
    ['columns of C and B', sizes([8, 44], [8, 16], [4, 48]), OPERANDS, ['n']],
    ['columns of A and rows of B', sizes([8, 48], [8, 20], [4, 48]), OPERANDS, ['k']],
    ['colsb no multiple of 4', sizes([8, 46], [8, 16], [4, 46]), OPERANDS, ['dwords', 'dwords']],
  ] as const)('[M5] %s', (_, config, operands, expected) => {
    expect(rulesOf(config, operands)).toEqual(expected);
  });

  test('[M5] the limits of the CPU', () => {
    const extents = productExtents(GOOD, OPERANDS);
    expect(brokenShapeRules(extents, { maxK: 2, maxN: 32 }).map((r) => r.rule)).toEqual([
      ...['max-n', 'max-n', 'max-k', 'max-k'],
    ]);
  });

  test('[M5] no product is expected where the instruction raises #UD', () => {
    const tile = new Uint8Array(1024);
    const extents: ProductExtents = productExtents(sizes([7, 48], [8, 16], [4, 48]), OPERANDS);
    const result = expectedProduct('TDPBSSD', { c: tile, a: tile, b: tile }, extents);
    expect(result.ok ? '' : describeProblem(result.problem)).toBe(
      'TDPBSSD raises #UD: C has 7 rows and A has 8: both are M',
    );
  });
});

describe('a recorded guest', () => {
  const image = fromBase64(KVM_TILES_XSAVE);
  if (!image.ok) throw new Error('the fixture is base64');
  const config = decodeTileConfig(image.value.subarray(2752, 2816));
  if (!config.ok) throw new Error('the fixture has a configuration');
  const tile = (index: number): Uint8Array => image.value.subarray(2816 + 1024 * index, 2816 + 1024 * (index + 1));
  const zeros = new Uint8Array(1024);

  test.each([
    ['TDPBSSD', { c: 0, a: 1, b: 2 }, 'i32'],
    ['TDPBF16PS', { c: 3, a: 4, b: 5 }, 'f32'],
  ] as const)('[M10] %s: every cell as the guest has it', (name, operands, type) => {
    const extents = productExtents(config.value, operands);
    const result = expectedProduct(name, { c: zeros, a: tile(operands.a), b: tile(operands.b) }, extents);
    if (!result.ok) throw new Error(describeProblem(result.problem));
    const comparison = compareProduct(result.value, tile(operands.c), extents.c, type);
    expect(comparison).toEqual({ cells: 8 * 12, differences: [], nonZeroOutside: 0 });
    expect(readU32(result.value, 0)).toBe(type === 'i32' ? 39740 : f32(67.25));
  });

  test('[M10] a changed cell is found, with both values and how far apart they are', () => {
    const changed = tile(0).slice();
    writeU32(changed, 2 * 64 + 3 * 4, 27229);
    expect(compareProduct(tile(0), changed, { rows: 8, colsb: 48 }, 'i32').differences).toEqual([
      {
        ...{ row: 2, column: 3, offsetBytes: 140, expectedBits: 27228, foundBits: 27229 },
        ...{ distance: 1, bothNan: false },
      },
    ]);
  });
});

describe('comparison', () => {
  const differences = (type: 'i32' | 'u32' | 'f32', expected: number, found: number) => {
    const tileOf = (bits: number): Uint8Array => {
      const tile = new Uint8Array(1024);
      writeU32(tile, 0, bits);
      return tile;
    };
    return compareProduct(tileOf(expected), tileOf(found), { rows: 1, colsb: 4 }, type).differences[0];
  };

  test('[M10] distance: of integers their difference, of f32 the steps between them', () => {
    expect(differences('i32', 0x8000_0000, 0x7fff_ffff)?.distance).toBe(2 ** 32 - 1);
    expect(differences('u32', 0x8000_0000, 0x7fff_ffff)?.distance).toBe(1);
    expect(differences('f32', f32(1), f32(1) + 3)?.distance).toBe(3);
    expect(differences('f32', 0x0000_0001, 0x8000_0001)?.distance).toBe(2);
    expect(differences('f32', 0x7f7f_ffff, 0x7f80_0000)?.distance).toBe(1);
    expect(differences('f32', 0, 0)).toBeUndefined();
  });

  test('[M10] zeros of both signs differ and have no distance; to a NaN there is none', () => {
    expect(differences('f32', 0, 0x8000_0000)).toMatchObject({ distance: 0, bothNan: false });
    expect(differences('f32', f32(1), 0x7fc0_0000)).toMatchObject({ distance: null, bothNan: false });
    expect(differences('f32', 0x7fc0_0001, 0x7fc0_0000)).toMatchObject({ distance: null, bothNan: true });
  });

  test('[M10] bytes outside the configured part are counted, not compared', () => {
    const found = new Uint8Array(1024);
    found[4] = 1;
    found[64] = 1;
    const comparison = compareProduct(new Uint8Array(1024), found, { rows: 1, colsb: 4 }, 'i32');
    expect(comparison).toEqual({ cells: 1, differences: [], nonZeroOutside: 2 });
  });
});
