/* Stopping a thread for a moment, and letting it go so that it notices nothing. */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#include "host_cpuid.h"
#include "permission.h"
#include "proc.h"
#include "stand.h"
#include "kill_point.h"
#include "target.h"

#define EVENT_OF(status) ((unsigned int)(status) >> 16)
#define SEIZE_TRIES 20

uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

int memory_read(pid_t pid, uint64_t address, void *into, size_t bytes)
{
	struct iovec local = { into, bytes };
	struct iovec remote = { (void *)(uintptr_t)address, bytes };
	ssize_t n = process_vm_readv(pid, &local, 1, &remote, 1, 0);

	if (n >= 0 && (size_t)n < bytes)
		errno = EFAULT;
	return n == (ssize_t)bytes ? 0 : -1;
}

int memory_write(pid_t pid, uint64_t address, const void *from, size_t bytes)
{
	struct iovec local = { (void *)(uintptr_t)from, bytes };
	struct iovec remote = { (void *)(uintptr_t)address, bytes };
	ssize_t n = process_vm_writev(pid, &local, 1, &remote, 1, 0);

	if (n >= 0 && (size_t)n < bytes)
		errno = EFAULT;
	return n == (ssize_t)bytes ? 0 : -1;
}

/* SIGCHLD is blocked in this process, so that waiting can have an end (sigtimedwait) and the main loop a signalfd. */
enum wait_outcome thread_wait(pid_t tid, int *status, uint64_t deadline_ns)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		pid_t got = waitpid(tid, status, WNOHANG | __WALL);
		uint64_t now;
		struct timespec left;

		if (got == tid)
			return WIFSTOPPED(*status) ? WAIT_STATUS : WAIT_GONE;
		if (got < 0 && errno != EINTR)
			return WAIT_GONE;
		now = now_ns(CLOCK_MONOTONIC);
		if (now >= deadline_ns)
			return WAIT_TIMEOUT;
		left.tv_sec = (time_t)((deadline_ns - now) / 1000000000u);
		left.tv_nsec = (long)((deadline_ns - now) % 1000000000u);
		(void)sigtimedwait(&child, NULL, &left);
	}
}

/* Of this process still, and not on its way out: a thread that ends gives its number to any other in the system. */
static int thread_lives(const struct target *target, pid_t tid)
{
	struct stat_facts facts;

	return proc_stat(target->pid, 0, &facts) == 0 && facts.start_time_ticks == target->start_time_ticks &&
	       proc_stat(target->pid, tid, &facts) == 0 && facts.state != 'Z' && facts.state != 'X';
}

/*
 * Whoever has the number now is traced by us, and so keeps it: this look is the one that counts. A stranger is let go as soon as
 * it has stopped, for no other tracee can be.
 */
static int seized_the_right_one(const struct target *target, pid_t tid)
{
	int status;

	if (thread_lives(target, tid))
		return 1;
	if (sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL) == 0 &&
	    thread_wait(tid, &status, now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS) == WAIT_STATUS)
		(void)sys_ptrace(PTRACE_DETACH, tid, 0,
			    (void *)(uintptr_t)(EVENT_OF(status) == 0 ? WSTOPSIG(status) : 0));
	return 0;
}

int thread_seize(const struct target *target, pid_t tid, uint32_t options, struct refusal *why)
{
	struct permission permission;

	/* Another helper may hold the thread for a moment, and have gone before we can see who it was. */
	for (int tries = 0; tries < SEIZE_TRIES; tries++) {
		struct timespec millisecond = { .tv_nsec = 1000000 };

		if (!thread_lives(target, tid))
			return refuse(why, REASON_TARGET_GONE, ESRCH, NULL, "The thread has ended.");
		KILL_POINT("about to seize");
		if (sys_ptrace(PTRACE_SEIZE, tid, 0, (void *)(uintptr_t)options) == 0) {
			KILL_POINT("seized");
			if (seized_the_right_one(target, tid))
				return 0;
			return refuse(why, REASON_TARGET_GONE, ESRCH, NULL, "The thread has ended, and its number is another's.");
		}
		if (errno != EPERM)
			return refuse_errno(why, errno, "PTRACE_SEIZE");
		KILL_POINT("held by another");
		permission_check(target->pid, tid, &permission);
		KILL_POINT("looked who holds it");
		if (permission.reason != REASON_NO_SUCH_PROCESS && permission_refusal(&permission, why) < 0)
			return -1;
		(void)nanosleep(&millisecond, NULL);
	}
	return refuse(why, REASON_PERMISSION, EPERM, "PTRACE_SEIZE",
		      "The kernel forbids tracing the thread: a security module, or a privilege is missing.");
}

