#include "session.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "permission.h"
#include "proc.h"
#include "room.h"
#include "kill_point.h"

#define OUTSIDE_TRIES 20
#define NOT_NOW_TRIES 1500 /* milliseconds, about: a chain of steps that nobody ends any more takes that long (loop.h) */
#define TRACED_TRIES 500
#define MAX_MOVES 8 /* of a vCPU from thread to thread, while one request looks for it */

struct target target;
struct vcpu vcpus[MAX_ATTACHED];

struct vcpu *vcpu_find(const struct vcpu_ref *ref)
{
	for (size_t i = 0; i < MAX_ATTACHED; i++)
		if (vcpus[i].used && vcpus[i].ref.pid == ref->pid && vcpus[i].ref.vcpu_index == ref->vcpu_index)
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
		if (vcpus[i].used)
			return;
	if (target.pid)
		close(target.pidfd);
	memset(&target, 0, sizeof(target));
}

int vcpu_is_suspended(const struct vcpu *vcpu)
{
	return (vcpu->flags & ATTACH_SUSPEND_SECCOMP) != 0;
}

int vcpu_refuse_memory(int errno_value, const char *call, struct refusal *why)
{
	if (errno_value == EFAULT)
		return refuse(why, REASON_TARGET_GONE, EFAULT, call,
			      "Scratch memory is gone: the process executes another program than when it was attached.");
	return refuse_errno(why, errno_value, call);
}

void vcpu_note_filters(struct vcpu *vcpu)
{
	struct status_facts facts;

	if (proc_status(target.pid, vcpu->tid, &facts) < 0)
		return;
	if (facts.seccomp_mode != vcpu->seccomp_mode || facts.seccomp_filters != vcpu->seccomp_count)
		vcpu->filters_stale = 1;
	vcpu->seccomp_mode = facts.seccomp_mode;
	vcpu->seccomp_count = facts.seccomp_filters;
}

/* Filters never go, so it is enough that there is none after the last one known. 0: there is, or it may not be asked. */
static int filters_are_known(const struct vcpu *vcpu)
{
	static int can_be_asked = -1;

	/* A kernel without checkpoint and restore answers EINVAL, whatever there is; this file comes with it. */
	if (can_be_asked < 0)
		can_be_asked = access("/proc/sys/kernel/ns_last_pid", F_OK) == 0;
	if (!can_be_asked || sys_ptrace(PTRACE_SECCOMP_GET_FILTER, vcpu->tid, vcpu->filters.count, NULL) >= 0)
		return 0;
	return errno == (vcpu->seccomp_mode ? ENOENT : EINVAL);
}

void vcpu_read_filters(struct vcpu *vcpu)
{
	if (!vcpu->filters_stale && (vcpu_is_suspended(vcpu) || filters_are_known(vcpu)))
		return;
	vcpu_note_filters(vcpu);
	if (!vcpu->filters_stale)
		return;
	seccomp_free_filters(&vcpu->filters);
	if (vcpu->seccomp_mode)
		seccomp_read_filters(vcpu->tid, &vcpu->filters);
	vcpu->filters_stale = 0;
}

int vcpu_check_filters(struct vcpu *vcpu, const struct program *program, struct refusal *why)
{
	uint32_t leave;

	if (program_check(program, why) < 0)
		return -1;
	if (!vcpu_is_suspended(vcpu))
		return chain_check_filters(&target, &vcpu->filters, program, why);
	/* Should we be killed, the filter is there again, and the thread must get back into its own context nevertheless. */
	leave = chain_entry_verdict(&target, &vcpu->filters, &vcpu->stop);
	if (seccomp_allows(leave))
		return 0;
	(void)refuse(why, REASON_SECCOMP, 0, "rt_sigreturn",
		     "The thread's seccomp filter, once it is there again, answers %s to rt_sigreturn, which every way back needs.",
		     seccomp_action_name(leave));
	why->seccomp_action = leave;
	return -1;
}

int vcpu_add_allowed(struct vcpu *vcpu, struct program *program, enum injected call, uint64_t a, uint64_t b, uint64_t c)
{
	struct call asked = { .number = injected_calls[call].number, .arguments = { a, b, c } };

	if (!vcpu_is_suspended(vcpu) && !seccomp_allows(chain_call_verdict(&target, &vcpu->filters, &asked)))
		return -1;
	return program_add(program, call, a, b, c);
}

int vcpu_add_ioctl_of(struct vcpu *vcpu, struct program *program, enum injected call, int fd, uint64_t argument)
{
	return vcpu_add_allowed(vcpu, program, call, (uint64_t)(unsigned int)fd, injected_calls[call].request, argument);
}

