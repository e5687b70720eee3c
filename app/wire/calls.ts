/** A call that a thread of the VMM is made to make. */
interface InjectedCall {
  /** As on the wire, in verdicts and in refusals. */
  readonly call: string;
  /** An ioctl's request (Linux uapi/linux/kvm.h, x86-64); null: a system call of its own. */
  readonly request: number | null;
  /** What a session makes it for first. */
  readonly when: 'attach' | 'capture' | 'write' | 'memory' | 'step';
}

/** The rows of native/inject/calls.h, in its order; written from them by `vitest -u` over protocol-header.test.ts. */
export const INJECTED_CALLS: readonly InjectedCall[] = [
  { call: 'mmap', request: null, when: 'attach' },
  { call: 'munmap', request: null, when: 'attach' },
  { call: 'rt_sigreturn', request: null, when: 'capture' },
  { call: 'clock_gettime', request: null, when: 'capture' },
  { call: 'KVM_CHECK_EXTENSION', request: 0xae03, when: 'attach' },
  { call: 'KVM_GET_DEVICE_ATTR', request: 0x4018aee2, when: 'attach' },
  { call: 'arch_prctl', request: null, when: 'attach' },
  { call: 'KVM_GET_XSAVE2', request: 0x9000aecf, when: 'capture' },
  { call: 'KVM_GET_XSAVE', request: 0x9000aea4, when: 'attach' },
  { call: 'KVM_SET_XSAVE', request: 0x5000aea5, when: 'write' },
  { call: 'KVM_GET_CPUID2', request: 0xc008ae91, when: 'capture' },
  { call: 'KVM_GET_XCRS', request: 0x8188aea6, when: 'capture' },
  { call: 'KVM_SET_XCRS', request: 0x4188aea7, when: 'write' },
  { call: 'KVM_GET_MSRS', request: 0xc008ae88, when: 'capture' },
  { call: 'KVM_SET_MSRS', request: 0x4008ae89, when: 'write' },
  { call: 'KVM_GET_REGS', request: 0x8090ae81, when: 'capture' },
  { call: 'KVM_SET_REGS', request: 0x4090ae82, when: 'write' },
  { call: 'KVM_GET_SREGS', request: 0x8138ae83, when: 'capture' },
  { call: 'KVM_GET_VCPU_EVENTS', request: 0x8040ae9f, when: 'write' },
  { call: 'KVM_TRANSLATE', request: 0xc018ae85, when: 'memory' },
  { call: 'KVM_SET_GUEST_DEBUG', request: 0x4048ae9b, when: 'step' },
  { call: 'KVM_RUN', request: 0xae80, when: 'step' },
  { call: 'process_vm_readv', request: null, when: 'step' },
  { call: 'futex', request: null, when: 'step' },
  { call: 'rt_sigaction', request: null, when: 'step' },
  { call: 'timer_create', request: null, when: 'step' },
  { call: 'timer_settime', request: null, when: 'step' },
  { call: 'timer_delete', request: null, when: 'step' },
];
