import fc from 'fast-check';
import { expect, test } from 'vitest';
import { equalBytes, readU32, readU64, toHexHighFirst, writeU16 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { compareWritten } from '../diff/compare.ts';
import { applyEdit, invertEdit } from '../fixtures/patches.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { parsePath } from '../register/path.ts';
import { showJson } from '../register/read.ts';
import { REGISTERS } from '../register/registers.ts';
import { encodeTileConfig, INIT_TILE_CONFIG } from '../tile/config.ts';
import { xstateBv } from '../xsave/header.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';
import { type StagedWrite, stageAssignments } from './assign.ts';
import { applyPatch } from './patch.ts';
import { stageRestore } from './restore.ts';
import { refusal, stage } from './testdata/staging.ts';

const layout = presetLayout('sapphire-rapids');
const tiles = [{ rows: 2, colsb: 12 }, ...INIT_TILE_CONFIG.tiles.slice(1)];
const config = encodeTileConfig({ paletteId: 1, startRow: 0, tiles });
const withTiles = new Map([
  [1, new Uint8Array(256).fill(1)],
  [9, Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0)],
  [17, config],
  [18, new Uint8Array(8192)],
]);
const captureOf = (contents: ReadonlyMap<number, Uint8Array>, mxcsr = 0x1f80): Capture =>
  makeCapture('sapphire-rapids', makeImage(layout, contents, mxcsr));
const amx = captureOf(withTiles);
const empty = captureOf(new Map());

const read = (capture: Capture, image: Image, text: string): unknown => {
  const path = parsePath(text);
  if (!path.ok) throw new Error(describeProblem(path.problem));
  return showJson({ ...capture, image }, path.value);
};

test('[E1] a patch is refused where the image holds other bytes than before', () => {
  const patch = { offsetBytes: 200, before: Uint8Array.of(9), after: Uint8Array.of(1) };
  expect(applyPatch(amx.image, patch).ok).toBe(false);
  expect(applyPatch(amx.image, { ...patch, before: Uint8Array.of(1, 1) }).ok).toBe(false);
  expect(applyPatch(amx.image, { ...patch, offsetBytes: 11008 }).ok).toBe(false);
});

const generated = new Map([
  [0, new Uint8Array(160).fill(2)],
  [2, new Uint8Array(256).fill(3)],
  [7, new Uint8Array(1024).fill(4)],
]);
const captures = [amx, empty, captureOf(generated, 0x3f80)];
const WRITABLE = REGISTERS.filter(({ source }) => ['fragments', 'mm', 'mxcsr', 'header'].includes(source.kind)).filter(
  (row) => !['tilecfg', 'bndcfgu', 'bndstatus'].includes(row.name) && !/^(tmm|bnd|r\d)/.test(row.name),
);
const anyWrite = fc
  .record({
    of: fc.nat(captures.length - 1),
    name: fc.constantFrom(...WRITABLE.map((row) => row.name)),
    bytes: fc.uint8Array({ minLength: 64, maxLength: 64 }),
  })
  .map(({ of, name, bytes }) => {
    const sizeBytes = (WRITABLE.find((row) => row.name === name)?.widthBits ?? 0) / 8;
    return { of, name, value: `0x${toHexHighFirst(bytes.subarray(0, sizeBytes))}` };
  });
const captureAt = (index: number): Capture => captures[index] ?? empty;

test('[E2] an edit and its inverse give the identical bytes back; the capture is not touched', () => {
  fc.assert(
    fc.property(anyWrite, ({ of, name, value }) => {
      const capture = captureAt(of);
      const original = capture.image.bytes.slice();
      const write = stage(capture, `${name}=${value}`);
      const applied = applyEdit(capture.image, write.edit);
      const undone = applyEdit(write.image, invertEdit(write.edit));
      // toEqual over 11008 bytes takes ten milliseconds, equalBytes none.
      expect(applied.ok && equalBytes(applied.value.bytes, write.image.bytes)).toBe(true);
      expect(undone.ok && equalBytes(undone.value.bytes, original)).toBe(true);
      expect(equalBytes(capture.image.bytes, original)).toBe(true);
    }),
    { seed: 5, numRuns: 200 },
  );
});

