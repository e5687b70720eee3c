import { expect, test } from 'vitest';
import { expectedProduct } from './product.ts';
import { PRODUCTS } from './product-instruction.ts';
import type { ProductExtents } from './product-shape.ts';

const FRAME_MS = 1000 / 60;
const ROUNDS = 21;
const WHOLE: ProductExtents = { c: { rows: 16, colsb: 64 }, a: { rows: 16, colsb: 64 }, b: { rows: 16, colsb: 64 } };

/** Bytes of a fixed sequence (xorshift32): every element type finds numbers, denormals, infinities and NaNs in them. */
const tileOf = (seed: number): Uint8Array => {
  let state = seed * 0x9e3779b9 + 1;
  return Uint8Array.from({ length: 1024 }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state & 0xff;
  });
};

test('product check of eight tiles', () => {
  const sets = Array.from({ length: 8 }, (_, at) => ({ c: tileOf(at), a: tileOf(at + 8), b: tileOf(at + 16) }));
  for (const { name } of PRODUCTS) {
    const once = (): number => {
      const from = performance.now();
      for (const tiles of sets) expect(expectedProduct(name, tiles, WHOLE).ok).toBe(true);
      return performance.now() - from;
    };
    const sorted = Array.from({ length: ROUNDS }, once).sort((a, b) => a - b);
    const ms = sorted[Math.floor(ROUNDS / 2)] ?? Number.NaN;
    console.log(`bench: ${name}, eight whole tiles: ${ms.toFixed(2)} ms = ${(ms / FRAME_MS).toFixed(2)} frames`);
  }
});