/* Does a signal wait that the thread would take in user mode? */
int thread_signal_waits(pid_t tid, uint64_t mask)
{
	static const uint32_t queues[] = { 0, PTRACE_PEEKSIGINFO_SHARED };
	siginfo_t waiting[32];

	for (size_t q = 0; q < 2; q++) {
		struct ptrace_peeksiginfo_args args = { .off = 0, .flags = queues[q], .nr = 32 };
		long count = sys_ptrace(PTRACE_PEEKSIGINFO, tid, (uintptr_t)&args, waiting);

		for (long i = 0; i < count; i++) {
			int number = waiting[i].si_signo;

			if (number >= 1 && number <= 64 && !(mask >> (number - 1) & 1))
				return 1;
		}
	}
	return 0;
}

/*
 * PTRACE_GETREGSET gives the whole standard-format area; a signal frame's must not be longer than the thread's own
 * fpstate (fpstate->user_size), or the kernel falls back to FXSAVE and resets what lies behind. Tile data is in only where
 * the thread has some.
 */
int thread_read_fpstate(pid_t tid, struct stopped *s, struct refusal *why)
{
	struct iovec io = { s->fpstate, sizeof(s->fpstate) - 64 };
	struct fpstate_words words = { .magic1 = FPSTATE_MAGIC1 };
	uint32_t magic2 = FPSTATE_MAGIC2;
	uint64_t mask, bv;

	if (sys_ptrace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &io) < 0)
		return refuse_errno(why, errno, "PTRACE_GETREGSET");
	if (io.iov_len < XSAVE_MIN_BYTES || io.iov_len >= sizeof(s->fpstate) - 64)
		return refuse(why, REASON_NO_MEMORY, 0, "PTRACE_GETREGSET", "The host's XSAVE area has %zu bytes: too many.",
			      io.iov_len);
	memcpy(&mask, s->fpstate + FPSTATE_WORDS_OFFSET, 8);
	memcpy(&bv, s->fpstate + XSAVE_BV_OFFSET, 8);
	if (!(bv & XFEATURE_TILEDATA))
		mask &= ~XFEATURE_TILEDATA;
	if (!(bv & (XFEATURE_TILEDATA | XFEATURE_TILECFG)))
		mask &= ~XFEATURE_TILECFG;
	bv &= mask;
	/* The bytes of PKRU are always right in this area; its bit may be clear, and sigreturn would then load 0. */
	bv |= mask & XFEATURE_PKRU;
	words.xfeatures = mask;
	words.xstate_bytes = XSAVE_MIN_BYTES;
	for (unsigned int bit = 2; bit < 63; bit++) {
		const struct component *c = &host_components()[bit];

		if ((mask >> bit & 1) && c->offset_bytes + c->bytes > words.xstate_bytes)
			words.xstate_bytes = c->offset_bytes + c->bytes;
	}
	if (words.xstate_bytes > io.iov_len)
		return refuse(why, REASON_NO_MEMORY, 0, "PTRACE_GETREGSET", "The thread's FPU state is shorter than CPUID says.");
	words.extended_bytes = words.xstate_bytes + 4;
	memcpy(s->fpstate + XSAVE_BV_OFFSET, &bv, 8);
	memcpy(s->fpstate + FPSTATE_WORDS_OFFSET, &words, sizeof(words));
	memcpy(s->fpstate + words.xstate_bytes, &magic2, 4);
	s->fpstate_bytes = words.xstate_bytes;
	s->regset_bytes = (uint32_t)io.iov_len;
	return 0;
}

/* It would stop, had it a CPU: of a thread that sleeps uninterruptibly the state is D. */
static int is_runnable(pid_t tid)
{
	struct stat_facts facts;

	return proc_stat(tid, tid, &facts) == 0 && facts.state == 'R';
}

/* Until the stop that PTRACE_INTERRUPT asked for. Signals that come first are delivered as they would have been. */
static int wait_for_interrupt(pid_t tid, struct refusal *why)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS;
	int status;

	for (;;) {
		enum wait_outcome outcome = thread_wait(tid, &status, deadline);

		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended while it was being stopped.");
		if (outcome == WAIT_TIMEOUT)
			return refuse(why, REASON_STOP_TIMEOUT, 0, "PTRACE_INTERRUPT", "The thread did not stop in two seconds: %s.",
				      is_runnable(tid) ? "this machine was too busy to run it" : "it is in an uninterruptible sleep");
		if (EVENT_OF(status) == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGTRAP)
			return 0;
		if (EVENT_OF(status) == PTRACE_EVENT_STOP) {
			(void)sys_ptrace(PTRACE_DETACH, tid, 0, NULL);
			return refuse(why, REASON_STOP_TIMEOUT, 0, "PTRACE_INTERRUPT",
				      "The process is stopped by a job-control signal; it must run to be read.");
		}
		(void)sys_ptrace(PTRACE_CONT, tid, 0, (void *)(uintptr_t)WSTOPSIG(status));
	}
}

