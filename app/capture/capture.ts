import type { Cpuid } from '../cpu/cpuid.ts';
import type { Image } from './image.ts';

/** The identity of what a capture was taken from: no edit is ever applied to another. */
export interface TargetIdentity {
  readonly kind: 'live' | 'model' | 'file';
  /** VMM name as shown: "QEMU", "Firecracker", "Cloud Hypervisor", "crosvm", "kvmtool", "model", or the executable's name. */
  readonly vmm: string;
  readonly name: string;
  readonly pid: number | null;
  /** /proc/PID/stat field 22, in clock ticks since boot; with pid it names one process. */
  readonly startTimeTicks: bigint | null;
  readonly executable: string | null;
  /** "7.2.22": what the running program says of itself; left out: not known. */
  readonly vmmVersion?: string | undefined;
  readonly vcpu: number;
  readonly tid: number | null;
}

export interface MsrReading {
  readonly index: number;
  /** null: could not be read; errno says why. */
  readonly value: bigint | null;
  readonly errno: number;
}

/** A call that could not be made or failed while capturing, so that missing data is said to be missing. */
export interface FailedCall {
  readonly call: string;
  readonly errno: number;
}

/** struct kvm_regs, each 64 bits. */
export interface GeneralRegisters {
  readonly rax: bigint;
  readonly rbx: bigint;
  readonly rcx: bigint;
  readonly rdx: bigint;
  readonly rsi: bigint;
  readonly rdi: bigint;
  readonly rsp: bigint;
  readonly rbp: bigint;
  readonly r8: bigint;
  readonly r9: bigint;
  readonly r10: bigint;
  readonly r11: bigint;
  readonly r12: bigint;
  readonly r13: bigint;
  readonly r14: bigint;
  readonly r15: bigint;
  readonly rip: bigint;
  readonly rflags: bigint;
}

/** From struct kvm_sregs. */
export interface ControlRegisters {
  readonly cr0: bigint;
  readonly cr2: bigint;
  readonly cr3: bigint;
  readonly cr4: bigint;
  readonly cr8: bigint;
  readonly efer: bigint;
}

/** Selectors, and the two bases that 64-bit code has. */
export interface SegmentRegisters {
  readonly cs: bigint;
  readonly ss: bigint;
  readonly ds: bigint;
  readonly es: bigint;
  readonly fs: bigint;
  readonly gs: bigint;
  readonly fs_base: bigint;
  readonly gs_base: bigint;
}

/** From struct kvm_sregs: what kind of code CS selects, the privilege level, and where the descriptor tables lie. */
export interface DescriptorRegisters {
  /** RIP counts from it, outside of 64-bit code. */
  readonly cs_base: bigint;
  /** CS.L: 64-bit code. */
  readonly cs_l: bigint;
  /** CS.D: 32-bit code, else 16-bit. */
  readonly cs_d: bigint;
  /** The current privilege level, which is the DPL of SS. */
  readonly cpl: bigint;
  readonly gdt_base: bigint;
  readonly gdt_limit: bigint;
  readonly idt_base: bigint;
  readonly idt_limit: bigint;
}

/** The sizes the kernel and CPU name, bytes each; null: not known. */
export interface SizeFacts {
  readonly capXsave2Vm: number | null;
  readonly capXsave2System: number | null;
  /** How many bytes KVM_GET_XSAVE2 wrote. */
  readonly writtenBytes: number | null;
  /** What KVM_GET_XSAVE answered: 0 or errno; null: not asked. */
  readonly legacyErrno: number | null;
}

/** The facts around an image. Null or an empty table means: not known. Nothing here is ever guessed. */
export interface Facts {
  readonly target: TargetIdentity;
  /** Milliseconds since 1970. */
  readonly takenAtMs: number;
  readonly pauseNs: bigint | null;
  /** The vCPU thread was interrupted inside KVM_RUN; false: the VMM was handling an exit or had paused the vCPU. */
  readonly inKvmRun: boolean | null;
  readonly frozen: boolean;
  /** "KVM_GET_XSAVE2", "KVM_GET_XSAVE", or how else the image came. */
  readonly imageCall: string;
  readonly kernelRelease: string | null;
  /** The guest's, by KVM_GET_CPUID2. */
  readonly guestCpuid: Cpuid;
  readonly hostCpuid: Cpuid;
  readonly xcr0: bigint | null;
  readonly msrs: readonly MsrReading[];
  /** ARCH_GET_XCOMP_GUEST_PERM of the VMM. */
  readonly guestPermission: bigint | null;
  readonly hostPermission: bigint | null;
  /** KVM_X86_XCOMP_GUEST_SUPP. */
  readonly supportedXcr0: bigint | null;
  readonly sizes: SizeFacts;
  readonly general: GeneralRegisters | null;
  readonly control: ControlRegisters | null;
  readonly segments: SegmentRegisters | null;
  readonly descriptors: DescriptorRegisters | null;
  readonly failed: readonly FailedCall[];
}

/** Everything read at one stop. */
export interface Capture {
  readonly image: Image;
  readonly facts: Facts;
}

/** A target of which nothing more is known than what is given. */
export const targetOf = (
  kind: TargetIdentity['kind'],
  vmm: string,
  name: string,
  more: Partial<TargetIdentity> = {},
): TargetIdentity => ({
  kind,
  vmm,
  name,
  pid: null,
  startTimeTicks: null,
  executable: null,
  vcpu: 0,
  tid: null,
  ...more,
});

/** Facts of which none is known but those given; takenAtMs is 0 where the time is not known. */
export const factsOf = (target: TargetIdentity, imageCall: string, known: Partial<Facts> = {}): Facts => ({
  target,
  takenAtMs: 0,
  pauseNs: null,
  inKvmRun: null,
  frozen: false,
  imageCall,
  kernelRelease: null,
  guestCpuid: [],
  hostCpuid: [],
  xcr0: null,
  msrs: [],
  guestPermission: null,
  hostPermission: null,
  supportedXcr0: null,
  sizes: { capXsave2Vm: null, capXsave2System: null, writtenBytes: null, legacyErrno: null },
  general: null,
  control: null,
  segments: null,
  descriptors: null,
  failed: [],
  ...known,
});