test('[E3] what was assigned is what reads back', () => {
  fc.assert(
    fc.property(anyWrite, ({ of, name, value }) => {
      const capture = captureAt(of);
      const shown = read(capture, stage(capture, `${name}=${value}`).image, name);
      // Zeros into a component in init leave it in init, and that is what is said.
      expect(typeof shown === 'string' ? shown : /^0x0+$|^0x037f$/.test(value)).toEqual(
        typeof shown === 'string' ? value : true,
      );
    }),
    { seed: 6, numRuns: 200 },
  );
});

test('[E4] writing into a component in init: its initial values, its XSTATE_BV bit, then the bytes', () => {
  const stale = captureOf(new Map());
  stale.image.bytes.fill(0xee, 1664, 1664 + 1024);
  const write = stage(stale, 'zmm17:u32[0]=7');
  expect(write.edit.patches.map((patch) => [patch.offsetBytes, patch.after.length])).toEqual([
    [1664, 1024],
    [512, 8],
    [1728, 64],
  ]);
  expect(xstateBv(write.image)).toBe(1n << 7n);
  expect(read(stale, write.image, 'zmm18')).toBe(`0x${'0'.repeat(128)}`);
  expect(write.touchedBits).toEqual([7]);
});

test('[E4] x87 out of init gets FCW 037FH and leaves MXCSR alone', () => {
  const stale = captureOf(new Map(), 0x3f80);
  stale.image.bytes.fill(0xee, 0, 24);
  const write = stage(stale, 'fsw=0x3800');
  expect(read(stale, write.image, 'fcw')).toBe('0x037f');
  expect(read(stale, write.image, 'ftw')).toBe('0x00');
  expect(read(stale, write.image, 'mxcsr')).toBe('0x00003f80');
});

test('[E5] a zmm touches three components, but zeros leave a part in init where it is', () => {
  const ones = Array.from({ length: 16 }, () => 1).join(',');
  expect(stage(empty, `zmm5:u32=${ones}`).touchedBits).toEqual([1, 2, 6]);
  expect(stage(empty, 'zmm5=0x1').touchedBits).toEqual([1]);
  expect(stage(empty, 'zmm5:u32[4]=1').touchedBits).toEqual([2]);
  expect(stage(empty, 'xmm5=0x1').touchedBits).toEqual([1]);
  expect(stage(empty, 'zmm5=0x0')).toMatchObject({ touchedBits: [], writtenBytes: 0 });
});

test('[E6] MXCSR sets XSTATE_BV bit 1, with the XMM registers at their initial values', () => {
  const stale = captureOf(new Map());
  stale.image.bytes.fill(0xee, 160, 416);
  const write = stage(stale, 'mxcsr.RC=down');
  expect(readU32(write.image.bytes, 24)).toBe(0x3f80);
  expect(xstateBv(write.image)).toBe(2n);
  expect(viewComponent(write.image, 1)).toEqual({ state: 'inUse', bytes: new Uint8Array(256) });
  expect(write.changes).toEqual([{ path: 'mxcsr.RC', before: 'nearest', after: 'down' }]);
  expect(stage(empty, 'mxcsr=0x1f80').edit.patches).toEqual([]);
});

test('[E5] one lane of a register whose components are all in use touches one component', () => {
  const inUse = captureOf(
    new Map([
      [1, new Uint8Array(256).fill(1)],
      [2, new Uint8Array(256).fill(2)],
      [6, new Uint8Array(512).fill(3)],
    ]),
  );
  expect(stage(inUse, 'zmm1:f32[11]=2.75').touchedBits).toEqual([6]);
  expect(stage(inUse, 'zmm1:f32[4]=2.75').touchedBits).toEqual([2]);
  expect(stage(inUse, 'zmm1=0x0').touchedBits).toEqual([1, 2, 6]);
});

test('[E7] PKRU is always brought out of init, for KVM takes a clear bit as "leave it"', () => {
  const write = stage(empty, 'pkru=0');
  expect(xstateBv(write.image)).toBe(1n << 9n);
  expect(write.touchedBits).toEqual([9]);
});

