import { readU16, readU64 } from '../bits/bytes.ts';
import type { SegmentRegisters } from '../capture/capture.ts';

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
