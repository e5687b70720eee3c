import { describe, expect, test } from 'vitest';
import { writeU32 } from '../bits/bytes.ts';
import type { Image } from '../capture/image.ts';
import { makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { vectorBytes } from '../register/vector.ts';
import { convertImage } from '../xsave/convert.ts';
import { compactedLayout } from '../xsave/layout.ts';
import { openBytes } from './detect.ts';
import { minidumpFile } from './testdata/minidump-file.ts';

const skylake = presetLayout('skylake-sp');
const avx = new Uint8Array(256).map((_, at) => at + 1);
const image = (): Image =>
  makeImage(
    skylake,
    new Map([
      [2, avx],
      [7, new Uint8Array(1024).fill(9)],
    ]),
  );

describe('[F20] a minidump of Windows', () => {
  test('one state for each thread, by its number, with its registers', () => {
    const opened = openBytes(
      'app.dmp',
      minidumpFile([image().bytes.slice(0, skylake.totalBytes), image().bytes.slice(0, skylake.totalBytes)]),
    );
    if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
    expect([opened.value.kind, ...opened.value.states.map(({ label }) => label)]).toEqual([
      'minidump',
      'thread 1000',
      'thread 1001',
    ]);
    const capture = opened.value.states[1]?.capture;
    expect(capture?.facts.general?.rip).toBe(0x7ff6_0000_1234n);
    expect(capture && vectorBytes(capture.image, 'ymm', 3)?.subarray(16)).toEqual(avx.subarray(48, 64));
    expect(capture && vectorBytes(capture.image, 'zmm', 20)).toEqual(new Uint8Array(64).fill(9));
  });

  test('compacted, as Windows writes it where there is XSAVEC', () => {
    const packed = compactedLayout(skylake, (1n << 63n) | 0xe7n);
    const converted = packed.ok ? convertImage(image(), packed.value) : packed;
    if (!converted.ok) throw new Error('not converted');
    const opened = openBytes('app.dmp', minidumpFile([converted.value.image.bytes]));
    expect(opened.ok && opened.value.states[0]?.capture.image.layout.format).toBe('compacted');
    const capture = opened.ok ? opened.value.states[0]?.capture : undefined;
    expect(capture && vectorBytes(capture.image, 'zmm', 20)).toEqual(new Uint8Array(64).fill(9));
  });

  test('cut at every length, and with any count, it is opened or refused', () => {
    const whole = minidumpFile([image().bytes.slice(0, skylake.totalBytes)]);
    for (let length = 32; length < whole.length; length += 37) openBytes('app.dmp', whole.slice(0, length));
    for (const at of [8, 12, 36, 40, 44, 48 + 40, 48 + 44]) {
      const changed = whole.slice();
      writeU32(changed, at, 0xfffffff0);
      expect(typeof openBytes('app.dmp', changed).ok).toBe('boolean');
    }
  });
});
