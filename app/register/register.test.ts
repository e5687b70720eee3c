import fc from 'fast-check';
import { expect, test } from 'vitest';
import { concat } from '../bits/bytes.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { layoutFromCpuid } from '../xsave/layout.ts';
import { decodeImage } from '../xsave/view.ts';
import { parsePath, printPath, type RegisterPath } from './path.ts';
import { readRegister, showJson, showText } from './read.ts';
import { typeBytes } from './register-type.ts';
import { REGISTERS } from './registers.ts';
import { bytesFrom, capture, empty, image, json, layout, path, tiles } from './testdata/apx-capture.ts';
import { TYPE_NAMES, typeNamed } from './type-names.ts';
import { vectorBytes, vectorFragments } from './vector.ts';

const problemOf = (text: string) => {
  const parsed = parsePath(text);
  return parsed.ok || parsed.problem.kind !== 'syntax'
    ? null
    : { at: parsed.problem.at, expected: parsed.problem.expected };
};

const anyPath: fc.Arbitrary<RegisterPath> = fc.constantFrom(...REGISTERS).chain((row) => {
  const plain = fc.constant<RegisterPath>({ register: row.name, field: null, type: null, indexes: [] });
  const fields = row.fields.map(({ name }) => ({ register: row.name, field: name, type: null, indexes: [] }));
  const typed = TYPE_NAMES.flatMap((name) => {
    const type = typeNamed(name)?.type;
    if (type === undefined || row.name.startsWith('st') !== (type === 'f80')) return [];
    const count = row.widthBits / 8 / typeBytes(type);
    if (!Number.isInteger(count)) return [];
    const base = { register: row.name, field: null, type };
    const last = row.rowBytes === null ? count : 64 / typeBytes(type);
    const shapes = [
      { ...base, indexes: [] },
      { ...base, indexes: [row.rowBytes === null ? last - 1 : 15] },
    ];
    return row.rowBytes === null ? shapes : [...shapes, { ...base, indexes: [15, last - 1] }];
  });
  return fc.oneof(plain, ...[...fields, ...typed].map((one) => fc.constant<RegisterPath>(one)));
});

test('[R1] printing a path and reading it gives the path', () => {
  fc.assert(
    fc.property(anyPath, (one) => {
      expect(parsePath(printPath(one))).toEqual({ ok: true, value: one });
      expect(parsePath(printPath(one).toUpperCase())).toEqual({ ok: true, value: one });
    }),
    { seed: 3, numRuns: 500 },
  );
});

test('[R1] any text is a path or a problem with its place, never a throw', () => {
  const text = fc.oneof(fc.string(), fc.stringMatching(/^[a-z]{1,5}\d{0,3}[.:]?[a-z0-9_]{0,6}(\[\d{0,6}\]?){0,3}$/));
  fc.assert(
    fc.property(text, (one) => {
      const parsed = parsePath(one);
      if (!parsed.ok && parsed.problem.kind === 'syntax') {
        expect(parsed.problem.at).toBeGreaterThanOrEqual(0);
        expect(parsed.problem.at).toBeLessThanOrEqual(one.length);
      }
    }),
    { seed: 4, numRuns: 2000 },
  );
});

test.each([
  ['XMM3:U32[1]', 'xmm3:u32[1]'],
  ['MXCSR.rc', 'mxcsr.RC'],
  ['$zmm3', 'zmm3'],
  ['xmm1.v4_float[2]', 'xmm1:f32[2]'],
  ['ymm1.v32_int8', 'ymm1:i8'],
  ['zmm3:16f', 'zmm3:f32'],
  ['xmm0:2d', 'xmm0:f64'],
  ['xmm0:uw[7]', 'xmm0:u16[7]'],
  ['eflags.zf', 'rflags.ZF'],
  ['fctrl', 'fcw'],
  ['IA32_XFD', 'xfd'],
  ['tilecfg.ROWS[3]', 'tilecfg.rows[3]'],
  ['tmm2:bf16[3][7]', 'tmm2:bf16[3][7]'],
  ['TMM2:BF16:VNNI[31][15]', 'tmm2:bf16:vnni[31][15]'],
  ['tmm1:cfp16[3]', 'tmm1:cf16[3]'],
  ['tmm1:e5m2', 'tmm1:bf8'],
  ['tmm1:e4m3', 'tmm1:hf8'],
  ['zmm1:tf32[15]', 'zmm1:tf32[15]'],
  ['$ftag', 'ftag'],
  ['$ymm0h', 'ymm0h'],
  ['$zmm31h.v8_float[7]', 'zmm31h:f32[7]'],
  ['$zmm3.v16_float[3]', 'zmm3:f32[3]'],
  ['xmm2.uint128', 'xmm2'],
  ['$pc', 'rip'],
  ['$sp', 'rsp'],
  ['$eax', 'eax'],
  ['$r9d', 'r9d'],
  ['$fs_base', 'fs_base'],
  ['bnd1raw', 'bnd1'],
])('[R2] %s is %s', (typed, canonical) => {
  expect(printPath(path(typed))).toBe(canonical);
});

