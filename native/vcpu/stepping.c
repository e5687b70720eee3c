/*
 * The thread in the chain of steps (loop.h). It is not stopped meanwhile: the chain's memory is looked at from time to time, and the
 * thread is taken over where it is held at the end.
 */
#include "stepping.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include <sys/wait.h>

#include "kill_point.h"
#include "stand.h"

#define LOOK_NS 40000u
#define LONGEST_LOOK_NS 1000000u
#define INTERRUPT_AGAIN_NS 20000000ull
#define MOST_INTERRUPTS 100
#define HEAR_NS 2000000u
#define WATCH_NS 1000000000u
#define MOST_ASKED_NS (2ull * LOOP_ALARM_NS + 50000000u) /* for a step: the chain's timer tells by then that a fault leads it away */

static int switch_over(struct stepping *s, uint64_t stack_pointer, struct refusal *why)
{
	pid_t tid = s->vcpu->tid;
	struct user_regs_struct regs;

	if (sys_ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_GETREGS");
	regs.rip = target.gadget;
	regs.rax = SYS_rt_sigreturn;
	regs.orig_rax = (uint64_t)-1;
	regs.eflags = 0x202;
	regs.rsp = stack_pointer;
	if (sys_ptrace(PTRACE_SETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	s->vcpu->stop.touched = 1;
	return 0;
}

/* The chain's own timer, and not a signal that is the VMM's. */
static int is_alarm(const struct stepping *s, int signal_number)
{
	siginfo_t info;

	return signal_number == s->loop.alarm_signal && sys_ptrace(PTRACE_GETSIGINFO, s->vcpu->tid, 0, &info) == 0 &&
	       info.si_code == SI_TIMER && info.si_value.sival_ptr == (void *)(uintptr_t)CHAIN_MARK;
}

/* It has stopped: a signal is delivered, as it would have been, and it goes on. */
static int let_on(struct stepping *s, int status, struct refusal *why)
{
	int signal_number = 0;

	if ((unsigned int)status >> 16 == 0 && WSTOPSIG(status) != (SIGTRAP | 0x80)) {
		signal_number = WSTOPSIG(status);
		if (is_alarm(s, signal_number)) {
			signal_number = 0;
			s->alarms++;
		} else {
			s->vcpu->stop.signal_seen = 1;
		}
	}
	return sys_ptrace(PTRACE_CONT, s->vcpu->tid, 0, (void *)(uintptr_t)signal_number) < 0 ?
		       refuse_errno(why, errno, "PTRACE_CONT") : 0;
}

/* A guest that halts ends no instruction: then the thread is interrupted, and the chain leaves. */
static int interrupt(struct stepping *s, struct refusal *why)
{
	/* One that came while KVM_RUN was not being made has not ended it. After the last one it is let go as soon as it has stopped. */
	if (s->interrupted == MOST_INTERRUPTS) {
		(void)sys_ptrace(PTRACE_INTERRUPT, s->vcpu->tid, 0, NULL);
		return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The steps did not end in time.");
	}
	s->interrupted++;
	return sys_ptrace(PTRACE_INTERRUPT, s->vcpu->tid, 0, NULL) < 0 ? refuse_errno(why, errno, "PTRACE_INTERRUPT") : 0;
}

/* A request or the end of the pipe, or a signal that asks this helper to end. */
static int is_asked(void)
{
	sigset_t pending;

	return frame_waits(STDIN_FILENO) ||
	       (sigpending(&pending) == 0 &&
		(sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGHUP) == 1));
}

/* Breakpoints are left at once; steps with the one that is being made, and its fault's handler where it has one. */
static void hear(struct stepping *s, uint64_t now)
{
	if (s->asked || now - s->heard_ns < HEAR_NS)
		return;
	s->heard_ns = now;
	s->asked = is_asked();
	if (!s->asked)
		return;
	s->over_ns = now;
	if (s->breakpoints)
		s->wait_ns = 0;
	else if (!s->is_away && s->wait_ns > MOST_ASKED_NS)
		s->wait_ns = MOST_ASKED_NS;
}

static int until_it_ends(struct stepping *s, enum loop_end *end, struct refusal *why)
{
	uint64_t began = now_ns(CLOCK_MONOTONIC);
	uint64_t interrupted = 0, watched = 0;
	uint32_t made, before = 0;
	int shortened = s->breakpoints;

	for (;;) {
		uint64_t now = now_ns(CLOCK_MONOTONIC), look = LOOK_NS + (now - began) / 16;
		int status;
		enum wait_outcome outcome = thread_wait(s->vcpu->tid, &status, now + (look < LONGEST_LOOK_NS ? look : LONGEST_LOOK_NS));

		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended during a step.");
		if (outcome == WAIT_STATUS && let_on(s, status, why) < 0)
			return -1;
		if (loop_look(&target, &s->loop, end, &made, why) < 0)
			return -1;
		if (*end != LOOP_RUNS)
			return 0;
		now = now_ns(CLOCK_MONOTONIC);
		if (made != before) {
			before = made;
			s->progress_ns = now;
		}
		/* The limit is for each look: a guest may run on for as long as it likes. */
		if (now - watched > WATCH_NS) {
			watched = now;
			stand_watch_begin();
		}
		hear(s, now);
		if (!shortened && now > s->over_ns) {
			shortened = 1;
			if (loop_shorten(&target, &s->loop, why) < 0)
				return -1;
		}
		if ((now - s->progress_ns > s->wait_ns || stepping_is_over(s, now)) && now - interrupted > INTERRUPT_AGAIN_NS) {
			interrupted = now;
			if (interrupt(s, why) < 0)
				return -1;
		}
	}
}

/* Until the stop that was asked for. All signals are blocked where it is held. */
static int stop_held(struct stepping *s, struct refusal *why)
{
	pid_t tid = s->vcpu->tid;
	struct user_regs_struct regs;
	int status;

	if (sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL) < 0)
		return refuse_errno(why, errno, "PTRACE_INTERRUPT");
	for (;;) {
		enum wait_outcome outcome = thread_wait(tid, &status, now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS);

		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended after the steps.");
		if (outcome == WAIT_TIMEOUT)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The thread did not stop after the steps.");
		if ((unsigned int)status >> 16 == PTRACE_EVENT_STOP)
			break;
		if (let_on(s, status, why) < 0)
			return -1;
	}
	KILL_POINT("stepping: stopped where it is held");
	if (sys_ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_GETREGS");
	if (loop_holds(&s->loop, regs.rsp))
		return 0;
	/* It goes on as it is; interrupted in KVM_RUN, its VMM sees EINTR. */
	(void)sys_ptrace(PTRACE_DETACH, tid, 0, NULL);
	return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "This machine was too busy: the thread was not taken over in time, and runs on.");
}

/* Through the last frame, to its own context. */
static int leave(struct stepping *s, struct refusal *why)
{
	pid_t tid = s->vcpu->tid;
	int status, leaving = 0, signal_number = 0;

	for (;;) {
		struct ptrace_syscall_info info = { 0 };
		enum wait_outcome outcome;

		if (sys_ptrace(PTRACE_SYSCALL, tid, 0, (void *)(uintptr_t)signal_number) < 0)
			return refuse_errno(why, errno, "PTRACE_SYSCALL");
		outcome = thread_wait(tid, &status, now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS);
		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended after the steps.");
		if (outcome == WAIT_TIMEOUT)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The thread did not come back from the steps.");
		signal_number = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			if ((unsigned int)status >> 16 == 0) {
				signal_number = WSTOPSIG(status);
				s->vcpu->stop.signal_seen = 1;
			}
			continue;
		}
		if (sys_ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
			return refuse_errno(why, errno, "PTRACE_GET_SYSCALL_INFO");
		KILL_POINT("stepping: %s", info.op == PTRACE_SYSCALL_INFO_ENTRY ? "leaves" : "has left");
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			leaving = info.entry.nr == SYS_rt_sigreturn;
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT && leaving)
			return 0;
	}
}

int stepping_run(struct stepping *s, enum loop_end *end, struct refusal *why)
{
	if (switch_over(s, loop_start(&s->loop), why) < 0)
		return -1;
	KILL_POINT("stepping: switched over");
	if (sys_ptrace(PTRACE_CONT, s->vcpu->tid, 0, NULL) < 0)
		return refuse_errno(why, errno, "PTRACE_CONT");
	KILL_POINT("stepping: let go");
	if (until_it_ends(s, end, why) < 0)
		return -1;
	KILL_POINT("stepping: held");
	if (stop_held(s, why) < 0 || switch_over(s, loop_leave(&s->loop, *end), why) < 0)
		return -1;
	KILL_POINT("stepping: on its way back");
	if (leave(s, why) < 0)
		return -1;
	KILL_POINT("stepped");
	return 0;
}
