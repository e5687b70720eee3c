import { describe, expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { makeCapture, makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { openRaw } from '../formats/raw.ts';
import { COMPONENTS } from './components.ts';
import { compactedLayout, supervisorPlaces } from './layout.ts';
import { mxcsr } from './legacy.ts';
import { supervisorFields, supervisorRows } from './supervisor.ts';
import { decodeImage, viewComponent } from './view.ts';

const COMPACTED = 1n << 63n;

/**
 * An image as XSAVES writes it, laid out by hand: each component is given with the offset that it has there (Intel SDM
 * vol. 1 section 13.4.3), and its bytes count up from its bit number.
 */
const byHand = (totalBytes: number, xcompBv: bigint, places: Readonly<Record<number, [at: number, size: number]>>) => {
  const bytes = new Uint8Array(totalBytes);
  let bv = 0n;
  for (const [bit, [at, size]] of Object.entries(places)) {
    for (let index = 0; index < size; index += 1) bytes[at + index] = (Number(bit) + index) & 0xff;
    bv |= 1n << BigInt(bit);
  }
  writeU32(bytes, 24, 0x1f80);
  writeU64(bytes, 512, bv);
  writeU64(bytes, 520, COMPACTED | xcompBv);
  return bytes;
};

const decodeBy = (preset: string, bytes: Uint8Array, xcompBv: bigint): Image => {
  const places = supervisorPlaces(presetCpuid(preset));
  const layout = compactedLayout(presetLayout(preset), COMPACTED | xcompBv, places);
  const image = layout.ok ? decodeImage(bytes, layout.value) : layout;
  if (!image.ok) throw new Error(JSON.stringify(image.problem));
  return image.value;
};

// [name, XCR0 | IA32_XSS, total in CPUID 0xD.1.EBX, component → [offset, size]]. The totals are those of the CPUs' own dumps.
const AMX_WITH_PT = {
  2: [576, 256],
  5: [832, 64],
  6: [896, 512],
  7: [1408, 1024],
  8: [2432, 128],
  9: [2560, 8],
} as const;
const VECTORS: readonly [string, string, bigint, number, Readonly<Record<number, readonly [number, number]>>][] = [
  ['sapphire-rapids', 'XSS 0x100', 0x603e7n, 0x2a80, { ...AMX_WITH_PT, 17: [2624, 64], 18: [2688, 8192] }],
  ['granite-rapids', 'XSS 0x100', 0x603e7n, 0x2a80, { ...AMX_WITH_PT, 17: [2624, 64], 18: [2688, 8192] }],
  ['sapphire-rapids', 'XSS 0', 0x602e7n, 0x2a00, { 9: [2432, 8], 17: [2496, 64], 18: [2560, 8192] }],
  ['zen4', 'XSS 0x800', 0x8e7n, 0x990, { 7: [1408, 1024], 11: [2432, 16] }],
  ['zen5', 'XSS 0x1800', 0x18e7n, 0x9a8, { 11: [2432, 16], 12: [2448, 24] }],
  // Zen 5 with PKRU, as the cpuid tool shows it on a live one.
  ['zen5', 'XSS 0x1800, PKRU', 0x1ae7n, 0x9b0, { 9: [2432, 8], 11: [2440, 16], 12: [2456, 24] }],
  ['lunar-lake', 'XSS 0x9800', 0x9a07n, 0x698, { 9: [832, 8], 11: [840, 16], 12: [856, 24], 15: [880, 808] }],
  ['lunar-lake', 'XSS 0x900', 0x907n, 0x3d0, { 8: [832, 128], 11: [960, 16] }],
  ['ice-lake', 'XSS 0x100', 0x1e7n, 0xa00, { 8: [2432, 128] }],
  ['skylake-sp', 'XSS 0x100, MPX', 0x1ffn, 0xa80, { 3: [832, 64], 4: [896, 64], 5: [960, 64], 8: [2560, 128] }],
  ['zen3', 'XSS 0x800', 0x807n, 0x350, { 11: [832, 16] }],
  ['sapphire-rapids', 'XSS 0x900, no PKRU and AMX', 0x9e7n, 0xa10, { 8: [2432, 128], 11: [2560, 16] }],
];

describe('[X19] XSAVES images, built by hand', () => {
  test.each(VECTORS)('%s, %s', (preset, _xss, xcompBv, total, places) => {
    const bytes = byHand(total, xcompBv, places as Record<number, [number, number]>);
    const image = decodeBy(preset, bytes, xcompBv);
    expect(image.layout.totalBytes).toBe(total);
    for (const [bit, [at, size]] of Object.entries(places)) {
      expect(viewComponent(image, Number(bit))).toEqual({ state: 'inUse', bytes: bytes.subarray(at, at + size) });
    }
    // Opened as a file, with the preset and, where the architecture has all sizes, without.
    for (const options of [{ preset }, {}]) {
      const opened = openRaw('xsaves.bin', bytes, options);
      const state = opened.ok ? opened.value.states[0] : undefined;
      for (const [bit, [at, size]] of Object.entries(places)) {
        const view = state && viewComponent(state.capture.image, Number(bit));
        expect(view).toEqual({ state: 'inUse', bytes: bytes.subarray(at, at + size) });
      }
    }
  });

  test('cut at every length an image is a problem or whole in everything in use', () => {
    const bytes = byHand(0x698, 0x9a07n, { 9: [832, 8], 15: [880, 808] });
    const places = supervisorPlaces(presetCpuid('lunar-lake'));
    const layout = compactedLayout(presetLayout('lunar-lake'), COMPACTED | 0x9a07n, places);
    if (!layout.ok) throw new Error('no layout');
    for (let length = 0; length <= bytes.length; length += 1) {
      expect(decodeImage(bytes.subarray(0, length), layout.value).ok).toBe(length >= 0x698);
    }
  });

  test('MXCSR is 1F80H while SSE is in init, whatever the bytes say', () => {
    const bytes = byHand(0x990, 0x8e7n, { 11: [2432, 16] });
    writeU32(bytes, 24, 0xffff);
    expect(mxcsr(decodeBy('zen4', bytes, 0x8e7n))).toBe(0x1f80);
  });
});

const rowOf = (capture: Capture, bit: number) => supervisorRows(capture).find((row) => row.bit === bit);

describe('[X20] where supervisor state lives', () => {
  const idle = makeCapture('sapphire-rapids', makeImage(presetLayout('sapphire-rapids'), new Map()));

  test('outside of every image of KVM: in MSRs, with their value where it was read and the reason where not', () => {
    const msrs = [
      { index: 0x6a0, value: 3n, errno: 0 },
      { index: 0x6a7, value: null, errno: 22 },
      { index: 0xda0, value: 0x800n, errno: 0 },
    ];
    const cet = rowOf({ ...idle, facts: { ...idle.facts, msrs } }, 11);
    expect(cet).toMatchObject({
      lives: 'outside',
      enabled: 'yes',
      inUse: 'yes',
      where: 'IA32_U_CET 0x6a0, IA32_PL3_SSP 0x6a7',
    });
    expect(cet?.values).toMatchObject([
      { name: 'IA32_U_CET', path: 'u_cet', value: 3n, from: 'msr', why: null },
      { name: 'IA32_PL3_SSP', value: null, from: null, why: 'KVM_GET_MSRS does not give it to this guest (errno 22)' },
    ]);
    expect(rowOf(idle, 8)?.values[0]).toMatchObject({
      name: 'IA32_RTIT_CTL',
      path: null,
      value: null,
      why: 'not read',
    });
  });

  test('in a compacted image: from there, and zero where its XSTATE_BV bit is clear', () => {
    const bytes = byHand(0x698, 0x9a07n, { 12: [856, 24], 15: [880, 808] });
    writeU64(bytes, 856 + 8, 0xffff_c900_0000_1000n);
    const capture = { ...idle, image: decodeBy('lunar-lake', bytes, 0x9a07n) };
    expect(rowOf(capture, 12)).toMatchObject({ lives: 'image', inUse: 'yes' });
    expect(rowOf(capture, 12)?.values[1]).toMatchObject({
      name: 'IA32_PL1_SSP',
      value: 0xffff_c900_0000_1000n,
      from: 'image',
    });
    expect(rowOf(capture, 11)?.values.map(({ value, from }) => [value, from])).toEqual([
      [0n, 'image'],
      [0n, 'image'],
    ]);
    const lbr = rowOf(capture, 15)?.values ?? [];
    expect(lbr.length).toBe(101);
    expect(lbr.at(-1)).toMatchObject({ name: 'IA32_LBR_31_INFO', msr: 0x121f, offsetBytes: 800 });
  });

  test('every supervisor component has fields that lie inside it and say where it is reached', () => {
    for (const { bit, kind, sizeBytes, where } of COMPONENTS) {
      const fields = supervisorFields(bit);
      if (kind === 'user') expect(fields).toEqual([]);
      else {
        expect(where).not.toBe('');
        expect(fields.length).toBeGreaterThan(0);
        expect(Math.max(...fields.map(({ offsetBytes }) => offsetBytes + 8))).toBeLessThanOrEqual(sizeBytes ?? 0);
        expect(new Set(fields.map(({ msr }) => msr)).size).toBe(fields.length);
      }
    }
  });
});
