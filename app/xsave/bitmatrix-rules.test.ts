import { expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { makeCapture, makeImage, presetCpuid, presetLayout } from '../fixtures/preset-captures.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { bitMatrix } from './bitmatrix.ts';
import { RULES } from './bitmatrix-rules.ts';
import { compactedLayout, supervisorPlaces } from './layout.ts';
import { PRESETS } from './presets.ts';

const layout = presetLayout('sapphire-rapids');
const idle = makeCapture('sapphire-rapids', makeImage(layout, new Map([[2, new Uint8Array(256).fill(1)]])));
const COMPACTED = 1n << 63n;

const knowing = (known: Partial<Facts>): Capture => ({ ...idle, facts: { ...idle.facts, ...known } });
const withMsr = (index: number, value: bigint | null): Partial<Facts> => ({
  msrs: idle.facts.msrs.map((msr) => (msr.index === index ? { ...msr, value } : msr)),
});
const withBytes = (change: (bytes: Uint8Array) => void): Capture => {
  const bytes = idle.image.bytes.slice();
  change(bytes);
  return { ...idle, image: { ...idle.image, bytes } };
};
const found = (capture: Capture): Record<string, readonly number[]> =>
  Object.fromEntries(bitMatrix(capture).contradictions.map(({ rule, bits }) => [rule, bits]));

/** A compacted image of Sapphire Rapids with these bits in XCOMP_BV and all else as in init. */
const compacted = (xcompBv: bigint, bv: bigint, known: Partial<Facts> = {}): Capture => {
  const packed = compactedLayout(layout, COMPACTED | xcompBv, supervisorPlaces(presetCpuid('sapphire-rapids')));
  if (!packed.ok) throw new Error('no layout');
  const bytes = new Uint8Array(packed.value.totalBytes);
  writeU32(bytes, 0, 0x37f);
  writeU32(bytes, 24, 0x1f80);
  writeU64(bytes, 512, bv);
  writeU64(bytes, 520, COMPACTED | xcompBv);
  return { image: { bytes, layout: packed.value }, facts: { ...idle.facts, ...known } };
};

test.each<[string, Capture, Record<string, readonly number[]>]>([
  ['a healthy guest', idle, {}],
  ['XSS has bits with no MSR read', knowing(withMsr(0xda0, 0x1900n)), { 'xss-without-msr': [8] }],
  [
    'XSS has a component that the CPUID does not have',
    knowing(withMsr(0xda0, 1n << 16n)),
    { 'xss-beyond-cpuid': [16], 'xss-without-msr': [16] },
  ],
  ['XSS has a user component', knowing(withMsr(0xda0, 4n)), { 'xss-user': [2] }],
  ['CET is set up and XSS lacks it', knowing(withMsr(0x6a0, 3n)), { 'msr-without-xss': [11] }],
  ['XCR0 has a supervisor component', knowing({ xcr0: 0x603e7n }), { 'xcr0-supervisor': [8] }],
  [
    'XCR0 has what the guest’s CPUID has not',
    knowing({ guestCpuid: presetCpuid('ice-lake-sp') }),
    { 'xcr0-beyond-cpuid': [17, 18] },
  ],
  [
    'a supervisor bit in a standard image',
    withBytes((bytes) => writeU64(bytes, 512, 0x904n)),
    { 'supervisor-in-standard': [8, 11] },
  ],
  [
    'XSTATE_BV beyond what KVM supports',
    withBytes((bytes) => writeU64(bytes, 512, (1n << 23n) | 4n)),
    { 'xstate-bv-outside-xcr0': [23], 'xstate-bv-beyond-host': [23] },
  ],
  ['XSTATE_BV bit 63', withBytes((bytes) => writeU64(bytes, 512, COMPACTED | 4n)), { 'bit-63': [63] }],
  [
    'bytes under a clear bit',
    withBytes((bytes) => {
      writeU64(bytes, 512, 0n);
      bytes[0] = 0x40;
    }),
    { 'bytes-under-clear-bit': [0, 2] },
  ],
  ['XCOMP_BV with room that nothing enables', compacted(0x107n, 3n), { 'xcomp-bv-not-enabled': [8] }],
  ['the same, enabled by XSS', compacted(0x107n, 0x103n, withMsr(0xda0, 0x100n)), {}],
])('[X16] %s', (_name, capture, rules) => {
  expect(found(capture)).toEqual(rules);
});

test('[X18] zeros that KVM gives of a guest whose registers it cannot read are told as such, and nothing else is', () => {
  const zeros = withBytes((bytes) => bytes.fill(0, 0, 576));
  expect(found(zeros)).toMatchObject({ 'protected-guest': [] });
  expect(found(idle)).not.toHaveProperty('protected-guest');
});

test('[X16] MPX and APX in one CPUID', () => {
  const mpxToo = presetCpuid('apx').map((entry) =>
    entry.leaf === 0xd && entry.subleaf === 0 ? { ...entry, eax: entry.eax | 0x18 } : entry,
  );
  expect(found(knowing({ guestCpuid: mpxToo }))['apx-with-mpx']).toEqual([3, 4, 19]);
});

test('[X16] what has no MSR list says nothing of MSRs; the samples contradict no rule', () => {
  expect(found(knowing({ msrs: [] }))).toEqual({});
  expect(found(sampleCapture())).toEqual({});
  expect(found(sampleAmxCapture())).toEqual({});
});

test('[X16] every preset, idle and with everything enabled, contradicts no rule', () => {
  for (const preset of PRESETS) {
    const capture = makeCapture(preset.name, makeImage(presetLayout(preset.name), new Map()));
    expect([preset.name, found(capture)]).toEqual([preset.name, {}]);
  }
});

test('[X16] every rule has a name of its own, a source and, where it is broken, one sentence without a full stop', () => {
  expect(new Set(RULES.map(({ rule }) => rule)).size).toBe(RULES.length);
  for (const { source, say } of RULES) {
    expect(source).not.toBe('');
    expect(say('bit 2 (AVX)', [2])).not.toMatch(/\.$|\n/);
  }
});
