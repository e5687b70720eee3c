/** The part of a state that a call writes. */
export type WrittenPart = 'image' | 'xcr0' | 'msrs' | 'general';

/** A call that a thread of the VMM is made to make. */
interface InjectedCall {
  /** As on the wire, in verdicts and in refusals. */
  readonly call: string;
  /** An ioctl's request (Linux uapi/linux/kvm.h, x86-64); null: a system call of its own. */
  readonly request: number | null;
  /** When a session makes it. */
  readonly when: 'attach' | 'capture' | 'write' | 'memory' | 'step';
  /** What it writes of a state; null: nothing. */
  readonly writes: WrittenPart | null;
  /**
   * A chain makes it without the helper, so that its filter cannot be lifted: were the helper killed, the filter would be
   * there again, and the thread would still have to make the call.
   */
  readonly withoutHelper: boolean;
}

const call = (
  name: string,
  when: InjectedCall['when'],
  request: number | null = null,
  more: Partial<InjectedCall> = {},
): InjectedCall => ({ call: name, request, when, writes: null, withoutHelper: false, ...more });

/** Every row of native/inject/calls.h, in its order. */
export const INJECTED_CALLS: readonly InjectedCall[] = [
  call('mmap', 'attach'),
  call('munmap', 'attach'),
  call('rt_sigreturn', 'capture', null, { withoutHelper: true }),
  call('clock_gettime', 'capture'),
  call('KVM_CHECK_EXTENSION', 'attach', 0xae03),
  call('KVM_GET_DEVICE_ATTR', 'attach', 0x4018aee2),
  call('arch_prctl', 'attach'),
  call('KVM_GET_XSAVE2', 'capture', 0x9000aecf),
  call('KVM_GET_XSAVE', 'attach', 0x9000aea4),
  call('KVM_SET_XSAVE', 'write', 0x5000aea5, { writes: 'image' }),
  call('KVM_GET_CPUID2', 'capture', 0xc008ae91),
  call('KVM_GET_XCRS', 'capture', 0x8188aea6),
  call('KVM_SET_XCRS', 'write', 0x4188aea7, { writes: 'xcr0' }),
  call('KVM_GET_MSRS', 'capture', 0xc008ae88),
  call('KVM_SET_MSRS', 'write', 0x4008ae89, { writes: 'msrs' }),
  call('KVM_GET_REGS', 'capture', 0x8090ae81),
  call('KVM_SET_REGS', 'write', 0x4090ae82, { writes: 'general' }),
  call('KVM_GET_SREGS', 'capture', 0x8138ae83),
  call('KVM_GET_VCPU_EVENTS', 'write', 0x8040ae9f),
  call('KVM_TRANSLATE', 'memory', 0xc018ae85),
  call('KVM_SET_GUEST_DEBUG', 'step', 0x4048ae9b, { withoutHelper: true }),
  call('KVM_RUN', 'step', 0xae80),
  call('process_vm_readv', 'step', null, { withoutHelper: true }),
  call('futex', 'step'),
  call('rt_sigaction', 'step'),
  call('timer_create', 'step'),
  call('timer_settime', 'step'),
  call('timer_delete', 'step'),
];

/** The call of an ioctl's request; undefined: none that is made. */
export const callOfRequest = (request: number): string | undefined =>
  INJECTED_CALLS.find((row) => row.request === request)?.call;
