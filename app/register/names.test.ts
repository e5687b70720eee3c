import { expect, test } from 'vitest';
import type { Capture } from '../capture/capture.ts';
import { makeCapture, makeImage } from '../fixtures/preset-captures.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { encodeTileConfig, INIT_TILE_CONFIG } from '../tile/config.ts';
import { showText } from './read.ts';
import { REGISTERS } from './registers.ts';
import { pathsOf } from './slices.ts';
import { capture, json, layout, path, x87 } from './testdata/apx-capture.ts';

const made = (tile: Uint8Array, rows: number, colsb: number): Capture => {
  const contents = new Uint8Array(8192);
  contents.set(tile, 1024);
  const config = [{ rows: 0, colsb: 0 }, { rows, colsb }, ...INIT_TILE_CONFIG.tiles.slice(2)];
  const written = encodeTileConfig({ paletteId: 1, startRow: 0, tiles: config });
  return makeCapture(
    'apx',
    makeImage(
      layout,
      new Map([
        [17, written],
        [18, contents],
      ]),
    ),
  );
};

test('[R5] the types that tiles have are read like any other', () => {
  const of = made(Uint8Array.of(0x3c, 0x38, 0xbc, 0x7f, 0x00, 0x3c, 0x00, 0xc0), 1, 8);
  expect(json('tmm1:bf8', of)).toEqual([[1, 0.5, -1, 'NaN(0x3)', 0, 1, 0, -2]]);
  expect(json('tmm1:hf8[0][0]', of)).toBe(1.5);
  expect(json('tmm1:cf16[0][1]', of)).toBe('1-2i');
  expect(json('tmm1:tf32[0][1]', of)).toBe(-2.002);
});

test('[R5] a matrix taken apart: rows of pairs and quads', () => {
  const tile = new Uint8Array(1024);
  for (let row = 0; row < 2; row += 1) {
    for (let at = 0; at < 8; at += 1) tile[row * 64 + at] = row * 16 + at;
  }
  const of = made(tile, 2, 8);
  expect(json('tmm1:u8:vnni', of)).toEqual([
    [0, 4],
    [1, 5],
    [2, 6],
    [3, 7],
    [16, 20],
    [17, 21],
    [18, 22],
    [19, 23],
  ]);
  expect(json('tmm1:u8:vnni[5]', of)).toEqual([17, 21]);
  expect(json('tmm1:u8:vnni[5][1]', of)).toBe(21);
  expect(json('tmm1:u8:vnni[8]', of)).toEqual({ error: 'tmm1: it is 8 rows of 2 u8' });
  expect(showText(of, path('tmm1:u8:vnni'))).toBe('0, 4; 1, 5; 2, 6; 3, 7; 16, 20; 17, 21; 18, 22; 19, 23');
});

test('[R5] in words TILECFG is its fields, and a tile without a shape is not configured', () => {
  expect(showText(capture, path('tilecfg'))).toBe('palette_id 1, start_row 0, tmm0 2 rows of 12 bytes');
  expect(showText(capture, path('tmm1'))).toBe('not configured');
  expect(showText(capture, path('tmm1:i32'))).toBe('not configured');
  const left = made(Uint8Array.of(1, 2), 0, 0);
  expect(showText(left, path('tmm1:bf16'))).toBe('not configured; 2 bytes not zero');
  expect(showText(left, path('tmm1'))).toMatch(/^not configured; 0x0+201$/);
  const odd = made(new Uint8Array(0), 1, 4);
  const at = layout.components.find(({ bit }) => bit === 17)?.offsetBytes ?? 0;
  odd.image.bytes[at + 2] = 7;
  expect(showText(odd, path('tilecfg'))).toContain('reserved bytes not zero: 0x');
});

test('[R2] gdb’s names for parts of registers', () => {
  const zmm5 = String(json('zmm5')).slice(2);
  expect(json('ymm5h')).toBe(`0x${zmm5.slice(64, 96)}`);
  expect(json('zmm5h')).toBe(`0x${zmm5.slice(0, 64)}`);
  const zmm17 = String(json('zmm17')).slice(2);
  expect(json('ymm17h')).toBe(`0x${zmm17.slice(64, 96)}`);
  expect(json('zmm17h')).toBe(`0x${zmm17.slice(0, 64)}`);
  // FTW is 0: all empty.
  expect(json('ftag')).toBe('0xffff');
  const full = new Uint8Array(x87);
  full[4] = 0b0010_1000;
  full.fill(0, 32 + 16 * 2, 32 + 16 * 2 + 10);
  const some = makeCapture('apx', makeImage(layout, new Map([[0, full]])));
  // TOP is 3: R3 is ST(0), valid; R5 is ST(2), zero.
  expect(json('ftag', some)).toBe('0xf73f');
  const { general } = sampleCapture().facts;
  const whole = { ...capture, facts: { ...capture.facts, general } };
  const rax = String(json('rax', whole)).slice(2);
  expect([json('eax', whole), json('ax', whole), json('al', whole), json('ah', whole)]).toEqual(
    [rax.slice(8), rax.slice(12), rax.slice(14), rax.slice(12, 14)].map((digits) => `0x${digits}`),
  );
  const low = (name: string, digits: number): string => `0x${String(json(name, whole)).slice(-digits)}`;
  expect(['eip', 'esp', 'bp', 'si', 'di'].map((name) => json(name, whole))).toEqual([
    ...[low('rip', 8), low('rsp', 8), low('rbp', 4), low('rsi', 4), low('rdi', 4)],
  ]);
  expect(json('sp', whole)).toBe(json('rsp', whole));
});

test('[R2] segment registers, which are read and not written', () => {
  const sample = sampleCapture();
  expect(json('fs_base', sample)).toBe('0x00007f2e4c3ff740');
  expect(json('cs', sample)).toBe('0x0010');
  expect(json('gs_base')).toEqual({ state: 'not-known', why: 'not read' });
});

test.each([
  ['xmm0..3', ['xmm0', 'xmm1', 'xmm2', 'xmm3']],
  ['tmm6..7:bf16[1]', ['tmm6:bf16[1]', 'tmm7:bf16[1]']],
  ['k*', ['k0', 'k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7']],
  ['$pl*', ['pl3_ssp', 'pl0_ssp', 'pl1_ssp', 'pl2_ssp']],
  ['xmm3:u32[1..2]', ['xmm3:u32[1]', 'xmm3:u32[2]']],
  ['tmm0:i8[0..1][2..3]', ['tmm0:i8[0][2]', 'tmm0:i8[0][3]', 'tmm0:i8[1][2]', 'tmm0:i8[1][3]']],
  ['mxcsr.RC', ['mxcsr.RC']],
])('[R11] %s stands for several paths', (text, paths) => {
  expect(pathsOf(text)).toEqual({ ok: true, value: paths });
});

test.each(['zmm*', 'xmm*:f32', 'tmm*'])('[R11] %s is a whole file', (text) => {
  const paths = pathsOf(text);
  const rows = REGISTERS.filter(({ name }) => name.startsWith(text.slice(0, 3)));
  expect(paths.ok && paths.value).toHaveLength(rows.length);
});

test.each(['xmm7..0', 'xmm0..99', 'q*', 'xmm0:u32[3..1]', 'xmm0:u8[0..99999]'])('[R11] %s is refused', (text) => {
  expect(pathsOf(text).ok).toBe(false);
});