test.each([
  ['', 0, 'a register name such as xmm3'],
  ['xmn3', 0, 'a register name such as xmm3, k2, mxcsr (near: xmm3, xmm0, xmm1)'],
  ['xmm32', 0, 'a register name such as xmm3, k2, mxcsr (near: xmm2, xmm3, xmm12)'],
  ['xmm3:u33', 5, `a type: ${TYPE_NAMES.join(', ')} (near: u32, i32, u8)`],
  ['xmm3:u32[4]', 9, 'an index from 0 to 3'],
  ['xmm3:u32[1', 9, 'a number and "]"'],
  ['xmm3:u32[1][0]', 11, 'the end: there is nothing to index here'],
  ['xmm3[1]', 4, 'a type such as :u32 before an index'],
  ['xmm3:8f', 5, '4 elements: xmm3 holds that many f32'],
  ['xmm3.v8_float', 5, '4 elements: xmm3 holds that many f32'],
  ['xmm3:f80', 5, 'a type that divides the 128 bits of xmm3'],
  ['st0:f64', 4, 'f80, the only type of st0 to st7'],
  ['mxcsr.RD', 6, 'a field of mxcsr (near: RC, IE, DE)'],
  ['tilecfg.rows', 12, '"[tile]" after rows'],
  ['tilecfg.row', 8, 'one of palette_id, start_row, colsb, rows (near: rows)'],
  ['tmm0:i32[16]', 9, 'an index from 0 to 15'],
  ['tmm0:i32[0][16]', 12, 'an index from 0 to 15'],
  ['rax.EAX', 4, 'no field: rax has none'],
  ['xmm3 ', 4, '".field", ":type", "[index]" or the end'],
  ['tmm0:bf16:vnni[32]', 15, 'an index from 0 to 31'],
  ['tmm0:bf16:vnni[0][16]', 18, 'an index from 0 to 15'],
  ['xmm0:bf16:vnni', 9, 'no ":vnni": only tiles are interleaved'],
  ['tmm0:i16:vnni', 8, 'no ":vnni": i16 is not interleaved'],
  ['mxcsr.RC:vnni', 8, 'a type before ":vnni"'],
])('[R3] "%s" names the place and what was expected', (text, at, expected) => {
  expect(problemOf(text)).toEqual({ at, expected });
});

test('[R4] a low ZMM is three fragments, a high one a single one', () => {
  const low = vectorFragments(image, 'zmm', 5);
  expect(low.map((one) => [one.bit, one.fromBit, one.widthBits, one.offsetBytes])).toEqual([
    [1, 0, 128, 240],
    [2, 128, 128, 656],
    [6, 256, 256, 1312],
  ]);
  expect(vectorFragments(image, 'zmm', 17)).toMatchObject([{ bit: 7, widthBits: 512, offsetBytes: 1664 + 64 }]);
  expect(vectorFragments(image, 'xmm', 17)).toMatchObject([{ bit: 7, widthBits: 128 }]);
});

test('[R4] zmm5 is its fragments, lowest first; the hex string is highest byte first', () => {
  const expected = concat([bytesFrom(16, 80), bytesFrom(16, 81), bytesFrom(32, 163)]);
  expect(vectorBytes(image, 'zmm', 5)).toEqual(expected);
  const hex = Array.from(expected, (byte) => byte.toString(16).padStart(2, '0'))
    .reverse()
    .join('');
  expect(json('zmm5')).toBe(`0x${hex}`);
  expect(json('ymm5')).toBe(`0x${hex.slice(64)}`);
  expect(json('xmm5')).toBe(`0x${hex.slice(96)}`);
});

test('[R5] with a type: an array, lane 0 first; one element is the value itself', () => {
  expect(json('xmm0:u8')).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
  expect(json('xmm0:u32[1]')).toBe(0x07060504);
  expect(json('k1')).toBe('0x11100f0e0d0c0b0a');
  expect(json('k1:u8')).toEqual([10, 11, 12, 13, 14, 15, 16, 17]);
  expect(json('pkru')).toBe('0x55555554');
  expect(json('pkru.AD1')).toBe(1);
  expect(json('mxcsr')).toBe('0x00003fa0');
  expect(json('mxcsr.RC')).toBe(1);
  expect(json('fcw')).toBe('0x027f');
  expect(json('st0')).toBe('0x3fff8000000000000010');
  expect(json('r17')).toBe('0x1122334455667788');
  expect(json('xstate_bv')).toBe('0x00000000000e02e7');
});

