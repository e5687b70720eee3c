import { describe, expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import { utf8FromText } from '../bits/text.ts';
import { KVM_TILES_XSAVE } from '../fixtures/kvm-tiles-xsave.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { parsePath } from '../register/path.ts';
import { showJson } from '../register/read.ts';
import { captureText } from '../session/document.ts';
import { convertImage } from '../xsave/convert.ts';
import { compactedLayout, placeOf } from '../xsave/layout.ts';
import { viewComponent } from '../xsave/view.ts';
import { openBytes } from './detect.ts';
import type { OpenOptions } from './opened.ts';
import { imageFromBase64 } from './testdata/vcpus.ts';

const tilesImage = (): Uint8Array => imageFromBase64(KVM_TILES_XSAVE);

const open = (bytes: Uint8Array, options: OpenOptions = {}) => {
  const opened = openBytes('image', bytes, options);
  if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
  const state = opened.value.states[0];
  if (state === undefined) throw new Error('no state');
  return { kind: opened.value.kind, ...state.capture };
};

const refusal = (bytes: Uint8Array, options: OpenOptions = {}): string => {
  const opened = openBytes('image', bytes, options);
  return opened.ok ? 'opened' : JSON.stringify(opened.problem);
};

const refusalKind = (bytes: Uint8Array): string => {
  const opened = openBytes('image', bytes);
  return opened.ok ? 'opened' : opened.problem.kind;
};

const offsetOf = (bytes: Uint8Array, bit: number, options: OpenOptions = {}): number | undefined =>
  placeOf(open(bytes, options).image.layout, bit)?.offsetBytes;

/** As hardware writes it: no mask at byte 464, XSTATE_BV and MXCSR_MASK only. */
const bare = (sizeBytes: number, bv: bigint, mxcsrMask = 0xffff): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes);
  writeU32(bytes, 28, mxcsrMask);
  writeU64(bytes, 512, bv);
  return bytes;
};

const masked = (sizeBytes: number, mask: bigint, mxcsrMask = 0xffff): Uint8Array => {
  const bytes = bare(sizeBytes, 0n, mxcsrMask);
  writeU64(bytes, 464, mask);
  return bytes;
};

const AMD = 0x2ffff;

describe('[F2] the layout of a raw image is guessed and says so', () => {
  // Size, mask at byte 464, MXCSR_MASK, then the offsets of opmask, PKRU and XTILEDATA that must come out.
  test.each([
    [2696, 0x2e7n, 0xffff, 1088, 2688, undefined],
    [2696, 0x2ffn, 0xffff, 1088, 2688, undefined],
    [2688, 0xe7n, 0xffff, 1088, undefined, undefined],
    [2440, 0x2e7n, AMD, 832, 2432, undefined],
    [2432, 0xe7n, AMD, 832, undefined, undefined],
    [2440, 0x207n, AMD, undefined, 2432, undefined],
    [11008, 0x602e7n, 0xffff, 1088, 2688, 2816],
    [4096, 0x602e7n, 0xffff, 1088, 2688, 2816],
    [4096, 0x2e7n, AMD, 832, 2432, undefined],
    [4096, 0xe7n, 0xffff, 1088, undefined, undefined],
    [12288, 0x602e7n, 0xffff, 1088, 2688, 2816],
    [1088, 0x80207n, 0xffff, undefined, 2688, undefined],
    [832, 0x7n, AMD, undefined, undefined, undefined],
  ] as const)('%i bytes with mask %x', (size, mask, mxcsrMask, opmask, pkru, tiles) => {
    const bytes = masked(size, mask, mxcsrMask);
    expect(open(bytes).image.layout.source).toMatch(/^guessed from its size/);
    expect([offsetOf(bytes, 5), offsetOf(bytes, 9), offsetOf(bytes, 18)]).toEqual([opmask, pkru, tiles]);
  });

  test.each([
    [576, 0x3n, undefined, undefined],
    [832, 0x7n, undefined, undefined],
    [2432, 0xe7n, 832, undefined],
    [2440, 0xe7n, 832, 2432],
    [2688, 0xe7n, 1088, undefined],
    [2696, 0xe7n, 1088, 2688],
    [11008, 0x60200n, 1088, 2688],
    [12288, 0x60200n, 1088, 2688],
  ] as const)('%i bytes without a mask', (size, bv, opmask, pkru) => {
    const bytes = bare(size, bv, 0);
    expect([offsetOf(bytes, 5), offsetOf(bytes, 9)]).toEqual([opmask, pkru]);
  });

  test('a legacy image without a mask goes by MXCSR_MASK', () => {
    expect(offsetOf(bare(4096, 0x80n, AMD), 7)).toBe(1408);
    expect(offsetOf(bare(4096, 0x80n, 0xffff), 7)).toBe(1664);
  });

  test('a bit that no CPU places is refused by its mask', () => {
    expect(refusalKind(bare(4096, 1n << 40n))).toContain('unknown-components');
  });
});

test('[F2] the recorded guest with AMX: known tile values from nothing but the bytes', () => {
  const capture = open(tilesImage());
  const path = parsePath('tmm0:i32[0]');
  const row = [39740, 39900, 40060, 40220, 40380, 40540, 40700, 25244, -35268, -87076, -148100, -35812];
  expect(path.ok && showJson(capture, path.value)).toEqual(row);
  expect(capture.facts).toMatchObject({ xcr0: null, guestCpuid: [], general: null, takenAtMs: 0 });
});

