import { readU8, readU16, readU64 } from '../bits/bytes.ts';
import type { ControlRegisters, DescriptorRegisters, SegmentRegisters } from '../capture/capture.ts';

/** struct kvm_sregs: eight segments and two tables, 224 bytes, then the control registers. */
export const KVM_SREGS_BYTES = 312;

/** @param sregs KVM_SREGS_BYTES of them */
export const controlOfSregs = (sregs: Uint8Array): ControlRegisters => ({
  cr0: readU64(sregs, 224),
  cr2: readU64(sregs, 232),
  cr3: readU64(sregs, 240),
  cr4: readU64(sregs, 248),
  cr8: readU64(sregs, 256),
  efer: readU64(sregs, 264),
});

/**
 * From struct kvm_sregs, which begins with eight struct kvm_segment of 24 bytes, cs ds es fs gs ss tr ldt: base at 0 (64
 * bits), selector at 12 (16 bits). (arch/x86/include/uapi/asm/kvm.h)
 */
export const segmentsOfSregs = (sregs: Uint8Array): SegmentRegisters => {
  const base = (index: number): bigint => readU64(sregs, 24 * index);
  const selector = (index: number): bigint => BigInt(readU16(sregs, 24 * index + 12));
  const selectors = { cs: selector(0), ss: selector(5), ds: selector(1), es: selector(2), fs: selector(3) };
  return { ...selectors, gs: selector(4), fs_base: base(3), gs_base: base(4) };
};

/**
 * Of a struct kvm_segment also: DPL at 16, DB at 17, L at 19 (8 bits each). Behind the segments the GDT at 192 and the IDT at
 * 208, each base (64 bits) and limit (16 bits). With VMX and SVM alike the privilege level is the DPL of SS.
 */
export const descriptorsOfSregs = (sregs: Uint8Array): DescriptorRegisters => {
  const byte = (index: number, offsetBytes: number): bigint => BigInt(readU8(sregs, 24 * index + offsetBytes));
  return {
    ...{ cs_base: readU64(sregs, 0), cs_l: byte(0, 19), cs_d: byte(0, 17), cpl: byte(5, 16) },
    ...{ gdt_base: readU64(sregs, 192), gdt_limit: BigInt(readU16(sregs, 200)) },
    ...{ idt_base: readU64(sregs, 208), idt_limit: BigInt(readU16(sregs, 216)) },
  };
};
