#include "filter.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
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
		{ "no-clock", SYS_clock_gettime, -1, SECCOMP_RET_KILL_PROCESS },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, kind) == 0) {
			install(kinds[i].number, kinds[i].second, kinds[i].answer);
			return;
		}
	errno = EINVAL;
	vm_fail(kind);
}
