/*
 * A thread at the entry of a system call of its own, where it can be switched to a chain with no instruction in between: no
 * signal is delivered there, so no handler ever runs on a chain's stack.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "kill_point.h"
#include "target.h"

#define NR_IOCTL 16u

/*
 * What it was interrupted in, or is about to enter, is set up to be made again. Without this a call that is entered when its
 * tracer has died returns EINTR.
 */
static int set_up_own_call(pid_t tid, const struct stopped *s, struct refusal *why)
{
	struct user_regs_struct own;

	thread_final_registers(s, &own);
	/* The kernel restarts by itself what cannot be restarted by hand; and a result that is final stays. */
	if ((int64_t)s->regs.orig_rax < 0 || own.rip != s->regs.rip - 2)
		return 0;
	if (sys_ptrace(PTRACE_SETREGS, tid, 0, &own) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	KILL_POINT("set up to go on");
	return 0;
}

/* The registers of an entry stop, told as those of an interrupted call: thread_final_registers then makes it again. */
static void take_entry(struct stopped *s, const struct user_regs_struct *at_entry)
{
	uint64_t interrupted_call = s->regs.orig_rax;

	s->regs = *at_entry;
	s->restarts_kvm_run = at_entry->orig_rax == NR_IOCTL && (uint32_t)at_entry->rsi == KVM_RUN;
	s->in_kvm_run = s->in_kvm_run && s->restarts_kvm_run;
	if (s->restarts_kvm_run) {
		s->regs.rax = (uint64_t)-EINTR;
	} else if (at_entry->orig_rax == SYS_restart_syscall) {
		/* rt_sigreturn forgets what was to be restarted. */
		s->regs.rax = (uint64_t)-ERESTART_RESTARTBLOCK;
		s->regs.orig_rax = interrupted_call;
	} else {
		s->regs.rax = (uint64_t)-ERESTARTNOINTR;
	}
}

enum on_the_way { ANY_CALL, KVM_RUN_ALONE };

/* On to the entry of a system call; signals that come are delivered. Its registers are read into *regs. */
static int run_to_entry(pid_t tid, enum on_the_way where, int vcpu_fd, struct user_regs_struct *regs, struct refusal *why)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS;
	int signal_number = 0, status;

	for (;;) {
		struct ptrace_syscall_info info = { .op = PTRACE_SYSCALL_INFO_NONE };
		enum wait_outcome outcome;

		if (sys_ptrace(PTRACE_SYSCALL, tid, 0, (void *)(uintptr_t)signal_number) < 0)
			return refuse_errno(why, errno, "PTRACE_SYSCALL");
		outcome = thread_wait(tid, &status, deadline);
		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended on its way to a system call.");
		if (outcome == WAIT_TIMEOUT)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "%s",
				      where == ANY_CALL ? "The thread made no system call in two seconds." :
				      "The VMM did not run the vCPU again within two seconds: it has paused it, or has other work to do.");
		signal_number = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			(void)sys_ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info);
		else if ((unsigned int)status >> 16 == 0)
			signal_number = WSTOPSIG(status);
		if (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
		    (where == KVM_RUN_ALONE && (info.entry.nr != NR_IOCTL || (uint32_t)info.entry.args[1] != KVM_RUN ||
						(int)info.entry.args[0] != vcpu_fd)))
			continue;
		return sys_ptrace(PTRACE_GETREGS, tid, 0, regs) < 0 ? refuse_errno(why, errno, "PTRACE_GETREGS") : 0;
	}
}

/* What it is about to call becomes what it was interrupted in. */
static int stand_at_entry(pid_t tid, struct stopped *s, const struct user_regs_struct *regs, struct refusal *why)
{
	if (sys_ptrace(PTRACE_GETSIGMASK, tid, 8, &s->mask) < 0)
		return refuse_errno(why, errno, "PTRACE_GETSIGMASK");
	KILL_POINT("at the entry of a system call");
	take_entry(s, regs);
	s->signal_seen = thread_signal_waits(tid, s->mask);
	return set_up_own_call(tid, s, why) < 0 ? -1 : thread_read_fpstate(tid, s, why);
}

int thread_to_entry(pid_t tid, struct stopped *s, struct refusal *why)
{
	struct user_regs_struct regs;

	if (set_up_own_call(tid, s, why) < 0 || run_to_entry(tid, ANY_CALL, 0, &regs, why) < 0)
		return -1;
	return stand_at_entry(tid, s, &regs, why);
}

int thread_follow(pid_t tid, int vcpu_fd, struct stopped *s, struct refusal *why)
{
	struct user_regs_struct regs;

	if (run_to_entry(tid, KVM_RUN_ALONE, vcpu_fd, &regs, why) < 0)
		return -1;
	s->in_kvm_run = 0; /* an exit may wait there for its completion */
	return stand_at_entry(tid, s, &regs, why);
}
