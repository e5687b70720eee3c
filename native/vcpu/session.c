#include "session.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "permission.h"
#include "kill_point.h"

#define OUTSIDE_TRIES 20
#define NOT_NOW_NS 2000000000ull /* a chain of steps that nobody ends any more takes less (loop.h); over one that a handler of the VMM's blocks, no longer */
#define LEAST_NOT_NOW_TRIES 300 /* on a machine where each takes long */
#define TRACED_TRIES 500
#define MAX_MOVES 8 /* of a vCPU from thread to thread, while one request looks for it */

struct target target;
struct vcpu vcpus[MAX_ATTACHED];

struct vcpu *vcpu_find(const struct vcpu_ref *ref)
{
	for (size_t i = 0; i < MAX_ATTACHED; i++)
		if (vcpus[i].state && vcpus[i].ref.pid == ref->pid && vcpus[i].ref.vcpu_index == ref->vcpu_index)
			return &vcpus[i];
	return NULL;
}

int vcpu_require(const struct vcpu_ref *ref, struct vcpu **vcpu, struct refusal *why)
{
	*vcpu = vcpu_find(ref);
	if (*vcpu)
		return 0;
	return refuse(why, REASON_NOT_ATTACHED, 0, NULL, "vCPU %u of process %d is not attached.", ref->vcpu_index, ref->pid);
}

void vcpu_forget(struct vcpu *vcpu)
{
	seccomp_free_filters(&vcpu->filters);
	memset(vcpu, 0, sizeof(*vcpu));
	for (size_t i = 0; i < MAX_ATTACHED; i++)
		if (vcpus[i].state)
			return;
	if (target.pid)
		close(target.pidfd);
	memset(&target, 0, sizeof(target));
}

int vcpu_refuse_memory(int errno_value, const char *call, struct refusal *why)
{
	if (errno_value == EFAULT)
		return refuse(why, REASON_TARGET_GONE, EFAULT, call,
			      "Scratch memory is gone: the process executes another program than when it was attached.");
	return refuse_errno(why, errno_value, call);
}

#define MAX_LATE (2 * MAX_ATTACHED)
static pid_t late[MAX_LATE]; /* 0: free */

void late_add(pid_t tid)
{
	for (size_t i = 0; i < MAX_LATE; i++)
		if (!late[i] || late[i] == tid) {
			late[i] = tid;
			return;
		}
}

void vcpu_is_late(struct vcpu *vcpu)
{
	vcpu->state = VCPU_LATE;
	late_add(vcpu->tid);
}

void vcpu_let_go(struct vcpu *vcpu)
{
	if (thread_let_go(vcpu->tid, &vcpu->stop) < 0)
		late_add(vcpu->tid);
}

int late_release(pid_t tid)
{
	int released = 1;

	for (size_t i = 0; i < MAX_LATE; i++) {
		if (!late[i])
			continue;
		if (thread_release_late(late[i]))
			late[i] = 0;
		else if (late[i] == tid)
			released = 0;
	}
	return released;
}

static void nap(uint64_t ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	(void)nanosleep(&t, NULL);
}

static int stop_frozen(struct vcpu *vcpu, enum need need, struct refusal *why)
{
	if (need == NEED_KVM_RUN && !vcpu->stop.in_kvm_run)
		return refuse(why, REASON_OUTSIDE_KVM_RUN, 0, NULL,
			      "The vCPU was frozen while its VMM was at work outside KVM_RUN, which may overwrite a write.");
	return 0;
}

/* One try. The thread is stopped where the state is STOP_IN_KVM_RUN, STOP_OUTSIDE or STOP_OTHER_VCPU, else let go. */
static int stop_once(struct vcpu *vcpu, enum stop_state *state, struct refusal *why)
{
	if (permission_again(target.pid, why) < 0)
		return -1;
	if (thread_seize(&target, vcpu->tid, PTRACE_O_TRACESYSGOOD, why) < 0) {
		late_add(vcpu->tid); /* a stranger that could not be let go at once */
		return -1;
	}
	if (thread_stop(vcpu->tid, vcpu->fd, vcpu->scratch, SCRATCH_BYTES, &vcpu->stop, state, why) < 0) {
		vcpu_is_late(vcpu);
		return -1;
	}
	if (permission_again(target.pid, why) == 0 &&
	    (*state == STOP_IN_KVM_RUN || *state == STOP_OUTSIDE || *state == STOP_OTHER_VCPU))
		return 0;
	vcpu_let_go(vcpu);
	if (why->reason == REASON_NOT_AUTHORISED)
		return -1;
	if (*state == STOP_DISPATCHED)
		return vcpu_refuse_dispatched(vcpu->tid, why);
	if (*state == STOP_UNUSABLE)
		return refuse(why, REASON_THREAD_NOT_FOUND, 0, NULL,
			      "Thread %d cannot run injected calls: 32-bit code, a shadow stack, or a kernel worker.", vcpu->tid);
	return 0;
}

/*
 * A helper that looks for another vCPU's thread stops this one for a moment: it has gone a moment later. A tracer that stays
 * is refused.
 */