test('[E8] a tile needs its configuration; both bits are set', () => {
  expect(refusal(empty, 'tmm0:i32[0][0]=5')).toContain('TILECFG is init: set tilecfg.palette_id');
  expect(refusal(amx, 'tmm1:i32[0][0]=5')).toContain('the tile is not configured');
  expect(refusal(amx, 'tmm0:i32[2][0]=5')).toContain('it is 2 rows of 3 i32');
  const write = stage(
    empty,
    'tilecfg.palette_id=1 tilecfg.rows[2]=4 tilecfg.colsb[2]=8 tmm2:bf16[3][3]=1.5 tmm2:i32[0]=-1,7',
  );
  expect(xstateBv(write.image)).toBe(0x60000n);
  expect(read(empty, write.image, 'tmm2:i32')).toEqual([
    [-1, 7],
    [0, 0],
    [0, 0],
    [0, 0x3fc00000],
  ]);
  const alone = captureOf(new Map([...withTiles].filter(([bit]) => bit !== 18)));
  expect(xstateBv(stage(alone, 'tmm0:u8[0][0]=1').image) & 0x60000n).toBe(0x60000n);
});

test('[E8] a configuration that LDTILECFG would refuse is not staged', () => {
  expect(refusal(amx, 'tilecfg.rows[3]=4')).toContain('tile 3 has rows 4 and colsb 0');
  expect(refusal(amx, 'tilecfg.palette_id=2')).toContain('palette_id is 2');
  expect(stage(amx, 'tilecfg.rows[3]=4 tilecfg.colsb[3]=64').touchedBits).toEqual([17]);
});

test('[E8] a whole tile takes rows separated by semicolons', () => {
  const staged = stageAssignments(amx, [{ path: 'tmm0:i32', value: '1, 2, 3; 4, 5, -6' }]);
  expect(staged.ok && read(amx, staged.value.image, 'tmm0:i32')).toEqual([
    [1, 2, 3],
    [4, 5, -6],
  ]);
  expect(refusal(amx, 'tmm0:i32=1,2,3')).toContain('2 rows separated by semicolons, not 1');
});

test('[E9] a bit set by hand in XSTATE_BV brings initial values, not stale bytes', () => {
  const stale = captureOf(new Map());
  stale.image.bytes.fill(0xee, 576, 832);
  const write = stage(stale, 'xstate_bv.AVX=1');
  expect(componentBytesOrInit(write.image, 2)).toEqual(new Uint8Array(256));
  expect(stage(amx, 'xstate_bv.XTILEDATA=0').touchedBits).toEqual([18]);
  expect(read(amx, stage(amx, 'xcomp_bv=0x8000000000000000').image, 'xcomp_bv')).toBe('0x8000000000000000');
});

test('[E10] XCR0 and MSRs come out beside the image', () => {
  const write = stage(amx, 'xfd=0x40000 xcr0=0x7 u_cet.SH_STK_EN=1 u_cet.ENDBR_EN=1');
  expect(write).toMatchObject({
    xcr0: 7n,
    msrs: [
      { index: 0x1c4, value: 0x40000n },
      { index: 0x6a0, value: 5n },
    ],
    touchedBits: [],
    writtenBytes: 0,
  });
  expect(write.image.bytes).toEqual(amx.image.bytes);
  expect(refusal(amx, 'xcr0=0x5')).toContain('AVX without SSE');
  expect(refusal(amx, 'cr0=1')).toContain('can be read here, not written');
  expect(refusal(makeCapture('sapphire-rapids', amx.image, { msrs: [] }), 'xfd=0')).toContain('not read');
});

test.each([
  ['xmm3=12', 'xmm3=12: value for xmm3: expected 0x and up to 32 hex digits at character 1'],
  ['xmm3=0x100000000000000000000000000000000', 'a value of 128 bits'],
  ['xmm3:u32=1,2,3', '4 elements separated by commas, not 3'],
  ['xmm3:u8[0]=256', 'xmm3:u8[0]=256'],
  ['mxcsr.RC=sideways', 'a number from 0 to 3, or one of nearest, down, up, zero'],
  ['mxcsr.RC=4', 'a number from 0 to 3'],
  ['xmn3=0', 'near: xmm3'],
  ['r16=1', 'this image has no room for it'],
  ['k2=0x1_0000_0000_0000_0000', 'a value of 64 bits'],
])('[E11] %s is refused and the assignment is named', (text, why) => {
  expect(refusal(amx, text)).toContain(why);
  expect(refusal(amx, `k1=1 ${text}`)).toContain(text.split('=')[0]);
});

