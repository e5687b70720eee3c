/* MSG_STEP: the guest goes on by single instructions, or to a breakpoint, and the vCPU stays frozen then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "loop.h"
#include "proc.h"
#include "room.h"
#include "session.h"
#include "step.h"

#define KVM_CAP_SET_GUEST_DEBUG2_NUMBER 195u
#define GUESTDBG_BLOCKIRQ 0x00100000u
#define GUESTDBG_STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)
#define STEP_TIMEOUT_NS 1500000000ull
#define INTERRUPT_AGAIN_NS 200000000ull
#define MOST_INTERRUPTS 8
#define MOST_WAIT_MS 2000u
#define MOST_DETOURS 1000u /* of the VMM, for exits and kicks, in one request */

static struct kvm_regs stops[LOOP_STEPS];

struct stepping {
	struct vcpu *vcpu;
	struct loop loop;
	struct step_reply head;
	uint32_t wanted;
	uint64_t wait_ns; /* for an instruction to end, or a breakpoint to be hit */
	uint64_t rip; /* after the last step, or before the first */
	int breakpoints; /* armed, instead of steps */
	int interrupted; /* by us, so often: no instruction ended in time */
};

/* The process's number in its own pid namespace, the last of NSpid. */
static pid_t own_number(void)
{
	char *text = proc_text("/proc/%d/status", target.pid);
	const char *line = text ? strstr(text, "\nNSpid:") : NULL;
	pid_t number = target.pid;

	if (line)
		for (const char *at = line + 7; *at && *at != '\n';) {
			char *end;
			long value = strtol(at, &end, 10);

			if (end == at)
				break;
			number = (pid_t)value;
			at = end;
		}
	free(text);
	return number;
}

/* 1 where KVM keeps interrupts from the guest during a step. */
static int can_block_interrupts(struct vcpu *vcpu)
{
	struct program p = { 0 };
	struct refusal ignored;
	int fd = vcpu->vm_fd >= 0 ? vcpu->vm_fd : vcpu->kvm_fd, at;

	if (fd < 0)
		return 0;
	at = vcpu_add_allowed(vcpu, &p, "KVM_CHECK_EXTENSION", SYS_ioctl, (uint64_t)fd, KVM_CHECK_EXTENSION,
			      KVM_CAP_SET_GUEST_DEBUG2_NUMBER);
	if (at < 0 || vcpu_run(vcpu, &p, &ignored) < 0)
		return 0;
	return p.calls[at].result > 0 && (p.calls[at].result & GUESTDBG_BLOCKIRQ);
}

/* Here the filter stands between a killed helper's chain and its end: what it forbids is not begun, suspended or not. */
static int prepare(struct stepping *s, struct refusal *why)
{
	char *maps = proc_text("/proc/%d/maps", target.pid);
	struct program calls = { 0 };
	struct room room;
	int found;

	if (!maps)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
	found = room_find(&target, maps, s->vcpu->ref.vcpu_index, s->vcpu->fd, &room, why);
	free(maps);
	if (found < 0)
		return -1;
	s->head.irqs_blocked = (uint32_t)can_block_interrupts(s->vcpu);
	s->loop = (struct loop){
		.base = s->vcpu->scratch + SCRATCH_LOOP, .fpstate = s->vcpu->scratch + SCRATCH_FPSTATE, .run = room.run,
		.vcpu_fd = s->vcpu->fd, .own_pid = own_number(),
	};
	s->loop.debug.control = GUESTDBG_STEP | (s->head.irqs_blocked ? GUESTDBG_BLOCKIRQ : 0);
	loop_calls(&s->loop, &calls);
	return chain_check_filters(&target, &s->vcpu->filters, &calls, why);
}

static int read_regs(struct stepping *s, struct kvm_regs *regs, struct refusal *why)
{
	uint64_t place = s->vcpu->scratch + SCRATCH_REGS;
	struct program p = { 0 };

	(void)program_ioctl(&p, "KVM_GET_REGS", s->vcpu->fd, KVM_GET_REGS, place);
	if (vcpu_run(s->vcpu, &p, why) < 0)
		return -1;
	if (p.calls[0].result < 0)
		return refuse_errno(why, (int)-p.calls[0].result, "KVM_GET_REGS");
	return memory_read(target.pid, place, regs, sizeof(*regs)) < 0 ? refuse_errno(why, errno, "process_vm_readv") : 0;
}

