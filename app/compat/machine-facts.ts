import type { CpuidEntry } from '../cpu/cpuid.ts';

/** This machine as a place to restore a state: its CPU's leaf 0xD, and what its KVM says. */
export interface MachineFacts {
  readonly cpuid: readonly CpuidEntry[];
  /** KVM_X86_XCOMP_GUEST_SUPP, hex as in a capture document; null: not known. */
  readonly supportedXcr0: string | null;
  /** What attaching hangs on; left out where it was not asked. */
  readonly reach?: MachineReach;
}

/** What the helper may do here. */
export interface MachineReach {
  /** KVM_GET_API_VERSION; 0: /dev/kvm cannot be opened. */
  readonly kvmApiVersion: number;
  /** kernel.yama.ptrace_scope; -1: Yama is not there. */
  readonly yamaScope: number;
  /** CAP_SYS_PTRACE: VMMs of every user. */
  readonly canTrace: boolean;
  /** CAP_SYS_ADMIN: a seccomp filter is read before a call is made. */
  readonly canReadFilters: boolean;
}
