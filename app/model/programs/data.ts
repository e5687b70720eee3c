import { writeI32, writeU16, writeU32 } from '../../bits/bytes.ts';
import { TILE_COUNT, type TileSize } from '../../tile/config.ts';
import { f32Bits } from '../../tile/float-bits.ts';

/** Numbers that look like nothing in particular and are the same everywhere. (MINSTD, Park and Miller 1988.) */
const numbers = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state;
  };
};

/** Bytes that look random and are the same for the same seed. */
export const mixedBytes = (count: number, seed: number): Uint8Array => {
  const next = numbers(seed);
  return Uint8Array.from({ length: count }, () => (next() >> 8) & 0xff);
};

/** So many int32 of up to a million either way, little-endian. */
export const i32Bytes = (count: number, seed: number): Uint8Array => {
  const next = numbers(seed);
  const bytes = new Uint8Array(count * 4);
  for (let index = 0; index < count; index += 1) writeI32(bytes, index * 4, (next() % 2_000_001) - 1_000_000);
  return bytes;
};

/** Multiples of 1/8 between −4 and 4: exact in bf16, their sums of products not always in fp32's last bit. */
const eighths = (next: () => number): number => ((next() >> 8) % 65) / 8 - 4;

/** So many bf16, each a multiple of 1/8, little-endian. */
export const bf16Bytes = (count: number, seed: number): Uint8Array => {
  const next = numbers(seed);
  const bytes = new Uint8Array(count * 2);
  for (let index = 0; index < count; index += 1) writeU16(bytes, index * 2, f32Bits(eighths(next)) >>> 16);
  return bytes;
};

/** So many f32, a third of a multiple of 1/8 each, little-endian. */
export const f32Bytes = (count: number, seed: number): Uint8Array => {
  const next = numbers(seed);
  const bytes = new Uint8Array(count * 4);
  for (let index = 0; index < count; index += 1) writeU32(bytes, index * 4, f32Bits(eighths(next) / 3));
  return bytes;
};

/** Rows and colsb of the first tiles; the others are not configured. */
export const tileSizes = (...sizes: readonly (readonly [rows: number, colsb: number])[]): readonly TileSize[] =>
  Array.from({ length: TILE_COUNT }, (_, tile) => ({ rows: sizes[tile]?.[0] ?? 0, colsb: sizes[tile]?.[1] ?? 0 }));