int vcpu_add_ioctl(struct vcpu *vcpu, struct program *program, enum injected call, uint64_t offset)
{
	return vcpu_add_ioctl_of(vcpu, program, call, vcpu->fd, vcpu->scratch + offset);
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
	vcpu->late = 1;
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
 * 0: none does, and the thread stays stopped. -1 and why: it is let go.
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
		return -1;
	vcpu->tid = found;
	vcpu->filters_stale = 1;
	return 1;
}

int vcpu_stop(struct vcpu *vcpu, enum need need, struct refusal *why)
{
	uint64_t mask = 0;
	int outside = 0, not_now = 0, moves = 0;
	enum stop_state state;

	if (vcpu->frozen) {
		vcpu_read_filters(vcpu);
		return stop_frozen(vcpu, need, why);
	}
	if (!late_release(vcpu->tid))
		return refuse(why, REASON_STOP_TIMEOUT, 0, NULL, "The thread still has not stopped since the last try.");
	vcpu->late = 0;
	for (;;) {
		int moved, looked = mask_look(vcpu, &mask);

		if (stop_past_others(vcpu, &state, why) < 0)
			return -1;
		if (state == STOP_NOT_NOW) {
			if (++not_now > NOT_NOW_TRIES)
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
	vcpu_read_filters(vcpu);
	return 0;
}

void vcpu_release(struct vcpu *vcpu)
{
	if (!vcpu->frozen && !vcpu->late)
		vcpu_let_go(vcpu);
}

struct chain_place vcpu_place(const struct vcpu *vcpu)
{
	return (struct chain_place){ vcpu->scratch + SCRATCH_FRAMES, vcpu->scratch + SCRATCH_FPSTATE };
}

static int run_at(struct vcpu *vcpu, const struct chain_place *place, struct program *program, enum chain_switch how,
		  struct refusal *why)
{
	for (size_t i = 0; i < program->count; i++)
		program->calls[i].forbidden = vcpu_is_suspended(vcpu) &&
			!seccomp_allows(chain_call_verdict(&target, &vcpu->filters, &program->calls[i]));
	return chain_run_driven(&target, vcpu->tid, place, &vcpu->stop, program, how, why);
}

/* Out of time means that the thread is not stopped: it goes on through the chain, and we wait for it to show up. */
static int note_late(struct vcpu *vcpu, const struct refusal *why)
{
	if (why->reason == REASON_CHAIN_TIMEOUT) {
		vcpu_is_late(vcpu);
		vcpu->frozen = 0;
		vcpu->unfinished = 1;
	}
	return -1;
}

int vcpu_run(struct vcpu *vcpu, struct program *program, struct refusal *why)
{
	struct chain_place place = vcpu_place(vcpu);

	if (vcpu_check_filters(vcpu, program, why) < 0)
		return -1;
	return run_at(vcpu, &place, program, SWITCH_BY_REGISTERS, why) < 0 ? note_late(vcpu, why) : 0;
}

int vcpu_run_in_room(struct vcpu *vcpu, const char *maps, struct program *program, struct refusal *why)
{
	static struct room room;
	uint32_t entry;

	if (vcpu_check_filters(vcpu, program, why) < 0 ||
	    room_find(&target, maps, vcpu->ref.vcpu_index, vcpu->fd, &room, why) < 0)
		return -1;
	if (thread_to_entry(vcpu->tid, &vcpu->stop, why) < 0)
		return note_late(vcpu, why);
	entry = chain_entry_verdict(&target, &vcpu->filters, &vcpu->stop);
	if (!seccomp_allows(entry))
		return refuse(why, REASON_SECCOMP, 0, "rt_sigreturn", "The thread's seccomp filter answers %s to rt_sigreturn.",
			      seccomp_action_name(entry));
	if (room_take(&target, &vcpu->stop, &room, why) < 0)
		return -1;
	if (run_at(vcpu, &room.place, program, SWITCH_AT_ENTRY, why) < 0)
		return note_late(vcpu, why);
	room_give_back(&target, &room);
	KILL_POINT("room given back");
	return 0;
}

int freeze(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why)
{
	if (!vcpu->frozen) {
		if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
			return -1;
		/* From here on it goes on by itself and without a visible EINTR, should this helper die. */
		if (thread_prepare(vcpu->tid, &vcpu->stop) < 0) {
			(void)refuse_errno(why, errno, "PTRACE_SETREGS");
			vcpu_release(vcpu);
			return -1;
		}
		vcpu->frozen = 1;
		KILL_POINT("frozen");
	}
	reply->in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	reply->frozen = 1;
	return 0;
}

int resume(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why)
{
	if (!vcpu->frozen)
		return 0;
	vcpu->frozen = 0;
	reply->in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	if (thread_let_go(vcpu->tid, &vcpu->stop) < 0) {
		late_add(vcpu->tid);
		return refuse_errno(why, errno, "PTRACE_DETACH");
	}
	reply->pause_ns = now_ns(CLOCK_MONOTONIC) - vcpu->stop.interrupted_ns;
	return 0;
}
