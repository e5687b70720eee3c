import { readU32, readU64 } from '../bits/bytes.ts';
import type { MsrReading } from '../capture/capture.ts';
import type { CpuidEntry } from '../cpu/cpuid.ts';

/*
 * KVM's own structures as VMMs store them (Linux arch/x86/include/uapi/asm/kvm.h), little-endian. Snapshot formats differ
 * in the wrapping only. Every function here is given at least the bytes its name's constant says.
 */
export const KVM_REGS_BYTES = 144;
export const KVM_XCRS_BYTES = 392;
export const KVM_CPUID_ENTRY2_BYTES = 40;
export const KVM_MSR_ENTRY_BYTES = 16;
export const KVM_DEBUGREGS_BYTES = 128;
export const KVM_LAPIC_STATE_BYTES = 1024;
export const KVM_MP_STATE_BYTES = 4;
export const KVM_VCPU_EVENTS_BYTES = 64;

/** KVM's own limits for the tables (KVM_MAX_CPUID_ENTRIES, KVM_MAX_MSR_ENTRIES of kvm-bindings). */
export const MOST_CPUID_ENTRIES = 256;
/** KVM_MAX_MSR_ENTRIES of kvm-bindings. */
export const MOST_MSR_ENTRIES = 256;

/** struct kvm_xcrs: nr_xcrs 0, flags 4, then 16 × {u32 xcr, u32 reserved, u64 value}. Null: XCR0 is not in it. */
export const xcr0FromKvmXcrs = (bytes: Uint8Array): bigint | null => {
  const count = Math.min(readU32(bytes, 0), 16);
  for (let index = 0; index < count; index += 1) {
    if (readU32(bytes, 8 + 16 * index) === 0) return readU64(bytes, 16 + 16 * index);
  }
  return null;
};

/** struct kvm_cpuid_entry2: function, index, flags, eax, ebx, ecx, edx, padding. */
export const cpuidFromKvmEntry = (bytes: Uint8Array): CpuidEntry => ({
  leaf: readU32(bytes, 0),
  subleaf: readU32(bytes, 4),
  eax: readU32(bytes, 12),
  ebx: readU32(bytes, 16),
  ecx: readU32(bytes, 20),
  edx: readU32(bytes, 24),
});

/** struct kvm_msr_entry: index, reserved, data. */
export const msrFromKvmEntry = (bytes: Uint8Array): MsrReading => ({
  index: readU32(bytes, 0),
  value: readU64(bytes, 8),
  errno: 0,
});