int thread_stop(pid_t tid, int vcpu_fd, uint64_t scratch, uint64_t scratch_bytes, struct stopped *s,
		enum stop_state *state, struct refusal *why)
{
	s->in_kvm_run = s->restarts_kvm_run = s->signal_seen = s->touched = 0;
	s->fpstate_bytes = 0;
	s->interrupted_ns = now_ns(CLOCK_MONOTONIC);
	stand_watch_begin();
	if (sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL) < 0)
		return refuse_errno(why, errno, "PTRACE_INTERRUPT");
	KILL_POINT("interrupt sent");
	if (wait_for_interrupt(tid, why) < 0)
		return -1;
	KILL_POINT("stopped");
	s->realtime_ns = now_ns(CLOCK_REALTIME);
	if (sys_ptrace(PTRACE_GETREGS, tid, 0, &s->regs) < 0 || sys_ptrace(PTRACE_GETSIGMASK, tid, 8, &s->mask) < 0) {
		(void)refuse_errno(why, errno, "PTRACE_GETREGS");
		goto out;
	}
	KILL_POINT("registers read");
	*state = thread_classify(tid, vcpu_fd, scratch, scratch_bytes, s);
	if (*state != STOP_IN_KVM_RUN && *state != STOP_OUTSIDE)
		return 0;
	if (thread_read_fpstate(tid, s, why) == 0) {
		KILL_POINT("FPU state read");
		return 0;
	}
out:
	(void)thread_let_go(tid, s);
	return -1;
}

void thread_final_registers(const struct stopped *s, struct user_regs_struct *r)
{
	int64_t result = (int64_t)s->regs.rax;
	uint64_t futex_command = s->regs.rsi & 0x7f;
	int restart = 0;

	*r = s->regs;
	r->orig_rax = (uint64_t)-1;
	if ((int64_t)s->regs.orig_rax < 0)
		return;
	if (result == -EINTR)
		restart = s->restarts_kvm_run && !s->signal_seen;
	else if (result == -ERESTARTNOINTR)
		restart = 1;
	else if (result == -ERESTARTSYS || result == -ERESTARTNOHAND)
		restart = !s->signal_seen;
	else if (result == -ERESTART_RESTARTBLOCK)
		/*
		 * rt_sigreturn forgets the restart block, so restart_syscall is of no use. A futex wait until a point in
		 * time (FUTEX_WAIT_BITSET 9, LOCK_PI 6, WAIT_REQUEUE_PI 11) is simply made again; a wait for a span of
		 * time would grow, so its caller sees EINTR, which such calls may always return.
		 */
		restart = s->regs.orig_rax == SYS_futex && (futex_command == 9 || futex_command == 6 || futex_command == 11);
	else
		return;
	if (restart) {
		r->rip -= 2;
		r->rax = s->regs.orig_rax;
	} else {
		r->rax = (uint64_t)-EINTR;
	}
}

int thread_prepare(pid_t tid, struct stopped *s)
{
	struct user_regs_struct regs;

	if (!s->signal_seen)
		s->signal_seen = thread_signal_waits(tid, s->mask);
	/* Without a chain the kernel still knows how to restart any call but KVM_RUN, which returned EINTR for good. */
	if (!s->touched && !s->restarts_kvm_run)
		return 0;
	thread_final_registers(s, &regs);
	if (sys_ptrace(PTRACE_SETREGS, tid, 0, &regs) < 0)
		return -1;
	KILL_POINT("set up to go on");
	return 0;
}

int thread_let_go(pid_t tid, struct stopped *s)
{
	int prepared = thread_prepare(tid, s), detached = sys_ptrace(PTRACE_DETACH, tid, 0, NULL) == 0;

	KILL_POINT("let go");
	return detached && prepared == 0 ? 0 : -1;
}

int thread_release_late(pid_t tid)
{
	int status;
	pid_t got = waitpid(tid, &status, WNOHANG | __WALL);
	int signal_number = 0;

	if (got == 0)
		return 0;
	if (got < 0 || !WIFSTOPPED(status))
		return 1;
	if (EVENT_OF(status) == 0 && WSTOPSIG(status) != SIGTRAP && WSTOPSIG(status) != (SIGTRAP | 0x80))
		signal_number = WSTOPSIG(status);
	(void)sys_ptrace(PTRACE_DETACH, tid, 0, (void *)(uintptr_t)signal_number);
	return 1;
}

int thread_is_gone(pid_t tid)
{
	int status;
	pid_t got = waitpid(tid, &status, WNOHANG | __WALL);

	return got < 0 ? errno == ECHILD : got == tid && !WIFSTOPPED(status);
}
