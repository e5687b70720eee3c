import { expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import type { Facts } from '../capture/capture.ts';
import type { Image } from '../capture/image.ts';
import { makeCapture, makeImage, presetLayout } from '../fixtures/preset-captures.ts';
import { firstRefusal, kernelPreflight, mxcsrAllowed, preflight } from './preflight.ts';
import { encodeTileConfig } from './tilecfg.ts';

const layout = presetLayout('sapphire-rapids');
const tiles = Array.from({ length: 8 }, () => ({ rows: 16, colsb: 64 }));
const config = encodeTileConfig({ paletteId: 1, startRow: 0, tiles });
const contents = new Map([
  [1, new Uint8Array(256)],
  [17, config],
  [18, new Uint8Array(8192).fill(3)],
]);
const good = makeImage(layout, contents);
const { facts } = makeCapture('sapphire-rapids', good);

const changed = (change: (bytes: Uint8Array) => void): Image => {
  const bytes = good.bytes.slice();
  change(bytes);
  return { bytes, layout };
};

const verdict = (image: Image, known: Partial<Facts> = {}) => {
  const step = firstRefusal(preflight(image, { ...facts, ...known }));
  return step === null ? null : [step.id, step.errno ?? 'none', step.by];
};

const xfd = (value: bigint | null): Partial<Facts> => ({
  msrs: facts.msrs.map((msr) => (msr.index === 0x1c4 ? { ...msr, value } : msr)),
});

test('[P1] a good image passes every step', () => {
  const steps = preflight(good, facts);
  expect(firstRefusal(steps)).toBeNull();
  expect(new Set(steps.map((step) => step.outcome))).toEqual(new Set(['pass']));
});

test('[P2] a bit that IA32_XFD covers is refused first, by Tilescope, whatever else is wrong', () => {
  const bad = changed((bytes) => writeU64(bytes, 520, 1n));
  expect(verdict(bad, xfd(1n << 18n))).toEqual(['xfd', 'none', 'tilescope']);
  const steps = preflight(bad, { ...facts, ...xfd(1n << 18n) });
  expect(steps.slice(1).every((step) => step.outcome === 'not-reached')).toBe(true);
  expect(steps[0]?.sentence).toContain('18 (TILEDATA)');
});

test('[P2] IA32_XFD not read: refused only where a component in use could be armed', () => {
  expect(verdict(good, xfd(null))).toEqual(['xfd', 'none', 'tilescope']);
  const plain = makeImage(layout, new Map([[2, new Uint8Array(256)]]));
  expect(verdict(plain, xfd(null))).toBeNull();
});

test.each<[string, Image, Partial<Facts>, string, string]>([
  ['short', { bytes: good.bytes.subarray(0, 10000), layout }, {}, 'size', 'EFAULT'],
  ['protected guest', good, { failed: [{ call: 'KVM_GET_REGS', errno: 22 }] }, 'protected', 'EINVAL'],
  ['unsupported by KVM', good, { supportedXcr0: 0x2e7n }, 'supported', 'EINVAL'],
  ['no permission', good, { guestPermission: 0x202e7n }, 'permitted', 'EINVAL'],
  [
    'not in guest CPUID',
    good,
    { guestCpuid: makeCapture('ice-lake-sp', good).facts.guestCpuid },
    'permitted',
    'EINVAL',
  ],
  ['XCOMP_BV', changed((bytes) => writeU64(bytes, 520, 1n << 63n)), {}, 'xcomp-bv', 'EINVAL'],
  ['reserved header byte', changed((bytes) => bytes.fill(1, 575, 576)), {}, 'reserved', 'EINVAL'],
  ['MXCSR', changed((bytes) => writeU32(bytes, 24, 0x11f80)), {}, 'mxcsr', 'EINVAL'],
])('[P3] the kernel refuses: %s', (_name, image, known, id, errno) => {
  expect(verdict(image, known)).toEqual([id, errno, 'kernel']);
});

test('[P3] of several faults the one that the kernel looks at first is the verdict', () => {
  const bad = changed((bytes) => {
    writeU32(bytes, 24, 0xffffffff);
    bytes[540] = 9;
    writeU64(bytes, 520, 5n);
  });
  expect(verdict(bad)?.[0]).toBe('xcomp-bv');
  expect(verdict(bad, { supportedXcr0: 7n })?.[0]).toBe('supported');
});

test('[P4] MXCSR is not looked at while none of x87, SSE, AVX is in use', () => {
  const image = makeImage(layout, new Map([[9, new Uint8Array(8)]]), 0xffff0000);
  expect(preflight(image, facts).find((step) => step.id === 'mxcsr')?.outcome).toBe('pass');
  expect(firstRefusal(preflight(image, facts))).toBeNull();
});

test("[P4] the MXCSR mask is that of the host's CPU, whatever the image stores; the stored one where the CPU is not known", () => {
  const vendor = (ebx: number, edx: number, ecx: number): Facts => ({
    ...facts,
    hostCpuid: [...facts.hostCpuid, { leaf: 0, subleaf: 0, eax: 0, ebx, ecx, edx }],
  });
  const intel = vendor(0x756e6547, 0x49656e69, 0x6c65746e);
  const amd = vendor(0x68747541, 0x69746e65, 0x444d4163);
  for (const mask of [0, 0xffff, 0x2ffff, 0x12345, 0xffffffff]) {
    const odd = changed((bytes) => writeU32(bytes, 28, mask));
    expect(mxcsrAllowed(odd, intel)).toBe(0xffff);
    expect(mxcsrAllowed(odd, amd)).toBe(0x2ffff);
    expect(mxcsrAllowed(odd, { ...facts, hostCpuid: [] })).toBe(mask === 0 ? 0xffbf : mask);
  }
  // Bit 17, misaligned SSE mode, is AMD's: an image from there is refused on Intel.
  const misaligned = changed((bytes) => {
    writeU32(bytes, 24, 0x21f80);
    writeU32(bytes, 28, 0x2ffff);
  });
  expect(firstRefusal(preflight(misaligned, intel))?.id).toBe('mxcsr');
  expect(firstRefusal(preflight(misaligned, amd))).toBeNull();
});

test('[P5] Tilescope refuses a TILECFG that LDTILECFG would not take, and names the rule and the offset', () => {
  const bad = changed((bytes) => bytes.fill(17, 2752 + 50, 2752 + 51));
  expect(verdict(bad)).toEqual(['tilecfg', 'none', 'tilescope']);
  expect(firstRefusal(preflight(bad, facts))?.sentence).toBe(
    'rows[2] is 17, palette 1 allows 16 (offset 2802); LDTILECFG would raise #GP',
  );
});

test("[P6] XSTATE_BV outside the guest's XCR0 is a warning, outside the guest's CPUID Tilescope refuses it", () => {
  const early = preflight(good, { ...facts, xcr0: 1n });
  expect(early.find((step) => step.id === 'xcr0')?.outcome).toBe('warning');
  expect(firstRefusal(early)).toBeNull();
  const { guestCpuid } = makeCapture('family-15h', good).facts;
  const opmask = makeImage(layout, new Map([[5, new Uint8Array(64)]]));
  expect(verdict(opmask, { xcr0: 7n, guestCpuid })).toEqual(['xcr0', 'none', 'tilescope']);
});

test('[P7] an MXCSR that would be lost is a warning and no refusal', () => {
  const image = makeImage(layout, new Map([[0, new Uint8Array(160)]]), 0x3f80);
  const kept = preflight(image, facts).find((step) => step.id === 'mxcsr-kept');
  expect(kept?.outcome).toBe('warning');
  expect(firstRefusal(preflight(image, facts))).toBeNull();
  const avx = makeImage(layout, new Map([[2, new Uint8Array(256)]]), 0x3f80);
  expect(preflight(avx, facts).find((step) => step.id === 'mxcsr-kept')?.outcome).toBe('pass');
});

test('[P8] what was not read is said to be not known, not passed', () => {
  const blind: Partial<Facts> = { supportedXcr0: null, guestPermission: null, xcr0: null, hostCpuid: [] };
  const steps = preflight(good, { ...facts, ...blind });
  const unknown = steps.filter((step) => step.outcome === 'not-known').map((step) => step.id);
  expect(unknown).toEqual(['host-xsave', 'supported', 'permitted', 'xcr0']);
  expect(firstRefusal(steps)).toBeNull();
});

test('[P3] the size is that of the copy: a component beyond it is refused for its bit, not for the size', () => {
  const smallVcpu = { ...facts.sizes, capXsave2Vm: 4096, writtenBytes: 4096 };
  expect(verdict(good, { sizes: smallVcpu, guestPermission: 0x2e7n })).toEqual(['permitted', 'EINVAL', 'kernel']);
  const unknown = { ...facts.sizes, capXsave2Vm: null, writtenBytes: null };
  const cut = { bytes: good.bytes.subarray(0, 10000), layout };
  expect(verdict(cut, { sizes: unknown })).toEqual(['size', 'none', 'tilescope']);
  expect(verdict({ bytes: good.bytes.subarray(0, 4095), layout }, { sizes: unknown })).toEqual([
    'size',
    'EFAULT',
    'kernel',
  ]);
  expect(verdict(good, { sizes: unknown })).toBeNull();
});

test('[P10] the checks of the kernel alone are those steps, without what Tilescope adds', () => {
  const bad = changed((bytes) => bytes.fill(17, 2752 + 50, 2752 + 51));
  expect(firstRefusal(kernelPreflight(bad, { ...facts, ...xfd(1n << 18n) }))).toBeNull();
  expect(kernelPreflight(good, facts)).toEqual(preflight(good, facts).filter((step) => step.by === 'kernel'));
});

test('[P9] an image of any length is answered, never a throw', () => {
  for (let length = 0; length < 1200; length += 1) {
    const steps = preflight({ bytes: good.bytes.subarray(0, length), layout }, facts);
    expect(firstRefusal(steps)?.id).toBe('size');
  }
});
