/*
 * The kernel's side of the fence: constants that Debian 12's headers (6.1) lack, and the two structures of a signal frame
 * that no uapi header gives in a usable form.
 */
#ifndef TILESCOPE_KERNEL_H
#define TILESCOPE_KERNEL_H

#include <linux/kvm.h>
#include <linux/ptrace.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/user.h>
#include <unistd.h>

#ifndef KVM_CAP_XSAVE2
#define KVM_CAP_XSAVE2 208
#endif
#ifndef KVM_GET_XSAVE2
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xcf, struct kvm_xsave)
#endif
#ifndef KVM_X86_XCOMP_GUEST_SUPP
#define KVM_X86_XCOMP_GUEST_SUPP 0
#endif
#ifndef ARCH_GET_XCOMP_PERM
#define ARCH_GET_XCOMP_PERM 0x1022
#endif
#ifndef ARCH_GET_XCOMP_GUEST_PERM
#define ARCH_GET_XCOMP_GUEST_PERM 0x1024
#endif
#ifndef PTRACE_GET_RSEQ_CONFIGURATION
#define PTRACE_GET_RSEQ_CONFIGURATION 0x420f
#endif
#ifndef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
#define PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG 0x4211 /* Linux 6.4 */
#endif
#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif
#ifndef NT_X86_XSTATE
#define NT_X86_XSTATE 0x202
#endif
#ifndef NT_X86_SHSTK
#define NT_X86_SHSTK 0x204
#endif

/* Restart codes that only the kernel sees, but for a tracer (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514
#define ERESTART_RESTARTBLOCK 516

#define USER_CS 0x33u
#define USER_SS 0x2bu

/* struct ucontext as rt_sigreturn reads it (arch/x86/include/uapi/asm/sigcontext.h, asm-generic/ucontext.h). */
struct ucontext {
	uint64_t flags;
	uint64_t link; /* ignored by the kernel: our mark */
	uint64_t stack_pointer;
	int32_t stack_flags;
	uint32_t stack_padding;
	uint64_t stack_bytes;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2;
	uint64_t fpstate;
	uint64_t reserved[8];
	uint64_t mask;
};
_Static_assert(sizeof(struct ucontext) == 304, "struct ucontext with a 64-bit mask");
_Static_assert(offsetof(struct ucontext, mask) == 296, "uc_sigmask follows uc_mcontext");

/* struct _fpx_sw_bytes: what turns bytes 464-511 of an XSAVE area into a signal frame's. */
struct fpstate_words {
	uint32_t magic1;
	uint32_t extended_bytes;
	uint64_t xfeatures;
	uint32_t xstate_bytes;
	uint32_t padding[7];
};
_Static_assert(sizeof(struct fpstate_words) == 48, "sw_reserved is 48 bytes");
#define FPSTATE_MAGIC1 0x46505853u
#define FPSTATE_MAGIC2 0x46505845u
#define FPSTATE_WORDS_OFFSET 464
#define XSAVE_BV_OFFSET 512
#define XSAVE_MIN_BYTES 576
#define XFEATURE_PKRU (1ull << 9)
#define XFEATURE_TILECFG (1ull << 17)
#define XFEATURE_TILEDATA (1ull << 18)

struct rseq_configuration {
	uint64_t address;
	uint32_t bytes;
	uint32_t signature;
	uint32_t flags;
	uint32_t padding;
};

struct syscall_dispatch {
	uint64_t mode; /* 0: off */
	uint64_t selector, offset, bytes;
};

/* glibc's ptrace() is variadic over an enum and hides the raw result; this is the system call itself. */
static inline long sys_ptrace(long request, pid_t tid, uint64_t address, const void *data)
{
	return syscall(SYS_ptrace, request, (long)tid, address, data);
}

#endif
