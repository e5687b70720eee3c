import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readU16, writeU32 } from '../../bits/bytes.ts';
import { assert } from '../../bits/decoded.ts';
import { textFromUtf8 } from '../../bits/text.ts';
import type { Capture } from '../../capture/capture.ts';
import { KVM_TILES_XSAVE } from '../../fixtures/kvm-tiles-xsave.ts';
import { makeCapture, makeImage, presetLayout } from '../../fixtures/preset-captures.ts';
import { parsePath } from '../../register/path.ts';
import { parseCaptureText } from '../../session/document.ts';
import { openBytes } from '../detect.ts';
import { imageFromBase64 } from '../testdata/vcpus.ts';
import { cArray, cImage } from './c-source.ts';
import { csvText } from './csv.ts';
import { CAPTURE_EXPORTS, rawImage, VALUE_EXPORTS } from './exports.ts';
import { gdbCommands } from './gdb.ts';
import { npyFile, numpySource } from './numpy.ts';
import { reportText } from './report.ts';
import { type Values, valuesOf } from './values.ts';

const tilesImage = (): Uint8Array => imageFromBase64(KVM_TILES_XSAVE);

const directory = mkdtempSync(join(tmpdir(), 'tilescope-export-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const hasNumpy = spawnSync('python3', ['-c', 'import numpy']).status === 0;
const hasCc = spawnSync('cc', ['--version']).status === 0;
if (!hasNumpy) console.log('Exports are not read back by NumPy: python3 with numpy is not installed');
if (!hasCc) console.log('C initialisers are not compiled: cc is not installed');

const tiles = (): Capture => ({
  ...makeCapture('sapphire-rapids', { bytes: tilesImage(), layout: presetLayout('sapphire-rapids') }),
});

/** Every bit pattern of interest in one register: NaN with payload, infinities, −0, the extremes. */
const vector = (): Capture => {
  const xmm = new Uint8Array(256);
  for (const [index, word] of [0x7fc00001, 0xff800000, 0x80000000, 0x3dcccccd].entries())
    writeU32(xmm, 16 * 3 + 4 * index, word);
  for (const [index, word] of [0, 0x80000000, 0xffffffff, 0x7fffffff].entries())
    writeU32(xmm, 16 * 4 + 4 * index, word);
  return makeCapture('zen5', makeImage(presetLayout('zen5'), new Map([[1, xmm]])));
};

const values = (capture: Capture, text: string): Values => {
  const path = parsePath(text);
  assert(path.ok, `${text} is a path`);
  const found = valuesOf(capture, path.value);
  if (!found.ok) throw new Error(JSON.stringify(found.problem));
  return found.value;
};

const python = (code: string): string => {
  const ran = spawnSync('python3', ['-c', code], { cwd: directory, encoding: 'utf8' });
  assert(ran.status === 0, ran.stderr);
  return ran.stdout.trim();
};

const PATHS: readonly (readonly [() => Capture, string])[] = [
  [tiles, 'tmm0:i32'],
  [tiles, 'tmm1:i8'],
  [tiles, 'tmm3:f32'],
  [tiles, 'tmm4:bf16'],
  [tiles, 'tmm0:i32[2]'],
  [vector, 'xmm3:f32'],
  [vector, 'xmm4:i32'],
  [vector, 'xmm4:i64'],
  [vector, 'xmm4:u64'],
  [vector, 'xmm3:f16'],
  [vector, 'zmm7:u8'],
  [vector, 'xmm3:f32[0]'],
];

describe.each(PATHS.map(([capture, path]) => ({ capture, path })))('$path', ({ capture, path }) => {
  const selected = values(capture(), path);

  test.skipIf(!hasNumpy)(`[F10] NumPy reads ${path} back bit for bit, from the file and from the source`, () => {
    writeFileSync(join(directory, 'a.npy'), npyFile(selected));
    const show = 'print(a.shape, a.tobytes().hex())';
    const shape = `(${selected.shape.join(', ')}${selected.shape.length === 1 ? ',' : ''})`;
    const expected = `${shape} ${Buffer.from(selected.bytes).toString('hex')}`;
    const name = /^([a-z0-9_]+) = /m.exec(numpySource(selected))?.[1] ?? 'no name';
    const printed = python(`${numpySource(selected)}\nfor a in (${name}, np.load('a.npy')):\n  ${show}`);
    expect(printed.split('\n')).toEqual([expected, expected]);
  });

  test.skipIf(!hasCc)(`[F10] C keeps ${path} bit for bit`, () => {
    const name = /const \w+ (\w+)\[/.exec(cArray(selected))?.[1] ?? 'no name';
    const source = `#include <stdint.h>\n#include <stdio.h>\n${cArray(selected)}int main(void) { fwrite(${name}, 1, sizeof ${name}, stdout); return 0; }\n`;
    writeFileSync(join(directory, 'a.c'), source);
    const compiled = spawnSync('cc', ['-Wall', '-Wextra', '-Werror', 'a.c', '-o', 'a'], {
      cwd: directory,
      encoding: 'utf8',
    });
    expect(compiled.stderr).toBe('');
    expect([...spawnSync(join(directory, 'a')).stdout]).toEqual([...selected.bytes]);
  });
});

test('[F10] the header of a .npy file ends at a multiple of 64', () => {
  const file = npyFile(values(tiles(), 'tmm0:i32'));
  expect((10 + readU16(file, 8)) % 64).toBe(0);
  expect(textFromUtf8(file.subarray(10, 10 + readU16(file, 8)))).toMatch(
    /^\{'descr': '<i4', 'fortran_order': False, 'shape': \(8, 12\), \} *\n$/,
  );
});

test('[F10] CSV has a line for each row of a tile', () => {
  const lines = csvText(values(tiles(), 'tmm0:i32')).split('\r\n');
  expect(lines).toHaveLength(9);
  expect(lines[0]).toBe('39740,39900,40060,40220,40380,40540,40700,25244,-35268,-87076,-148100,-35812');
});

test.skipIf(!hasCc)('[F10] the C initialiser of an image compiles to its bytes, aligned to 64', () => {
  const { image } = tiles();
  const source = `#include <stdint.h>\n#include <stdio.h>\n${cImage(image)}int main(void) { if ((uintptr_t)xsave_image % 64) return 1; fwrite(xsave_image, 1, sizeof xsave_image, stdout); return 0; }\n`;
  writeFileSync(join(directory, 'image.c'), source);
  expect(
    spawnSync('cc', ['-Wall', '-Werror', 'image.c', '-o', 'image'], { cwd: directory, encoding: 'utf8' }).stderr,
  ).toBe('');
  const ran = spawnSync(join(directory, 'image'));
  expect(ran.status).toBe(0);
  expect(Uint8Array.from(ran.stdout)).toEqual(image.bytes);
});

test('[F10] a source from outside cannot leave the comment of a C file', () => {
  const layout = { ...presetLayout('zen5'), source: 'x */ int evil; /* \n#define' };
  const head = cImage({ ...makeImage(layout, new Map()), layout }).split('\n')[0] ?? '';
  expect(head.indexOf('*/')).toBe(head.length - 2);
});

test('[F11] gdb commands: init registers as initial values, the least int32 as an expression, specials as comments', () => {
  const capture = vector();
  const lines = gdbCommands(capture).split('\n');
  expect(lines).toContain('set $fctrl = 895');
  expect(lines).toContain('set $mxcsr = 0x1f80');
  expect(lines[1]).toContain("Couldn't write extended state status: Bad address");
  expect(lines).toContain(`set $zmm4.v16_int32 = {0, -2147483647 - 1, -1, 2147483647${', 0'.repeat(12)}}`);
  expect(lines).toContain('set $k3 = 0x0');
  expect(lines.filter((line) => line.startsWith('set $zmm'))).toHaveLength(32);
  const x87 = new Uint8Array(160);
  x87.set([0x7f, 0x03, 0, 0, 0xff], 0);
  x87.set([0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0x7f], 32);
  const special = makeCapture('zen5', makeImage(presetLayout('zen5'), new Map([[0, x87]])));
  expect(gdbCommands(special)).toContain('# $st0 is NaN, 0x7fffc000000000000000: gdb cannot set it');
});

test('[F12] a bug report names target, image, components, masks, sizes and the verdict, and no register contents', () => {
  const text = reportText({ ...tiles() });
  for (const part of [
    '11008 bytes, standard format',
    'XSTATE_BV 0x60200 (PKRU XTILECFG XTILEDATA)',
    'XTILEDATA  8192',
    'in use',
    'KVM_SET_XSAVE',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain('39740');
  const cut = tiles();
  const report = reportText({ ...cut, image: { ...cut.image, bytes: cut.image.bytes.slice(0, 4096) } });
  expect(report).toContain('beyond the end of the bytes: XTILEDATA');
});

test('[F12] a name from outside stays on its line', () => {
  const capture = tiles();
  const target = { ...capture.facts.target, name: 'evil\n\nContradictions\n  none\u001b[2J' };
  const lines = reportText({ ...capture, facts: { ...capture.facts, target } }).split('\n');
  expect(lines.filter((line) => line === 'Contradictions')).toHaveLength(1);
  expect(lines.join('')).not.toContain('\u001b');
});

test.each(CAPTURE_EXPORTS)('[F10] a capture as $id', (row) => {
  const made = row.make(tiles());
  expect(made.ok && made.value.length > 500).toBe(true);
});

test('[F10] what opens again is the same: capture, raw image, core', () => {
  const capture = tiles();
  for (const id of ['capture', 'raw', 'core']) {
    const made = CAPTURE_EXPORTS.find((row) => row.id === id)?.make(capture);
    assert(made?.ok, `${id} is written`);
    const opened = openBytes('again', made.value);
    assert(opened.ok, `${id} opens`);
    const image = opened.value.states[0]?.capture.image;
    expect(image?.bytes).toEqual(capture.image.bytes);
    expect(image?.layout.components).toEqual(capture.image.layout.components);
  }
  const text = CAPTURE_EXPORTS.find((row) => row.id === 'capture')?.make(capture);
  expect(text?.ok && parseCaptureText(textFromUtf8(text.value))).toEqual({ ok: true, value: capture });
});

test('[F10] an exported raw image is a copy', () => {
  const capture = tiles();
  rawImage(capture)[0] = 0xee;
  expect(capture.image.bytes[0]).toBe(0x7f);
});

test.each(VALUE_EXPORTS)('[F10] a register as $id', (row) => {
  const made = row.make(values(tiles(), 'tmm0:i32'));
  expect(made.ok && made.value.length > 0).toBe(true);
});

test('[F10] absent registers and fields have no values', () => {
  for (const text of ['tmm0:i8', 'mxcsr.RC', 'r16:u64']) {
    const path = parsePath(text);
    assert(path.ok, `${text} is a path`);
    expect(valuesOf(vector(), path.value).ok).toBe(false);
  }
});

test("[F11] gdb's set commands keep every bit of an x87 register: long double constants have the suffix l", () => {
  const x87 = new Uint8Array(160);
  x87[0] = 0x7f;
  x87[1] = 0x03;
  x87[4] = 0xff;
  // 1 + 2^-63, 3 and 1e-4000, which no double holds.
  x87.set([1, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f], 32);
  x87.set([0, 0, 0, 0, 0, 0, 0, 0xc0, 0x00, 0x40], 48);
  const lines = gdbCommands(makeCapture('zen5', makeImage(presetLayout('zen5'), new Map([[0, x87]])))).split('\n');
  expect(lines).toContain('set $st0 = 1.0000000000000000001l');
  expect(lines).toContain('set $st1 = 3.0l');
});
