/*
 * Which thread runs a vCPU. A name, debugfs, or guest time is a hint, where to look first. What settles it are the registers of
 * a stopped thread: KVM_RUN of this very descriptor. Until then nothing is injected: a call on a vCPU that another thread runs
 * would wait in the kernel for that one to leave KVM_RUN, where no signal reaches it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "discover.h"
#include "permission.h"
#include "session.h"
#include "kill_point.h"

#define SEARCH_ROUNDS 20
#define CHAIN_NS 3000000000ull /* more: a chain of steps that a killed helper has left ends by itself (loop.h) */

enum seen {
	SEEN_ELSEWHERE, /* asleep in another call */
	SEEN_PERHAPS,   /* it runs: only a stop can tell */
	SEEN_HERE,      /* in KVM_RUN of this vCPU */
};

/* A tracer has stopped it: what it seems to be at may be a chain's call, between two of KVM_RUN. */
static int is_held(pid_t tid)
{
	struct stat_facts facts;

	return proc_stat(target.pid, tid, &facts) == 0 && facts.state == 't';
}

/* Without stopping it: a thread that sleeps in a call shows which, one in guest mode shows nothing. */
static enum seen look_at(const struct vcpu *vcpu, pid_t tid)
{
	char *text = proc_text("/proc/%d/task/%d/syscall", target.pid, tid);
	enum seen seen = SEEN_ELSEWHERE;

	if (!text)
		seen = errno == ENOENT || errno == ESRCH ? SEEN_ELSEWHERE : SEEN_PERHAPS;
	else if (strncmp(text, "running", 7) == 0)
		seen = SEEN_PERHAPS;
	else if (syscall_is_kvm_run(text, vcpu->fd))
		seen = SEEN_HERE;
	else if (!syscall_is_kvm_run(text, -1) && is_held(tid))
		seen = SEEN_PERHAPS;
	free(text);
	return seen;
}

static int is_decoy(pid_t tid)
{
	struct stat_facts facts;

	return proc_stat(target.pid, tid, &facts) < 0 || thread_is_decoy(facts.comm);
}

int vcpu_refuse_dispatched(pid_t tid, struct refusal *why)
{
	return refuse(why, REASON_NO_GADGET, 0, "PR_SET_SYSCALL_USER_DISPATCH",
		      "Thread %d has its system calls dispatched to itself: one of ours would end it.", tid);
}

static void suspend_if_asked(struct vcpu *vcpu, uint32_t flags)
{
	vcpu_note_filters(vcpu);
	vcpu->flags = vcpu->seccomp_mode ? flags & ATTACH_SUSPEND_SECCOMP : 0;
}

/* 1: the thread stands stopped in KVM_RUN of this vCPU. 0: it does not, and was let go. -1 and why. */
static int try_thread(struct vcpu *vcpu, uint32_t flags, struct refusal *why)
{
	enum stop_state state;

	if (!late_release(vcpu->tid))
		return refuse(why, REASON_STOP_TIMEOUT, 0, NULL, "The thread still has not stopped since the last try.");
	vcpu->state = VCPU_RUNS;
	suspend_if_asked(vcpu, flags);
	if (thread_seize(&target, vcpu->tid, PTRACE_O_TRACESYSGOOD, why) < 0) {
		late_add(vcpu->tid);
		return -1;
	}
	if (thread_stop(vcpu->tid, vcpu->fd, vcpu->scratch, SCRATCH_BYTES, &vcpu->stop, &state, why) < 0) {
		vcpu_is_late(vcpu);
		return -1;
	}
	if (permission_again(target.pid, why) < 0) {
		vcpu_let_go(vcpu);
		return -1;
	}
	if (state == STOP_IN_KVM_RUN)
		return 1;
	vcpu_let_go(vcpu);
	return state == STOP_DISPATCHED && vcpu->stop.in_kvm_run ? vcpu_refuse_dispatched(vcpu->tid, why) : 0;
}

/*
 * One look at every thread, the hint first. 1: vcpu->tid stands stopped in KVM_RUN of this vCPU. 0: none did; held says whether
 * another tracer has one that may. -1 and why.
 */
static int one_round(struct vcpu *vcpu, pid_t hint, uint32_t flags, struct refusal *held, struct refusal *why)
{
	static struct numbers tids;

	if (proc_numbers(&tids, "/proc/%d/task", target.pid) < 0)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The threads of process %d cannot be read.", target.pid);
	for (size_t i = 0; i <= tids.count; i++) {
		int found;

		if (i == 0 ? !hint : tids.all[i - 1] == hint)
			continue;
		vcpu->tid = i == 0 ? hint : tids.all[i - 1];
		if (look_at(vcpu, vcpu->tid) == SEEN_ELSEWHERE || is_decoy(vcpu->tid))
			continue;
		vcpu->filters_stale = 1;
		found = try_thread(vcpu, flags, why);
		if (found == 1)
			return 1;
		if (found == 0)
			continue;
		/* Another helper holds this thread: for a moment, or as another vCPU's that it has frozen. */
		if (why->reason == REASON_ALREADY_TRACED)
			*held = *why;
		/* A worker thread may end at any time; only the process's own end, or a no, is an answer. */
		else if (why->reason != REASON_TARGET_GONE)
			return -1;
	}
	return 0;
}

