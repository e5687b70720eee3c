import { assert } from '../bits/decoded.ts';
import { bitsOf, hasBit, maskOf } from '../bits/mask.ts';
import type { Layout } from '../capture/image.ts';
import type { Cpuid, CpuidEntry } from '../cpu/cpuid.ts';
import { BIT, componentLabel } from '../xsave/components.ts';
import { DYNAMIC_MASK } from '../xsave/facts.ts';
import { compactedLayout, layoutFromCpuid } from '../xsave/layout.ts';
import { findPreset } from '../xsave/presets.ts';

/** The CPU that the model reports: Sapphire Rapids, its leaf 0xD from a real one. */
export const MODEL_CPU = 'Sapphire Rapids';

const preset = findPreset('sapphire-rapids');
assert(preset !== undefined, 'the preset of the model CPU');
const presetCpuid = preset.cpuid;

/** CPUID 7.0.EDX: AMX-BF16, AMX-TILE, AMX-INT8. */
const AMX_EDX = (1 << 22) | (1 << 24) | (1 << 25);
const OSXSAVE_ECX = 1 << 27;
const AMX_BITS = maskOf([BIT.XTILECFG, BIT.XTILEDATA]);
const AMX_LEAVES: readonly number[] = [0x1d, 0x1e];

/** Vendor and features as KVM_GET_SUPPORTED_CPUID gives them on Sapphire Rapids; OSXSAVE follows CR4. */
const IDENTITY: Cpuid = [
  { leaf: 0x0, subleaf: 0, eax: 0x20, ebx: 0x756e6547, ecx: 0x6c65746e, edx: 0x49656e69 },
  { leaf: 0x1, subleaf: 0, eax: 0x806f8, ebx: 0x10800, ecx: 0x76fa3223 | OSXSAVE_ECX, edx: 0xf8bfbff },
  { leaf: 0x7, subleaf: 0, eax: 0x1, ebx: 0xf1bf25eb, ecx: 0x18415f6e, edx: 0xbfc04410 | AMX_EDX },
  { leaf: 0x7, subleaf: 1, eax: 0x1c30, ebx: 0x0, ecx: 0x0, edx: 0x0 },
];

/** The host's: the preset's leaves whole, supervisor components included. */
export const HOST_CPUID: Cpuid = [
  ...IDENTITY,
  ...presetCpuid,
  { leaf: 0x1e, subleaf: 1, eax: 0x3, ebx: 0, ecx: 0, edx: 0 },
].map((entry) => ({
  ...entry,
  eax: entry.eax >>> 0,
  ebx: entry.ebx >>> 0,
  ecx: entry.ecx >>> 0,
  edx: entry.edx >>> 0,
}));

const layoutOfHost = layoutFromCpuid(HOST_CPUID, 'CPUID 0xD of the model');
assert(layoutOfHost.ok, 'the layout of the model CPU');

/** KVM's images lie as the host's CPUID says. */
export const HOST_LAYOUT: Layout = layoutOfHost.value;

/** KVM_X86_XCOMP_GUEST_SUPP: what KVM supports on this host, whatever is permitted. */
export const SUPPORTED_XCR0 = maskOf(HOST_LAYOUT.components.map((place) => place.bit));

/** Without a permission: everything but TILEDATA. (Linux fpu_user_cfg.default_features.) */
export const DEFAULT_FEATURES = SUPPORTED_XCR0 & ~DYNAMIC_MASK;

/** What the standard format takes for these components, at least 576. */
export const standardBytes = (mask: bigint): number =>
  HOST_LAYOUT.components.reduce(
    (most, place) => (hasBit(mask, place.bit) ? Math.max(most, place.offsetBytes + place.sizeBytes) : most),
    576,
  );

const compactedBytes = (mask: bigint): number => {
  const packed = compactedLayout(HOST_LAYOUT, mask | (1n << 63n));
  assert(packed.ok, 'components of the model CPU');
  return packed.value.totalBytes;
};

/** What the VMM offers its guest: all of it, or everything but AMX. */
export const offeredXcr0 = (withAmx: boolean): bigint => (withAmx ? SUPPORTED_XCR0 : SUPPORTED_XCR0 & ~AMX_BITS);

/**
 * The guest's CPUID: no supervisor components, and where the VMM withholds AMX none of its bits and leaves. KVM rewrites
 * 0xD.0.EBX and 0xD.1.EBX as the guest changes XCR0. (Linux arch/x86/kvm/cpuid.c kvm_update_cpuid_runtime.)
 */
export const guestCpuid = (withAmx: boolean, xcr0: bigint): Cpuid => {
  const offered = offeredXcr0(withAmx);
  const leafD = (entry: CpuidEntry): CpuidEntry | null => {
    if (entry.subleaf === 0) {
      return { ...entry, eax: Number(offered), ebx: standardBytes(xcr0), ecx: standardBytes(offered) };
    }
    if (entry.subleaf === 1) return { ...entry, ebx: compactedBytes(xcr0), ecx: 0, edx: 0 };
    return hasBit(offered, entry.subleaf) ? entry : null;
  };
  return HOST_CPUID.flatMap((entry) => {
    if (entry.leaf === 0xd) return leafD(entry) ?? [];
    if (withAmx) return entry;
    if (entry.leaf === 7 && entry.subleaf === 0) return { ...entry, edx: (entry.edx & ~AMX_EDX) >>> 0 };
    return AMX_LEAVES.includes(entry.leaf) ? [] : entry;
  });
};

/**
 * Why the CPU refuses this value of XCR0, or null. The rules of XSETBV, which KVM applies to KVM_SET_XCRS too, and the
 * guest's own limit. (Linux arch/x86/kvm/x86.c __kvm_set_xcr.)
 */
export const xcr0Fault = (value: bigint, offered: bigint): string | null => {
  const needs = (bits: readonly number[], all: readonly number[]): boolean =>
    (value & maskOf(bits)) !== 0n && (value & maskOf(all)) !== maskOf(all);
  if (!hasBit(value, BIT.x87)) return 'bit 0 of XCR0 must be set';
  if (needs([BIT.AVX], [BIT.SSE])) return 'AVX in XCR0 needs SSE';
  if (needs([5, 6, 7], [BIT.AVX, 5, 6, 7])) return 'bits 5 to 7 of XCR0 need each other and AVX';
  if (needs([17, 18], [17, 18])) return 'bits 17 and 18 of XCR0 need each other';
  const beyond = value & ~(offered | 1n);
  return beyond === 0n ? null : `the guest's CPUID does not have ${bitsOf(beyond).map(componentLabel).join(', ')}`;
};
