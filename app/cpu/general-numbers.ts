/** struct kvm_regs: eighteen times 64 bits, in this order. (arch/x86/include/uapi/asm/kvm.h) */
export const KVM_REGS = [
  ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rsp', 'rbp'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip', 'rflags'] as const),
] as const;

/** The 64-bit general registers by their number in machine code: Intel SDM vol. 2, table 3-1. */
export const GENERAL_BY_NUMBER = [
  ...(['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15'] as const),
] as const;
