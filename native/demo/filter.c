#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "vm.h"

#ifndef KVM_GET_XSAVE2
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xcf, struct kvm_xsave)
#endif

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

/* One system call, perhaps with one value of its second argument, gets this answer; everything else is allowed. */
static void install(uint32_t number, int64_t second, uint32_t answer)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | (second < 0 ? BPF_JGE : BPF_JEQ) | BPF_K, second < 0 ? 0 : (uint32_t)second, 0, 1),
		ANSWER(answer),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		vm_fail("seccomp");
}

/*
 * What two VMMs let a vCPU's thread do, as far as it matters here: these calls, of ioctl these requests, everything else is
 * trapped. Firecracker's reads the vCPU and writes nothing; Cloud Hypervisor's neither reads nor writes it.
 */
struct allowed {
	const char *kind;
	uint32_t calls[24], requests[24];
	int mmap_private_only; /* mmap with PROT_READ | PROT_WRITE and MAP_PRIVATE | MAP_ANONYMOUS alone */
};

static const struct allowed vmms[] = {
	{ "firecracker",
	  { SYS_read, SYS_write, SYS_close, SYS_futex, SYS_munmap, SYS_madvise, SYS_brk, SYS_exit, SYS_exit_group, SYS_tkill, SYS_tgkill,
	    SYS_rt_sigreturn, SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_sigaltstack, SYS_restart_syscall, SYS_clock_gettime },
	  { KVM_RUN, KVM_GET_MP_STATE, KVM_GET_VCPU_EVENTS, KVM_GET_LAPIC, KVM_GET_SREGS, KVM_GET_REGS, KVM_GET_MSRS, KVM_GET_CPUID2,
	    KVM_GET_DEBUGREGS, KVM_GET_XSAVE, KVM_GET_XSAVE2, KVM_GET_XCRS, KVM_GET_TSC_KHZ, KVM_KVMCLOCK_CTRL },
	  1 },
	{ "cloud-hypervisor",
	  { SYS_read, SYS_write, SYS_close, SYS_futex, SYS_mmap, SYS_munmap, SYS_mprotect, SYS_madvise, SYS_brk, SYS_exit, SYS_exit_group,
	    SYS_tgkill, SYS_rt_sigreturn, SYS_rt_sigprocmask, SYS_sigaltstack, SYS_nanosleep, SYS_clock_gettime, SYS_getpid },
	  { KVM_RUN, KVM_CHECK_EXTENSION, KVM_NMI, KVM_GET_NESTED_STATE, KVM_SET_USER_MEMORY_REGION, KVM_IOEVENTFD },
	  0 },
};

/* Each test is one jump over the answer behind it, so that no distance has to be counted. */
static void install_list(const struct allowed *list)
{
	struct sock_filter code[160];
	unsigned short n = 0;

#define PUT(...) (code[n++] = (struct sock_filter)__VA_ARGS__)
#define ALLOW_IF(value)                                                         \
	do {                                                                    \
		PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, 1)); \
		PUT(ANSWER(SECCOMP_RET_ALLOW));                                 \
	} while (0)
	PUT(LOAD(nr));
	for (size_t i = 0; i < 24 && (list->calls[i] || i == 0); i++)
		ALLOW_IF(list->calls[i]);
	if (list->mmap_private_only) {
		PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 7));
		PUT(LOAD(args[2]));
		PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PROT_READ | PROT_WRITE, 1, 0));
		PUT(ANSWER(SECCOMP_RET_TRAP));
		PUT(LOAD(args[3]));
		ALLOW_IF(MAP_PRIVATE | MAP_ANONYMOUS);
		PUT(ANSWER(SECCOMP_RET_TRAP));
	}
	PUT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 1, 0));
	PUT(ANSWER(SECCOMP_RET_TRAP));
	PUT(LOAD(args[1]));
	for (size_t i = 0; i < 24 && list->requests[i]; i++)
		ALLOW_IF(list->requests[i]);
	PUT(ANSWER(SECCOMP_RET_TRAP));
#undef ALLOW_IF
#undef PUT
	struct sock_fprog program = { n, code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		vm_fail("seccomp");
}

void filter_install(const char *kind)
{
	static const struct {
		const char *kind;
		uint32_t number;
		int64_t second;
		uint32_t answer;
	} kinds[] = {
		{ "allow", SYS_swapoff, -1, SECCOMP_RET_KILL_PROCESS },
		{ "trap-set", SYS_ioctl, KVM_SET_XSAVE, SECCOMP_RET_TRAP },
		{ "kill-set", SYS_ioctl, KVM_SET_XSAVE, SECCOMP_RET_KILL_PROCESS },
		{ "trap-get", SYS_ioctl, KVM_GET_XSAVE2, SECCOMP_RET_TRAP },
		{ "errno", SYS_ioctl, KVM_GET_SREGS, SECCOMP_RET_ERRNO | EPERM },
		{ "kill-regs", SYS_ioctl, KVM_SET_REGS, SECCOMP_RET_KILL_PROCESS },
		{ "trap-events", SYS_ioctl, (int64_t)(uint32_t)KVM_GET_VCPU_EVENTS, SECCOMP_RET_TRAP },
		{ "no-copy", SYS_process_vm_readv, -1, SECCOMP_RET_KILL_PROCESS },
		{ "no-clock", SYS_clock_gettime, -1, SECCOMP_RET_KILL_PROCESS },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0) {
			install(kinds[i].number, kinds[i].second, kinds[i].answer);
			return;
		}
	for (size_t i = 0; i < sizeof(vmms) / sizeof(vmms[0]); i++)
		if (strcmp(vmms[i].kind, kind) == 0) {
			install_list(&vmms[i]);
			return;
		}
	errno = EINVAL;
	vm_fail(kind);
}