test('[R5] a tile is rows of its configured shape; without a type all its 1024 bytes', () => {
  expect(json('tmm0:i32')).toEqual([
    [0, 1, 2],
    [10, 11, 12],
  ]);
  expect(json('tmm0:i32[1]')).toEqual([10, 11, 12]);
  expect(json('tmm0:i32[1][2]')).toBe(12);
  expect(json('tmm1:i32')).toEqual([]);
  expect(String(json('tmm0'))).toMatch(/^0x[0-9a-f]{2048}$/);
  expect(json('tmm0:i32[2][0]')).toEqual({ error: 'tmm0: it is 2 rows of 3 i32' });
  expect(json('tilecfg.colsb[0]')).toBe(12);
  expect(json('tilecfg')).toEqual({ palette_id: 1, start_row: 0, tiles });
});

test('[R6] init and absent are said so and are never zeros', () => {
  for (const text of ['xmm0', 'zmm3:f32', 'zmm20', 'k2', 'st0', 'fcw', 'pkru', 'pkru.AD3', 'tmm0', 'tilecfg', 'r16']) {
    expect(json(text, empty)).toEqual({ state: 'init' });
  }
  const small = makeCapture('zen3', makeImage(presetLayout('zen3'), new Map([[1, new Uint8Array(256)]])));
  for (const text of ['zmm0', 'zmm0:f32[1]', 'k0', 'tmm0:i8', 'zmm17', 'tilecfg.palette_id']) {
    expect(json(text, small)).toEqual({ state: 'absent' });
  }
  expect(showText(empty, path('zmm3:f32[1]'))).toBe('init');
});

test('[R6] MXCSR is always defined', () => {
  expect(json('mxcsr', empty)).toBe('0x00001f80');
});

test('[R7] a register of which one part is in use has zeros in its other parts', () => {
  const sse = makeCapture('apx', makeImage(layout, new Map([[1, bytesFrom(256, 1)]])));
  // Stale bytes under a clear bit must not show.
  sse.image.bytes.fill(0xee, 576, 832);
  const hex = String(json('zmm0', sse));
  expect(hex).toBe(`0x${'0'.repeat(96)}100f0e0d0c0b0a090807060504030201`);
});

test('[R8] what was not read says why', () => {
  expect(json('rax')).toEqual({ state: 'not-known', why: 'not read' });
  const failed = makeCapture('apx', image, {
    xcr0: null,
    msrs: [{ index: 0x6a0, value: null, errno: 22 }],
    failed: [{ call: 'KVM_GET_XCRS', errno: 5 }],
  });
  expect(json('xcr0', failed)).toEqual({ state: 'not-known', why: 'KVM_GET_XCRS failed with errno 5' });
  expect(json('u_cet', failed)).toEqual({ state: 'not-known', why: 'KVM_GET_MSRS does not give this MSR (errno 22)' });
  expect(json('xcr0')).toBe('0x00000000000e02e7');
});

test('[R9] MMX registers are the physical x87 registers', () => {
  // TOP is 3, so R3 is ST(0): MM3 is in slot 0 and MM0 in slot 5.
  expect(json('mm3')).toBe('0x8000000000000010');
  expect(json('mm0')).toBe('0x8000000000000015');
});

test('[R10] every register of every capture can be read and shown', () => {
  for (const row of REGISTERS) {
    for (const of of [capture, empty]) {
      const read = readRegister(of, path(row.name));
      expect(read.ok).toBe(true);
      expect(showText(of, path(row.name)).length).toBeGreaterThan(0);
      JSON.stringify(showJson(of, path(row.name)));
    }
  }
});

test('[R10] whatever a CPUID table and an image hold, every register is shown or refused, never a throw', () => {
  const entry = fc.record({
    eax: fc.oneof(fc.nat(70), fc.constantFrom(128, 256, 512, 1024, 8192), fc.nat(0xffffffff)),
    ebx: fc.oneof(fc.integer({ min: 576, max: 4096 }), fc.nat(0xffffffff)),
    ecx: fc.nat(7),
  });
  const bits = [2, 3, 4, 5, 6, 7, 9, 17, 18, 19, 23];
  fc.assert(
    fc.property(
      fc.nat(0xffffffff),
      fc.array(entry, { minLength: bits.length, maxLength: bits.length }),
      fc.uint8Array({ minLength: 576, maxLength: 6000 }),
      (mask, entries, bytes) => {
        const cpuid = [
          { leaf: 0xd, subleaf: 0, eax: mask & 0x8e02fc, ebx: 0, ecx: 0, edx: 0 },
          ...bits.map((subleaf, at) => ({ leaf: 0xd, subleaf, edx: 0, eax: 0, ebx: 0, ecx: 0, ...entries[at] })),
        ];
        const made = layoutFromCpuid(cpuid, 'test');
        if (!made.ok) return;
        const decodedImage = decodeImage(bytes, made.value);
        const of = makeCapture('apx', decodedImage.ok ? decodedImage.value : { bytes, layout: made.value });
        for (const row of REGISTERS) {
          const one = { register: row.name, field: null, type: null, indexes: [] };
          expect(typeof showText(of, one)).toBe('string');
          JSON.stringify(showJson(of, one));
        }
      },
    ),
    { seed: 8, numRuns: 300 },
  );
});
