import type { CpuidEntry } from '../cpu/cpuid.ts';

/** This machine as a place to restore a state: its CPU's leaf 0xD, and what its KVM says. */
export interface MachineFacts {
  readonly cpuid: readonly CpuidEntry[];
  /** KVM_X86_XCOMP_GUEST_SUPP, hex as in a capture document; null: not known. */
  readonly supportedXcr0: string | null;
}