static int has_run_page(uint32_t index, struct refusal *why)
{
	char *maps = proc_text("/proc/%d/maps", target.pid);
	int found = maps_have_vcpu(maps, index);

	free(maps);
	if (!found)
		(void)refuse(why, REASON_NOT_A_VMM, 0, NULL,
			     "Process %d has a descriptor of vCPU %u and does not run it: it is another process's.", target.pid, index);
	return found;
}

int search_thread(struct vcpu *vcpu, pid_t hint, uint32_t flags, struct refusal *why)
{
	struct refusal held = { 0 };
	uint64_t over = now_ns(CLOCK_MONOTONIC) + (vcpu->scratch ? CHAIN_NS : 0);

	/* Where a killed helper has left something the thread may still be at it, and shows no KVM_RUN of its own. */
	for (int round = 0; round < SEARCH_ROUNDS || now_ns(CLOCK_MONOTONIC) < over; round++) {
		struct timespec pause = { .tv_nsec = round < SEARCH_ROUNDS ? 1000000 : 10000000 };
		int found;

		held.reason = REASON_NONE;
		found = one_round(vcpu, hint, flags, &held, why);
		if (found)
			return found == 1 ? 0 : -1;
		(void)nanosleep(&pause, NULL);
	}
	if (held.reason) {
		*why = held;
		return -1;
	}
	if (!hint && !has_run_page(vcpu->ref.vcpu_index, why))
		return -1;
	if (!hint)
		return refuse(why, REASON_THREAD_NOT_FOUND, 0, NULL,
			      "No thread was seen in KVM_RUN of vCPU %u; a paused VM shows none.", vcpu->ref.vcpu_index);
	/*
	 * A VMM maps the page that it shares with KVM about the vCPU. Who has not is none: a process that was handed the
	 * descriptor, or inherited it, and whose threads are none of our business.
	 */
	if (!has_run_page(vcpu->ref.vcpu_index, why))
		return -1;
	/* Parked outside KVM_RUN, as in a paused VM: good enough to read, once it is seen that no other thread runs it. */
	vcpu->tid = hint;
	vcpu->filters_stale = 1;
	suspend_if_asked(vcpu, flags);
	return vcpu_stop(vcpu, NEED_ANY, why);
}

static int glance_once(const struct vcpu *vcpu, pid_t tid)
{
	static struct stopped stop;
	struct refusal ignored;
	enum stop_state state;

	if (thread_seize(&target, tid, PTRACE_O_TRACESYSGOOD, &ignored) < 0) {
		late_add(tid);
		if (ignored.reason == REASON_ALREADY_TRACED)
			return SEARCH_BUSY;
		return ignored.reason == REASON_TARGET_GONE ? 0 : -1;
	}
	if (thread_stop(tid, vcpu->fd, vcpu->scratch, SCRATCH_BYTES, &stop, &state, &ignored) < 0) {
		late_add(tid);
		return ignored.reason == REASON_TARGET_GONE ? 0 : -1;
	}
	if (thread_let_go(tid, &stop) < 0)
		late_add(tid);
	return stop.in_kvm_run;
}

/*
 * 1: it stands in KVM_RUN of this vCPU. 0: it does not. -1, SEARCH_BUSY: it could not be stopped to see. Let go again in any case.
 * Another helper may hold it for a moment.
 */
static int glance(const struct vcpu *vcpu, pid_t tid)
{
	struct timespec millisecond = { .tv_nsec = 1000000 };
	int here = -1;

	for (int tries = 0; here < 0 && tries < SEARCH_ROUNDS; tries++) {
		if (tries)
			(void)nanosleep(&millisecond, NULL);
		here = look_at(vcpu, tid) == SEEN_ELSEWHERE ? 0 : glance_once(vcpu, tid);
	}
	return here;
}

int search_elsewhere(const struct vcpu *vcpu, pid_t *found, struct refusal *why)
{
	static struct numbers tids;

	*found = 0;
	if (proc_numbers(&tids, "/proc/%d/task", target.pid) < 0)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The threads of process %d cannot be read.", target.pid);
	for (size_t i = 0; i < tids.count; i++) {
		pid_t tid = tids.all[i];
		enum seen seen = tid == vcpu->tid ? SEEN_ELSEWHERE : look_at(vcpu, tid);
		int here;

		if (seen == SEEN_ELSEWHERE || is_decoy(tid))
			continue;
		here = seen == SEEN_HERE ? 1 : glance(vcpu, tid);
		if (here < 0) {
			(void)refuse(why, REASON_THREAD_NOT_FOUND, 0, NULL,
				     "Thread %d may run vCPU %u, and could not be stopped to see.", tid, vcpu->ref.vcpu_index);
			return here;
		}
		KILL_POINT("looked at another thread");
		if (!here)
			continue;
		*found = tid;
		return 0;
	}
	return 0;
}
