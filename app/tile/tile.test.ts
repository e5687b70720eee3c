import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import {
  brokenTileRules,
  decodeTileConfig,
  encodeTileConfig,
  INIT_TILE_CONFIG,
  type TileConfig,
  tileConfigOf,
  tileUseWarnings,
} from './config.ts';
import { bytesOutside, tileByteOffset, tileShape } from './geometry.ts';

const tile = fc.oneof(
  fc.constant({ rows: 0, colsb: 0 }),
  fc.record({ rows: fc.integer({ min: 1, max: 16 }), colsb: fc.integer({ min: 1, max: 64 }) }),
);
const valid: fc.Arbitrary<TileConfig> = fc.record({
  paletteId: fc.constant(1),
  startRow: fc.integer({ min: 0, max: 255 }),
  tiles: fc.array(tile, { minLength: 8, maxLength: 8 }),
});

test('[T1] a valid configuration survives encoding and decoding', () => {
  fc.assert(
    fc.property(valid, (config) => {
      expect(decodeTileConfig(encodeTileConfig(config))).toEqual({ ok: true, value: config });
    }),
    { seed: 2 },
  );
});

test('[T1] cut at every length it is a problem', () => {
  const bytes = encodeTileConfig(INIT_TILE_CONFIG);
  for (let length = 0; length < 64; length += 1) {
    expect(decodeTileConfig(bytes.subarray(0, length))).toMatchObject({ ok: false, problem: { kind: 'truncated' } });
  }
});

const withByte = (offset: number, value: number): Uint8Array => {
  const tiles = Array.from({ length: 8 }, () => ({ rows: 8, colsb: 48 }));
  const bytes = encodeTileConfig({ paletteId: 1, startRow: 0, tiles });
  bytes[offset] = value;
  return bytes;
};

test.each([
  [0, 2, 'palette', null],
  [0, 255, 'palette', null],
  [0, 0, 'palette-0-not-zero', null],
  [2, 1, 'reserved', null],
  [15, 1, 'reserved', null],
  [32, 1, 'reserved', null],
  [47, 1, 'reserved', null],
  [56, 1, 'reserved', null],
  [63, 1, 'reserved', null],
  [22, 65, 'colsb', 3],
  [23, 1, 'colsb', 3],
  [48 + 5, 17, 'rows', 5],
  [48 + 5, 0, 'half-configured', 5],
  [16, 0, 'half-configured', 0],
])('[T2] byte %i = %i breaks the rule "%s"', (offset, value, rule, of) => {
  const broken = brokenTileRules(withByte(offset, value));
  expect(broken.map((one) => [one.rule, one.tile])).toEqual([[rule, of]]);
  expect(decodeTileConfig(withByte(offset, value)).ok).toBe(false);
});

test('[T2] every byte that LDTILECFG ignores or bounds: no other value breaks a rule', () => {
  for (let value = 0; value < 256; value += 1) expect(brokenTileRules(withByte(1, value))).toEqual([]);
  expect(brokenTileRules(new Uint8Array(64))).toEqual([]);
});

test('[T3] what LDTILECFG takes and a use refuses is a warning, not a broken rule', () => {
  const tiles = [{ rows: 4, colsb: 6 }, ...INIT_TILE_CONFIG.tiles.slice(1)];
  const config = { paletteId: 1, startRow: 4, tiles };
  expect(brokenTileRules(encodeTileConfig(config))).toEqual([]);
  expect(tileUseWarnings(config).map((one) => one.rule)).toEqual(['colsb-not-dwords', 'start-row']);
  expect(tileUseWarnings(INIT_TILE_CONFIG)).toEqual([]);
});

test('[T4] rows are 64 bytes apart and tiles 1024, whatever colsb says', () => {
  expect(tileByteOffset(2, 3, 5)).toBe(2 * 1024 + 3 * 64 + 5);
  const config = { paletteId: 1, startRow: 0, tiles: [{ rows: 2, colsb: 7 }, ...INIT_TILE_CONFIG.tiles.slice(1)] };
  const shape = tileShape(config, 0, 4);
  expect(shape).toEqual({ rows: 2, colsb: 7, columns: 1 });
  expect(tileShape({ ...config, paletteId: 0 }, 0, 4)).toEqual({ rows: 0, colsb: 0, columns: 0 });
});

test('[T5] bytes outside rows × colsb that are not zero are found', () => {
  const bytes = new Uint8Array(1024);
  bytes[0] = 1;
  bytes[9] = 1;
  bytes[1023] = 1;
  expect(bytesOutside(bytes, { rows: 2, colsb: 8, columns: 2 })).toEqual([9, 1023]);
});

test('[T6] TILECFG in init configures nothing; without room for it there is no answer', () => {
  const none = makeImage(presetLayout('zen4'), new Map());
  expect(tileConfigOf(none).ok).toBe(false);
  const init = makeImage(presetLayout('sapphire-rapids'), new Map());
  init.bytes.fill(0xff, 2752, 2816);
  expect(tileConfigOf(init)).toEqual({ ok: true, value: INIT_TILE_CONFIG });
});
