import { expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { bitMatrix, xcr0Refusal } from './bitmatrix.ts';
import { convertImage } from './convert.ts';
import { enablementOf, xfdArmed } from './enablement.ts';
import { compactedLayout } from './layout.ts';
import { ledgerNeed, sizeLedger } from './ledger.ts';

const layout = presetLayout('sapphire-rapids');
const image = makeImage(
  layout,
  new Map([
    [18, new Uint8Array(8192)],
    [17, new Uint8Array(64)],
  ]),
);
const capture = makeCapture('sapphire-rapids', image);
const knowing = (known: Partial<Facts>): Capture => ({ ...capture, facts: { ...capture.facts, ...known } });
const withMsr = (index: number, value: bigint | null): Partial<Facts> => ({
  msrs: capture.facts.msrs.map((msr) => (msr.index === index ? { ...msr, value } : msr)),
});

test('[X13] the chain of a component: supported, enabled, permitted, in use', () => {
  expect(enablementOf(capture.facts, image, 18)).toEqual({
    supported: 'yes',
    enabled: 'yes',
    permitted: 'yes',
    inUse: 'yes',
  });
  expect(enablementOf(capture.facts, image, 2)).toMatchObject({ permitted: 'not-needed', inUse: 'no' });
  expect(enablementOf(knowing({ guestPermission: 0x202e7n }).facts, image, 18).permitted).toBe('no');
  const blind = knowing({ guestCpuid: [], xcr0: null, guestPermission: null }).facts;
  expect(enablementOf(blind, image, 18)).toEqual({
    supported: 'not-known',
    enabled: 'not-known',
    permitted: 'not-known',
    inUse: 'yes',
  });
});

test('[X13] supervisor components are enabled by IA32_XSS and read from their MSRs', () => {
  const cet = knowing(withMsr(0x6a7, 0x7fff0000n)).facts;
  expect(enablementOf(cet, image, 11)).toEqual({
    supported: 'yes',
    enabled: 'no',
    permitted: 'not-needed',
    inUse: 'yes',
  });
  expect(enablementOf(capture.facts, image, 12).inUse).toBe('no');
  expect(enablementOf(knowing(withMsr(0x6a4, null)).facts, image, 12).inUse).toBe('not-known');
  expect(enablementOf(capture.facts, image, 15).inUse).toBe('not-known');
});

test('[X13] armed is not known where IA32_XFD was not read', () => {
  expect(xfdArmed(knowing(withMsr(0x1c4, 1n << 18n)).facts, 18)).toBe(true);
  expect(xfdArmed(capture.facts, 18)).toBe(false);
  expect(xfdArmed(knowing(withMsr(0x1c4, null)).facts, 18)).toBeNull();
});

test('[X14] the ledger names every size and who falls short of 11008', () => {
  const rows = sizeLedger(capture).map((row) => [row.id, row.bytes, row.verdict.kind, row.verdict.sentence]);
  expect(rows).toEqual([
    ['cap-xsave2', 11008, 'ok', 'what this VM needs'],
    ['cap-xsave2-system', 11008, 'ok', 'what this VM needs'],
    ['kvm-xsave', 4096, 'short', 'legacy GET refused with EINVAL: 11008 > 4096'],
    ['cpuid-0d-0-ebx', 11008, 'ok', 'equal'],
    ['cpuid-0d-0-ecx', 11008, 'ok', 'equal'],
    ['cpuid-0d-1-ebx', 10752, 'other', 'other format: not compared'],
    [
      'rfc',
      12288,
      'ok',
      'a fixed buffer would hold this CPU, not a next one with more than 1280 bytes of new components',
    ],
    ['layout', 11008, 'ok', 'equal'],
    ['image', 11008, 'ok', 'equal to what KVM copies'],
  ]);
});

test('[X14] a 4096-byte guest has nothing short, and unknown sizes are said to be unknown', () => {
  const small = makeCapture('zen4', makeImage(presetLayout('zen4'), new Map()));
  expect(sizeLedger(small).filter((row) => row.verdict.kind === 'short')).toEqual([]);
  const sizes = { capXsave2Vm: null, capXsave2System: null, writtenBytes: null, legacyErrno: null };
  const blind = sizeLedger({ ...small, facts: { ...small.facts, sizes, guestCpuid: [], hostCpuid: [] } });
  expect(blind.filter((row) => row.bytes === null).map((row) => [row.id, row.verdict.kind])).toEqual([
    ['cap-xsave2', 'unknown'],
    ['cap-xsave2-system', 'unknown'],
    ['cpuid-0d-0-ebx', 'unknown'],
    ['cpuid-0d-0-ecx', 'unknown'],
    ['cpuid-0d-1-ebx', 'unknown'],
  ]);
});

const verdictOf = (of: Capture, id: string) => sizeLedger(of).find((row) => row.id === id)?.verdict;
const nothingRead = { capXsave2Vm: null, capXsave2System: null, writtenBytes: null, legacyErrno: null };

test('[X14] a file that does not say is held against its layout', () => {
  const file = knowing({ sizes: nothingRead, guestCpuid: [], hostCpuid: [] });
  expect(ledgerNeed(file)).toEqual({ bytes: 11008, from: 'layout' });
  expect(verdictOf(file, 'kvm-xsave')).toEqual({ kind: 'short', sentence: 'legacy GET would refuse: 11008 > 4096' });
  expect(verdictOf(file, 'image')).toEqual({ kind: 'ok', sentence: 'equal' });
  const packed = compactedLayout(layout, (1n << 63n) | 0x602e7n);
  if (!packed.ok) throw new Error('no layout');
  const compacted = convertImage(image, packed.value);
  if (!compacted.ok) throw new Error('not converted');
  expect(ledgerNeed({ ...file, image: compacted.value.image })).toBeNull();
  expect(verdictOf({ ...file, image: compacted.value.image }, 'rfc')?.kind).toBe('unknown');
});

test('[X14] an image cut at 4096 names what is lost; one cut behind everything in use loses nothing', () => {
  const cut = { ...capture, image: { layout, bytes: image.bytes.subarray(0, 4096) } };
  expect(verdictOf(cut, 'image')).toEqual({
    kind: 'short',
    sentence: 'this snapshot is truncated at 4096: TILEDATA lost',
  });
  const idle = makeImage(layout, new Map([[2, new Uint8Array(256).fill(1)]]));
  const short = { ...capture, image: { layout, bytes: idle.bytes.subarray(0, 4096) } };
  expect(verdictOf(short, 'image')).toEqual({
    kind: 'short',
    sentence: '6912 bytes short: cut off, nothing in use is lost',
  });
  const core = { ...capture, image: { layout: presetLayout('zen4'), bytes: new Uint8Array(2440) } };
  expect(verdictOf({ ...core, facts: { ...core.facts, sizes: nothingRead } }, 'image')?.kind).toBe('ok');
});

test('[X14] a legacy GET that answered for a larger state, before Linux 5.17, cut it off', () => {
  const old = knowing({ sizes: { ...capture.facts.sizes, legacyErrno: 0 } });
  expect(verdictOf(old, 'kvm-xsave')?.sentence).toBe('legacy GET answered and cut the state off: 11008 > 4096');
});

test('[X14] a fixed buffer falls short of a larger CPU', () => {
  const large = knowing({ sizes: { ...capture.facts.sizes, writtenBytes: 20480 } });
  expect(verdictOf(large, 'rfc')).toEqual({
    kind: 'short',
    sentence: 'a fixed buffer would not hold this CPU: 8192 bytes short',
  });
});

test('[X15] rows of the matrix are null where not known', () => {
  const rows = bitMatrix(knowing({ xcr0: null, ...withMsr(0x1c4, null) })).rows;
  expect(rows.map((row) => row.id)).toEqual([
    'xcr0',
    'xss',
    'xstate_bv',
    'xcomp_bv',
    'xfd',
    'xfd_err',
    'guest_permission',
    'host_support',
  ]);
  expect(rows.filter((row) => row.value === null).map((row) => row.id)).toEqual(['xcr0', 'xfd']);
});

const broken = (known: Partial<Facts>, bv?: bigint, xcomp?: bigint): string[] => {
  const bytes = image.bytes.slice();
  if (bv !== undefined) writeU64(bytes, 512, bv);
  if (xcomp !== undefined) writeU64(bytes, 520, xcomp);
  return bitMatrix({ image: { bytes, layout }, facts: knowing(known).facts }).contradictions.map((one) => one.rule);
};

test('[X16] a healthy AMX guest contradicts no rule', () => {
  expect(broken({})).toEqual([]);
});

test.each<[string, Partial<Facts>, bigint | undefined, bigint | undefined]>([
  ['xfd-covers-image', withMsr(0x1c4, 1n << 18n), undefined, undefined],
  ['xcr0-without-x87', { xcr0: 0x602e6n }, undefined, undefined],
  ['avx-without-sse', { xcr0: 0x5n }, 0n, undefined],
  ['mpx-not-together', { xcr0: 0xfn, supportedXcr0: null, hostCpuid: [], guestCpuid: [] }, 0n, undefined],
  ['avx512-not-together', { xcr0: 0x67n }, 0n, undefined],
  ['avx512-without-avx', { xcr0: 0xe3n }, 0n, undefined],
  ['tilecfg-without-tiledata', { xcr0: 0x202e7n }, 0n, undefined],
  ['tiles-without-config', {}, 1n << 18n, undefined],
  ['pkru-leaked', { xcr0: 0x600e7n }, 0x200n, undefined],
  ['xstate-bv-outside-xcr0', { xcr0: 3n }, 4n, undefined],
  ['xcomp-bv-outside', {}, 4n, (1n << 63n) | 3n],
  ['xcomp-bv-standard', {}, 0n, 7n],
  ['xfd-not-capable', withMsr(0x1c4, 4n), 0n, undefined],
  ['xfd-err-not-armed', withMsr(0x1c5, 1n << 18n), 0n, undefined],
])('[X16] rule %s', (rule, known, bv, xcomp) => {
  expect(broken(known, bv, xcomp)).toEqual([rule]);
});

test('[X16] tiles without permission contradict both XSTATE_BV and XCR0', () => {
  expect(broken({ guestPermission: 0x202e7n })).toEqual(['not-permitted', 'enabled-not-permitted']);
});

test('[X16] a guest CPUID with TILECFG alone is named', () => {
  const guestCpuid = capture.facts.guestCpuid.map((entry) =>
    entry.leaf === 0xd && entry.subleaf === 0 ? { ...entry, eax: 0x202e7 } : entry,
  );
  expect(broken({ guestCpuid, xcr0: 0x2e7n }, 0n)).toContain('cpuid-half-amx');
});

test('[X17] XCR0 is refused by the rules of XSETBV and by CPUID', () => {
  expect(xcr0Refusal(0x602e7n, capture)).toBeNull();
  expect(xcr0Refusal(1n, capture)).toBeNull();
  for (const bad of [0n, 0x5n, 0x27n, 0xe3n, 0x207n | (1n << 17n), 0xfn, 1n << 63n]) {
    expect(xcr0Refusal(bad, capture)).not.toBeNull();
  }
});