test.each([
  ['k3=255', '0x00000000000000ff'],
  ['k3=0xff', '0x00000000000000ff'],
  ['k3=0b1111_1111', '0x00000000000000ff'],
  ['k3=1_000', '0x00000000000003e8'],
  ['xmm3=0xdead_beef', `0x${'deadbeef'.padStart(32, '0')}`],
  ['pkru=4_096', '0x00001000'],
])('[V10] one text is one number: %s', (text, value) => {
  const [path = ''] = text.split('=');
  expect(read(amx, stage(amx, text).image, path)).toBe(value);
});

test('[V10] fields take the same numbers', () => {
  for (const three of ['3', '0x3', '0b11', '0_3']) {
    expect(stage(amx, `mxcsr.RC=${three}`).changes[0]?.after).toBe('zero');
  }
  expect(refusal(amx, 'mxcsr.RC=1_')).toContain('a number from 0 to 3');
});

test('[E11] every type that can be read can be written, in the place where it was read', () => {
  const one = (text: string) => {
    const write = stage(amx, text);
    const [path = '', value] = text.split('=');
    return [String(read(amx, write.image, path)), value, write.imageBytes];
  };
  expect(one('tmm0:bf8[0][1]=-0.5')).toEqual(['-0.5', '-0.5', 1]);
  expect(one('tmm0:hf8[1][3]=-0.75')).toEqual(['-0.75', '-0.75', 1]);
  expect(one('tmm0:tf32[1][2]=1.5')).toEqual(['1.5', '1.5', 2]);
  expect(one('tmm0:cf16[0][0]=1.5-2i')).toEqual(['1.5-2i', '1.5-2i', 2]);
  // Row 3, column 2 of int8 quads: dword 2 of the tile's first row, its last byte.
  const write = stage(amx, 'tmm0:i8:vnni[3][2]=-7');
  expect(read(amx, write.image, 'tmm0:i8[0][11]')).toBe(-7);
  const whole = Array.from({ length: 4 }, (_, row) => [row, row + 1, row + 2].join(',')).join(';');
  const matrix = stage(amx, `tmm0:bf16:vnni=${whole}`);
  expect(read(amx, matrix.image, 'tmm0:bf16')).toEqual([
    [0, 1, 1, 2, 2, 3],
    [2, 3, 3, 4, 4, 5],
  ]);
});

test.each([
  ['ftag=0xffff', 'write ftw'],
  ['eax=1', 'write rax'],
  ['fs_base=0', 'can be read here, not written'],
])('[E11] %s: what is put together of others, or lies elsewhere, is refused', (text, why) => {
  expect(refusal(sampleCapture(), text)).toContain(why);
});

test('[E12] bytes written are the bytes that differ', () => {
  const write = stage(amx, 'xmm3:u32[1]=0x01010102');
  expect(write.writtenBytes).toBe(1);
  expect(write.touchedBits).toEqual([1]);
});

const restored = (now: Capture, then: Capture, scope: Parameters<typeof stageRestore>[2]): StagedWrite => {
  const staged = stageRestore(now, then, scope);
  if (!staged.ok) throw new Error(describeProblem(staged.problem));
  return staged.value;
};

test('[E14] restoring everything makes every component equal to the earlier capture, XSTATE_BV included', () => {
  fc.assert(
    fc.property(anyWrite, anyWrite, fc.nat(captures.length - 1), (first, second, of) => {
      const then = captureAt(of);
      const touched = stage(then, `${first.name}=${first.value} ${second.name}=${second.value}`);
      const write = restored({ ...then, image: touched.image }, then, { kind: 'all' });
      expect(compareWritten(then.image, write.image.bytes)).toEqual([]);
      const pkru = 1n << 9n;
      const mxcsr = then === captures[2] ? 0n : 2n;
      expect((xstateBv(write.image) ^ xstateBv(then.image)) & ~pkru & ~mxcsr).toBe(0n);
    }),
    { seed: 7, numRuns: 200 },
  );
});

test('[E14] PKRU that was in init is written as 0 with its bit set', () => {
  const write = restored(captureOf(withTiles), empty, { kind: 'all' });
  expect(xstateBv(write.image)).toBe(1n << 9n);
  expect(read(amx, write.image, 'pkru')).toBe('0x00000000');
  expect(applyEdit(amx.image, write.edit)).toEqual({ ok: true, value: write.image });
});

test('[E14] PKRU that was in init stays so where the CPU has a place for it and KVM does not support it', () => {
  const without = { ...amx, facts: { ...amx.facts, supportedXcr0: 0xe7n } };
  const write = restored(without, { ...empty, facts: without.facts }, { kind: 'all' });
  expect(xstateBv(write.image) & (1n << 9n)).toBe(0n);
});