static int stop_past_others(struct vcpu *vcpu, enum stop_state *state, struct refusal *why)
{
	for (int tries = 1; stop_once(vcpu, state, why) < 0; tries++) {
		if (why->reason != REASON_ALREADY_TRACED || tries == TRACED_TRIES)
			return -1;
		/* About a millisecond, and never in step with a tracer that comes at regular times. */
		nap(500000 + (uint64_t)(tries % 7) * 170000);
	}
	return 0;
}

/*
 * The thread stands outside KVM_RUN, or runs another vCPU. 1: it is let go, and vcpu->tid is the one that runs this vCPU now.
 * 0: none does, and the thread stays stopped. -1, SEARCH_BUSY and why: it is let go.
 */
static int follow(struct vcpu *vcpu, enum stop_state state, struct refusal *why)
{
	pid_t found;
	int result = search_elsewhere(vcpu, &found, why);

	if (result == 0 && !found && state == STOP_OTHER_VCPU)
		result = refuse(why, REASON_THREAD_NOT_FOUND, 0, NULL, "Thread %d runs another vCPU.", vcpu->tid);
	if (result == 0 && !found)
		return 0;
	vcpu_let_go(vcpu);
	if (result < 0)
		return result;
	vcpu->tid = found;
	vcpu->filters_stale = 1;
	return 1;
}

int vcpu_stop(struct vcpu *vcpu, enum need need, struct refusal *why)
{
	uint64_t mask = 0;
	uint64_t over = now_ns(CLOCK_MONOTONIC) + NOT_NOW_NS;
	int outside = 0, not_now = 0, moves = 0, busy = 0;
	enum stop_state state;

	if (vcpu_is_frozen(vcpu)) {
		vcpu_read_filters(vcpu);
		return stop_frozen(vcpu, need, why);
	}
	if (!late_release(vcpu->tid))
		return refuse(why, REASON_STOP_TIMEOUT, 0, NULL, "The thread still has not stopped since the last try.");
	vcpu->state = VCPU_RUNS;
	for (;;) {
		int moved, looked = mask_look(vcpu, &mask);

		if (stop_past_others(vcpu, &state, why) < 0)
			return -1;
		if (state == STOP_NOT_NOW) {
			if (++not_now > LEAST_NOT_NOW_TRIES && now_ns(CLOCK_MONOTONIC) > over)
				return refuse(why, REASON_STOP_TIMEOUT, 0, NULL,
					      "Each time the thread stopped, a signal was waiting or a chain was still running.");
			nap(not_now < 10 ? 20000 : 1000000);
			continue;
		}
		if (state == STOP_IN_KVM_RUN && looked)
			mask_note(vcpu, mask);
		if (state == STOP_IN_KVM_RUN)
			break;
		if (++outside <= OUTSIDE_TRIES) {
			vcpu_let_go(vcpu);
			nap(1000000);
			continue;
		}
		moved = follow(vcpu, state, why);
		/* Two helpers that each hold their own thread and look for it at the other's would both find nothing. */
		if (moved == SEARCH_BUSY && now_ns(CLOCK_MONOTONIC) < over) {
			KILL_POINT("another has a thread");
			nap(500000 + (uint64_t)((++busy + getpid()) % 7) * 3000000);
			continue;
		}
		if (moved < 0)
			return -1;
		outside = 0; /* let go a moment ago, it may just be on its way back into KVM_RUN */
		if (moved && ++moves <= MAX_MOVES)
			continue;
		if (!moved && need == NEED_ANY)
			break;
		if (!moved)
			vcpu_let_go(vcpu);
		return refuse(why, REASON_OUTSIDE_KVM_RUN, 0, NULL,
			      "The VMM is at work outside KVM_RUN, or the VM is paused: a write may be overwritten.");
	}
	/* It may have to go back there: a handler of the VMM's can stand over a chain on a stack of its own (scratch.c). */
	if (vcpu->unfinished && !vcpu->stop.restarts_kvm_run) {
		vcpu_let_go(vcpu);
		return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The injected calls that did not end in time may not have ended yet.");
	}
	vcpu_read_filters(vcpu);
	return 0;
}

void vcpu_release(struct vcpu *vcpu)
{
	if (vcpu->state == VCPU_RUNS)
		vcpu_let_go(vcpu);
}

int freeze(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why)
{
	if (!vcpu_is_frozen(vcpu)) {
		if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
			return -1;
		/* From here on it goes on by itself and without a visible EINTR, should this helper die. */
		if (thread_prepare(vcpu->tid, &vcpu->stop) < 0) {
			(void)refuse_errno(why, errno, "PTRACE_SETREGS");
			vcpu_release(vcpu);
			return -1;
		}
		vcpu->state = VCPU_FROZEN;
		KILL_POINT("frozen");
	}
	reply->in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	reply->frozen = 1;
	return 0;
}

int resume(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why)
{
	if (!vcpu_is_frozen(vcpu))
		return 0;
	vcpu->state = VCPU_RUNS;
	reply->in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	if (thread_let_go(vcpu->tid, &vcpu->stop) < 0) {
		late_add(vcpu->tid);
		return refuse_errno(why, errno, "PTRACE_DETACH");
	}
	reply->pause_ns = now_ns(CLOCK_MONOTONIC) - vcpu->stop.interrupted_ns;
	return 0;
}