static int switch_over(struct stepping *s, struct refusal *why)
{
	pid_t tid = s->vcpu->tid;
	struct user_regs_struct regs;

	if (trace(PTRACE_GETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_GETREGS");
	regs.rip = target.gadget;
	regs.rax = SYS_rt_sigreturn;
	regs.orig_rax = (uint64_t)-1;
	regs.eflags = 0x202;
	regs.rsp = loop_start(&s->loop);
	if (trace(PTRACE_SETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	s->vcpu->stop.touched = 1;
	STEP("stepping: switched over");
	return 0;
}

/* Waits for the next stop. A guest that halts ends no instruction: then the thread is interrupted, and the chain leaves. */
static int next_stop(struct stepping *s, int *status, struct refusal *why)
{
	for (;;) {
		enum wait_outcome outcome = thread_wait(s->vcpu->tid, status, now_ns(CLOCK_MONOTONIC) +
							     (s->interrupted ? INTERRUPT_AGAIN_NS : s->wait_ns));

		if (outcome == WAIT_STATUS)
			return 0;
		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended during a step.");
		/* One that came just before KVM_RUN was entered has not ended it. */
		if (s->interrupted == MOST_INTERRUPTS)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The steps did not end in time.");
		s->interrupted++;
		if (trace(PTRACE_INTERRUPT, s->vcpu->tid, 0, NULL) < 0)
			return refuse_errno(why, errno, "PTRACE_INTERRUPT");
	}
}

static int run_chain(struct stepping *s, enum loop_end *end, struct refusal *why)
{
	pid_t tid = s->vcpu->tid;
	int leaving = 0, signal_number = 0, status;

	for (;;) {
		struct ptrace_syscall_info info = { 0 };

		if (trace(PTRACE_SYSCALL, tid, 0, (void *)(uintptr_t)signal_number) < 0)
			return refuse_errno(why, errno, "PTRACE_SYSCALL");
		if (next_stop(s, &status, why) < 0)
			return -1;
		signal_number = 0;
		if (WSTOPSIG(status) != (SIGTRAP | 0x80)) {
			if ((unsigned int)status >> 16 == 0) {
				signal_number = WSTOPSIG(status);
				s->vcpu->stop.signal_seen = 1;
			}
			continue;
		}
		if (trace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
			return refuse_errno(why, errno, "PTRACE_GET_SYSCALL_INFO");
		if (info.op == PTRACE_SYSCALL_INFO_EXIT && leaving)
			break;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			leaving = info.entry.nr == SYS_rt_sigreturn && loop_leaves(&s->loop, info.stack_pointer, end);
		STEP("stepping: %s %u", info.op == PTRACE_SYSCALL_INFO_ENTRY ? "enters" : "ends", (unsigned int)info.entry.nr);
	}
	STEP("stepped");
	return 0;
}

/*
 * An instruction that writes to a port or a device has ended when its exit comes, and no debug exit tells of it; one that reads
 * ends when KVM_RUN is made again, with a debug exit.
 */
static int count_ended_by_exit(struct stepping *s, struct refusal *why)
{
	struct kvm_regs regs;

	if (read_regs(s, &regs, why) < 0)
		return -1;
	if (regs.rip == s->rip || s->breakpoints)
		return 0;
	s->rip = regs.rip;
	stops[s->head.steps++] = regs;
	return 0;
}

/* One chain, and the VMM's own work after it where it has some. 1: there is more to do. 0: that was all. */
static int go_on(struct stepping *s, struct refusal *why)
{
	struct stopped *stop = &s->vcpu->stop;
	uint32_t made = 0;
	enum loop_end end;

	s->loop.steps = s->wanted - s->head.steps;
	if (loop_write(&target, &s->loop, stop, why) < 0)
		return -1;
	STEP("steps laid out");
	if (switch_over(s, why) < 0 || run_chain(s, &end, why) < 0)
		return -1;
	/* The VMM has an exit, or its own EINTR, to see: its registers are as they must be, whatever comes now. */
	if (end == LOOP_EXIT || (end == LOOP_KICK && stop->signal_seen))
		stop->touched = stop->restarts_kvm_run = 0;
	if (loop_read(&target, &s->loop, stops + s->head.steps, &made, &s->head.exit_reason, why) < 0)
		return -1;
	s->head.steps += made;
	if (made)
		s->rip = stops[s->head.steps - 1].rip;
	if (end == LOOP_DONE || (end == LOOP_KICK && !stop->signal_seen && s->interrupted)) {
		stop->in_kvm_run = 1;
		s->head.ended = end == LOOP_DONE ? STEP_DONE : STEP_HALTED;
		return 0;
	}
	/* What the VMM has to do it does, and comes back to KVM_RUN. */
	s->head.detours++;
	if (thread_follow(s->vcpu->tid, s->vcpu->fd, stop, why) < 0 || (end == LOOP_EXIT && count_ended_by_exit(s, why) < 0))
		return -1;
	if (s->head.steps == s->wanted || s->interrupted || s->head.detours == MOST_DETOURS) {
		s->head.ended = s->head.steps == s->wanted ? STEP_DONE : s->interrupted ? STEP_HALTED : STEP_BUSY;
		return 0;
	}
	return 1;
}

/* Where it could not be led to an end the thread goes on by itself, as it stands. */
static int give_up(struct vcpu *vcpu, const struct refusal *why)
{
	vcpu->frozen = 0;
	if (why->reason == REASON_CHAIN_TIMEOUT) {
		vcpu_is_late(vcpu);
		vcpu->unfinished = 1;
	} else {
		vcpu_release(vcpu);
	}
	return -1;
}

/* Stopped in KVM_RUN, or where it is next made: a guest that leaves often is seldom caught inside. */
static int begin(struct vcpu *vcpu, struct refusal *why)
{
	if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
		return -1;
	if (vcpu->stop.in_kvm_run || thread_follow(vcpu->tid, vcpu->fd, &vcpu->stop, why) == 0)
		return 0;
	(void)give_up(vcpu, why);
	if (why->reason == REASON_CHAIN_TIMEOUT)
		(void)refuse(why, REASON_OUTSIDE_KVM_RUN, 0, NULL, "The VMM does not come to KVM_RUN: the VM is paused, or halted by its VMM.");
	return -1;
}

#define DEBUG_DR6_OFFSET 48u /* kvm_run.debug.arch.dr6 */
#define USE_BREAKPOINTS (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP)

static int make_steps(struct stepping *s, uint32_t count, struct refusal *why)
{
	int more;

	s->wanted = count;
	do
		more = go_on(s, why);
	while (more == 1);
	return more;
}

/*
 * One step first, for a breakpoint where it stands would be hit at once; then on, with the breakpoints alone. Time that the VMM
 * takes for itself counts too.
 */
static int run_to_breakpoint(struct stepping *s, const struct step_request *request, struct refusal *why)
{
	const uint64_t dr[4] = { request->dr0, request->dr1, request->dr2, request->dr3 };
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + (uint64_t)request->wait_ms * 1000000u;
	int more;

	if (make_steps(s, 1, why) < 0)
		return -1;
	/* An instruction breakpoint at the place that the step came to is hit there. */
	for (unsigned int i = 0; i < 4 && s->head.ended == STEP_DONE; i++)
		if ((request->dr7 >> (2 * i) & 3) && !(request->dr7 >> (16 + 4 * i) & 3) && dr[i] == s->rip) {
			s->head.dr6 = 1ull << i;
			return 0;
		}
	if (s->head.ended != STEP_DONE)
		return 0;
	s->head.steps = 0;
	s->wanted = 1;
	s->loop.debug = (struct kvm_guest_debug){ .control = USE_BREAKPOINTS };
	memcpy(s->loop.debug.arch.debugreg, dr, sizeof(dr));
	s->loop.debug.arch.debugreg[7] = request->dr7;
	s->breakpoints = 1;
	do {
		uint64_t now = now_ns(CLOCK_MONOTONIC);

		s->wait_ns = deadline > now ? deadline - now : 1;
		more = go_on(s, why);
	} while (more == 1);
	if (more < 0 || !s->head.steps)
		return more;
	return memory_read(target.pid, s->loop.run + DEBUG_DR6_OFFSET, &s->head.dr6, sizeof(s->head.dr6)) < 0 ?
		       refuse_errno(why, errno, "process_vm_readv") : 0;
}

int step(struct vcpu *vcpu, const struct step_request *request, struct reply *reply, struct refusal *why)
{
	struct stepping s = { .vcpu = vcpu, .wait_ns = STEP_TIMEOUT_NS };
	struct kvm_regs before;

	if (request->wait_ms > MOST_WAIT_MS)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "At most %u ms are waited at once, not %u.", MOST_WAIT_MS, request->wait_ms);
	if (request->count == 0 || request->count > LOOP_STEPS)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "From 1 to %u steps at once, not %u.", LOOP_STEPS, request->count);
	if (begin(vcpu, why) < 0)
		return -1;
	if (prepare(&s, why) < 0 || read_regs(&s, &before, why) < 0) {
		vcpu_release(vcpu);
		return -1;
	}
	s.rip = before.rip;
	if ((request->dr7 ? run_to_breakpoint(&s, request, why) : make_steps(&s, request->count, why)) < 0)
		return give_up(vcpu, why);
	if (thread_prepare(vcpu->tid, &vcpu->stop) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	vcpu->frozen = 1;
	STEP("frozen");
	s.head.in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	s.head.pause_ns = now_ns(CLOCK_MONOTONIC) - vcpu->stop.interrupted_ns;
	(void)reply_add(reply, &s.head, sizeof(s.head));
	(void)reply_add(reply, stops, s.head.steps * sizeof(stops[0]));
	return 0;
}