test('[E14] XCR0 and MSRs are restored with everything, where they differ', () => {
  const moved = makeCapture('sapphire-rapids', amx.image, {
    xcr0: 7n,
    msrs: amx.facts.msrs.map((msr) => (msr.index === 0xda0 ? { ...msr, value: 0x1800n } : msr)),
  });
  expect(restored(moved, amx, { kind: 'all' })).toMatchObject({ xcr0: 0x602e7n, msrs: [{ index: 0xda0, value: 0n }] });
  expect(restored(moved, amx, { kind: 'components', bits: [1] })).toMatchObject({ xcr0: null, msrs: [] });
});

test('[E15] restoring components leaves the others', () => {
  const now = { ...amx, image: stage(amx, 'xmm0=0x99 tmm0:u8[0][0]=9 k1=5').image };
  const write = restored(now, amx, { kind: 'components', bits: [18] });
  expect(read(now, write.image, 'tmm0:u8[0][0]')).toBe(0);
  expect(read(now, write.image, 'k1')).toBe('0x0000000000000005');
  expect(write.changes).toEqual([{ path: 'TILEDATA', before: 'in use', after: 'in use' }]);
  expect(stageRestore(now, amx, { kind: 'components', bits: [19] }).ok).toBe(false);
});

test('[E15] a component that does not fit is refused by name', () => {
  const zen = makeCapture('zen4', makeImage(presetLayout('zen4'), new Map()));
  const staged = stageRestore(zen, amx, { kind: 'all' });
  expect(!staged.ok && describeProblem(staged.problem)).toContain('TILECFG: the image now has no room for it');
});

test('[E15] an image of another layout is restored component by component', () => {
  const zen = makeCapture('zen4', makeImage(presetLayout('zen4'), new Map([[5, new Uint8Array(64).fill(6)]])));
  const write = restored(empty, zen, { kind: 'components', bits: [5] });
  expect(read(empty, write.image, 'k7')).toBe('0x0606060606060606');
});

test('[E16] restoring a path takes that register; a component that was in init goes back to init', () => {
  const now = { ...empty, image: stage(empty, 'k1=5 k2=6 mxcsr=0x1fa0').image };
  const one = restored(now, empty, { kind: 'paths', paths: ['k1'] });
  expect([read(now, one.image, 'k1'), read(now, one.image, 'k2')]).toEqual([
    '0x0000000000000000',
    '0x0000000000000006',
  ]);
  const both = restored(now, empty, { kind: 'paths', paths: ['k1', 'k2', 'mxcsr'] });
  expect(xstateBv(both.image)).toBe(0n);
  expect(readU64(both.image.bytes, 512)).toBe(0n);
});

test('[E16] one element of a register can be restored', () => {
  const now = { ...amx, image: stage(amx, 'zmm0:u32[0]=9 zmm0:u32[1]=8').image };
  const write = restored(now, amx, { kind: 'paths', paths: ['zmm0:u32[1]'] });
  expect(read(now, write.image, 'xmm0:u32')).toEqual([9, 0x01010101, 0x01010101, 0x01010101]);
  expect(write.writtenBytes).toBe(4);
});

test('[E18] MXCSR is kept where x87 alone would lose it', () => {
  const then = captureOf(new Map([[2, new Uint8Array(256).fill(1)]]), 0x3f80);
  const x87 = new Uint8Array(160);
  writeU16(x87, 0, 0x037f);
  const write = restored(captureOf(new Map([[0, x87]])), then, { kind: 'components', bits: [1] });
  expect(readU32(write.image.bytes, 24)).toBe(0x3f80);
  expect(xstateBv(write.image)).toBe(3n);
});

test('[E11] every assignment cut at every length is staged or a problem, never a throw', () => {
  const texts = [
    'zmm5:u32[1]=0x7',
    'mxcsr.RC=down',
    'tmm0:i32=1,2,3;4,5,-6',
    'xmm3:f32=1,-2.5,nan,1e9',
    'xcr0=0x602e7',
    'st0:f80=1.5',
  ];
  for (const text of texts) {
    for (let length = 0; length <= text.length; length += 1) {
      for (const capture of [amx, empty]) expect(refusal(capture, text.slice(0, length))).toBeTypeOf('string');
    }
    expect(refusal(amx, text)).toBe('staged');
  }
});