test('[F2] an image cut at 4096 bytes opens, and the tiles are beyond its end', () => {
  const { image } = open(tilesImage().slice(0, 4096));
  expect(viewComponent(image, 17).state).toBe('inUse');
  expect(viewComponent(image, 18)).toEqual({ state: 'absent' });
});

test('[F2] the fixed structure of 12288 bytes holds the same image', () => {
  const long = new Uint8Array(12288);
  long.set(tilesImage());
  expect(viewComponent(open(long).image, 18)).toEqual(viewComponent(open(tilesImage()).image, 18));
});

test('[F3] a compacted image decodes with the sizes of the architecture, and with those of a preset', () => {
  const packed = compactedLayout(presetLayout('sapphire-rapids'), (1n << 63n) | 0x60207n);
  const whole = makeImage(
    presetLayout('sapphire-rapids'),
    new Map([
      [18, new Uint8Array(8192).fill(0x5c)],
      [9, new Uint8Array(8).fill(1)],
    ]),
  );
  const converted = packed.ok ? convertImage(whole, packed.value) : packed;
  if (!converted.ok) throw new Error(JSON.stringify(converted.problem));
  const { bytes } = converted.value.image;
  for (const options of [{}, { preset: 'SPR' }]) {
    const { image } = open(bytes, options);
    expect(image.layout.format).toBe('compacted');
    expect(image.layout.components).toEqual(converted.value.image.layout.components);
    expect(viewComponent(image, 18)).toEqual({ state: 'inUse', bytes: new Uint8Array(8192).fill(0x5c) });
  }
});

test('[F3] a compacted image of XSAVES holds supervisor components', () => {
  const bytes = new Uint8Array(1024);
  writeU64(bytes, 512, 0x1800n);
  writeU64(bytes, 520, (1n << 63n) | 0x1807n);
  bytes[832] = 0xc1;
  expect(viewComponent(open(bytes).image, 11)).toMatchObject({ state: 'inUse', bytes: { 0: 0xc1 } });
  expect(placeOf(open(bytes).image.layout, 12)?.offsetBytes).toBe(848);
});

test('[F4] a preset by name or alias decides the layout; an unknown one is refused with those there are', () => {
  const bytes = masked(2696, 0x2e7n);
  expect(offsetOf(bytes, 5, { preset: 'zen5' })).toBe(832);
  expect(open(bytes, { preset: 'genoa' }).image.layout.source).toBe('preset Zen 4 (Genoa)');
  expect(refusal(bytes, { preset: 'pentium' })).toContain('sapphire-rapids');
});

test('[F1] what is nothing of this is refused, and why', () => {
  expect(refusal(new Uint8Array(0))).toContain('empty');
  expect(refusal(new Uint8Array(100))).toContain('576');
  expect(refusal(new Uint8Array(4096).fill(0xff))).toContain('XSTATE_BV has bit 63');
  expect(refusal(utf8FromText('just some text that is long enough. '.repeat(50)))).toContain('not a raw XSAVE image');
  expect(refusal(bare(1 << 17, 3n))).toContain('too many');
  const reserved = bare(832, 3n);
  reserved[540] = 1;
  expect(open(reserved).kind).toBe('raw');
  // Neither header nor legacy region: nothing is left to know an image by.
  reserved.fill(0xe1, 0, 6);
  expect(refusal(reserved)).toContain('540');
  expect(refusal(reserved)).toContain('--from CPU');
  expect(refusal(reserved, { preset: 'zen3' })).toBe('opened');
});

test('[F1] a capture is known by its content, whatever its name', () => {
  const capture = makeCapture('zen5', makeImage(presetLayout('zen5'), new Map([[2, new Uint8Array(256).fill(7)]])));
  const opened = openBytes('core.4711', utf8FromText(captureText(capture)));
  expect(opened.ok && opened.value.kind).toBe('capture');
  expect(opened.ok && opened.value.states[0]?.capture).toEqual(capture);
});

test('[F1] a capture and a raw image hold one state: by the number of another they are refused', () => {
  const layout = presetLayout('sapphire-rapids');
  const capture = makeCapture('sapphire-rapids', makeImage(layout, new Map()));
  const ofVcpu3 = { ...capture, facts: { ...capture.facts, target: { ...capture.facts.target, vcpu: 3 } } };
  const file = utf8FromText(captureText(ofVcpu3));
  expect(open(file, { thread: 3 }).kind).toBe('capture');
  expect(refusal(file, { thread: 0 })).toContain('there is no state 0 in it: it holds the state of vCPU 3 alone');
  expect(open(tilesImage(), { thread: 0 }).kind).toBe('raw');
  expect(refusal(tilesImage(), { thread: 7 })).toContain('there is no state 7 in it');
});

test('[F1] a raw image whose FCW is 037BH begins with a brace, and is no JSON', () => {
  for (const fcw of [0x037b, 0x0a7b, 0x0d7b]) {
    const bytes = masked(2440, 0x2e7n, AMD);
    writeU32(bytes, 0, fcw);
    expect(open(bytes).kind).toBe('raw');
  }
});
