import { maskOf } from '../bits/mask.ts';
// Types only: a capture's facts are declared beside the capture, and this room reads them.
import type { Facts } from '../capture/capture.ts';
import { type Cpuid, cpuidEntry } from '../cpu/cpuid.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { COMPONENTS } from './components.ts';
import { enumeratedSupervisor, enumeratedUser } from './layout.ts';

/** The MSR as read with the capture; null: not read, or refused. */
export const msrValue = (facts: Facts, index: number): bigint | null =>
  facts.msrs.find((msr) => msr.index === index)?.value ?? null;

export const xfdValue = (facts: Facts): bigint | null => msrValue(facts, MSR_INDEX.IA32_XFD);

/** All components that a CPUID table enumerates, user and supervisor; null: leaf 0xD is not in it. */
export const enumerated = (cpuid: Cpuid): bigint | null => {
  const user = enumeratedUser(cpuid);
  return user === null ? null : user | (enumeratedSupervisor(cpuid) ?? 0n);
};

/** Components that Linux grants only by arch_prctl: XTILEDATA. */
export const DYNAMIC_MASK = maskOf(COMPONENTS.filter((row) => row.needsPermission).map((row) => row.bit));

/** "GenuineIntel", "AuthenticAMD", …; null: CPUID leaf 0 not known. */
export const cpuVendor = (cpuid: Cpuid): string | null => {
  const entry = cpuidEntry(cpuid, 0, 0);
  if (entry === undefined) return null;
  const letters = (word: number): string =>
    String.fromCharCode(word & 0xff, (word >>> 8) & 0xff, (word >>> 16) & 0xff, (word >>> 24) & 0xff);
  return letters(entry.ebx) + letters(entry.edx) + letters(entry.ecx);
};

/** KVM never copies less than this, however little the components need. (struct kvm_xsave, Linux 2.6.36.) */
export const LEAST_KVM_BYTES = 4096;

/** How many bytes KVM copies for this vCPU: what it wrote, else what KVM_CAP_XSAVE2 says; null: neither is known. */
export const neededBytes = (facts: Facts): { readonly bytes: number; readonly source: string } | null => {
  const { writtenBytes, capXsave2Vm } = facts.sizes;
  if (writtenBytes !== null) return { bytes: writtenBytes, source: `what ${facts.imageCall} wrote` };
  return capXsave2Vm !== null && capXsave2Vm > 0 ? { bytes: capXsave2Vm, source: 'KVM_CAP_XSAVE2' } : null;
};
