/* The guest goes on by single instructions, or to a breakpoint. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proc.h"
#include "session.h"
#include "kill_point.h"
#include "stepping.h"

#define MOST_DETOURS 1000u /* of the VMM, for exits and kicks, while steps are made */

static uint8_t *record_of(const struct stepping *s, uint32_t number)
{
	return s->records + (s->loop.keep_last ? 0 : (size_t)(number - s->sent) * s->loop.record_bytes);
}

uint64_t record_rip(const uint8_t *record)
{
	struct kvm_regs regs;

	memcpy(&regs, record + RECORD_REGS, sizeof(regs));
	return regs.rip;
}

#define MOST_INSTRUCTION_BYTES 15u

/* Not behind the instruction that was stepped: a fault of it has a handler, which is at work. */
static int went_away(const struct stepping *s, uint64_t rip)
{
	return s->may_finish && (s->is_away || rip - s->rip > MOST_INSTRUCTION_BYTES);
}

/* The state as it stands, outside the chain. */
int stepping_read(struct stepping *s, uint8_t *record, struct refusal *why)
{
	struct program p = { 0 };

	loop_record_calls(&s->loop, &p);
	if (vcpu_run(s->vcpu, &p, why) < 0)
		return -1;
	for (size_t i = 0; i < p.count; i++)
		if (p.calls[i].result < 0)
			return refuse_errno(why, (int)-p.calls[i].result, p.calls[i].name);
	return memory_read(target.pid, loop_now(&s->loop), record, s->loop.record_bytes) < 0 ?
		       refuse_errno(why, errno, "process_vm_readv") : 0;
}

/*
 * An instruction that writes to a port or a device has ended when its exit comes, and no debug exit tells of it; one that reads
 * ends when KVM_RUN is made again, with a debug exit.
 */
static int count_ended_by_exit(struct stepping *s, struct refusal *why)
{
	uint8_t *record = record_of(s, s->head.steps);

	if (stepping_read(s, record, why) < 0)
		return -1;
	if (record_rip(record) == s->rip || s->breakpoints)
		return 0;
	if (went_away(s, record_rip(record))) {
		s->is_away = 1;
		return 0;
	}
	s->rip = record_rip(record);
	s->head.steps++;
	s->head.holds = (uint32_t)loop_condition(s->loop.lookups, s->loop.lookup_count, record);
	return 0;
}

/*
 * What single steps stored with their TF: at the entry of a SYSCALL the chain has cleared it in R11, after the record was made; in
 * RFLAGS, which a fault's handler has brought back.
 */
static void correct_record(const struct stepping *s)
{
	uint8_t *record = record_of(s, s->head.steps - 1);
	struct kvm_regs regs;

	memcpy(&regs, record + RECORD_REGS, sizeof(regs));
	if (s->loop.finishes)
		regs.rflags &= ~(uint64_t)TRAP_FLAG;
	else if (s->loop.ends_at_syscall && regs.rip == s->syscall_entry)
		regs.r11 &= ~(uint64_t)TRAP_FLAG;
	else
		return;
	memcpy(record + RECORD_REGS, &regs, sizeof(regs));
}

#define USE_BREAKPOINTS (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP)
#define DR7_SYSCALL 0x440ull /* DR3, an instruction */

/* The steps that are left; or the end of one that has been led away: the guest runs, with its interrupts, until its TF comes back. */
static struct loop next_chain(const struct stepping *s)
{
	struct loop chain = s->loop;

	chain.steps = s->wanted - s->head.steps < s->most ? s->wanted - s->head.steps : s->most;
	chain.rip = s->rip;
	if (s->is_away && !s->breakpoints) {
		chain.steps = 1;
		chain.finishes = 1;
		chain.ends_at_syscall = 0;
		chain.debug.control = USE_BREAKPOINTS;
		/* What watches data goes on with it; the entry of SYSCALL is nothing that it stops at. */
		if (s->loop.ends_at_syscall)
			chain.debug.arch.debugreg[7] &= ~DR7_SYSCALL;
		chain.debug.arch.debugreg[7] |= 0x400;
	} else if (s->is_away) {
		chain.debug.control &= ~GUESTDBG_BLOCKIRQ;
	}
	return chain;
}

/* The chain's timer has ended KVM_RUN, of which the VMM is to see nothing: more is to do until the step that is being made has ended. */
static int after_alarm(struct stepping *s, struct refusal *why)
{
	uint8_t *record = record_of(s, s->head.steps);
	uint64_t now = now_ns(CLOCK_MONOTONIC);

	s->vcpu->stop.in_kvm_run = 1;
	if (stepping_read(s, record, why) < 0)
		return -1;
	s->is_away = s->breakpoints || went_away(s, record_rip(record));
	if (!s->breakpoints && s->head.steps && now > s->over_ns)
		s->wanted = s->head.steps + 1;
	s->head.reason = STOPPED_HALTED;
	return !stepping_is_over(s, now);
}

int stepping_is_enough(const struct stepping *s)
{
	return s->head.steps == s->wanted || s->head.holds || (s->head.steps && !loop_may_step(&s->loop, s->rip));
}

/* What the chain has made. */
static int take_steps(struct stepping *s, struct loop_made *made, struct refusal *why)
{
	if (loop_read(&target, &s->loop, record_of(s, s->head.steps), made, why) < 0)
		return -1;
	s->head.exit_reason = made->exit_reason;
	/* No timer, no blocked interrupts. */
	if (!(made->control & GUESTDBG_BLOCKIRQ) && (s->loop.debug.control & GUESTDBG_BLOCKIRQ))
		s->head.irqs_blocked = 0;
	s->head.steps += made->steps;
	if (!made->steps)
		return 0;
	correct_record(s);
	s->is_away = 0;
	s->rip = record_rip(record_of(s, s->head.steps - 1));
	s->head.holds = (uint32_t)loop_condition(s->loop.lookups, s->loop.lookup_count, record_of(s, s->head.steps - 1));
	return 0;
}

int stepping_follow(struct vcpu *vcpu, struct refusal *why)
{
	if (thread_follow(vcpu->tid, vcpu->fd, &vcpu->stop, why) == 0)
		return 0;
	if (why->reason != REASON_CHAIN_TIMEOUT)
		return -1;
	vcpu_is_late(vcpu);
	return refuse(why, REASON_OUTSIDE_KVM_RUN, 0, NULL, "The VMM does not come to KVM_RUN: the VM is paused, or halted by its VMM.");
}

/* One chain, and the VMM's own work after it where it has some. 1: there is more to do. 0: that was all. */
static int run_chain(struct stepping *s, struct refusal *why)
{
	struct stopped *stop = &s->vcpu->stop;
	struct loop_made made = { 0 };
	enum loop_end end;

	s->alarms = 0;
	if (loop_write(&target, &s->loop, stop, why) < 0)
		return -1;
	KILL_POINT("steps laid out");
	if (stepping_run(s, &end, why) < 0) {
		s->vcpu->unfinished = why->reason == REASON_CHAIN_TIMEOUT;
		return -1;
	}
	/* The VMM has an exit, or its own EINTR, to see: its registers are as they must be, whatever comes now. */
	if (end == LOOP_EXIT || (end == LOOP_KICK && stop->signal_seen))
		stop->touched = stop->restarts_kvm_run = 0;
	if (take_steps(s, &made, why) < 0)
		return -1;
	/* No record is free for what such an end would be followed by. */
	if (end != LOOP_DONE && made.steps == s->loop.steps)
		return refuse(why, REASON_CHAIN_CHANGED, 0, NULL, "Another thread of the VMM changed the chain of steps.");
	if (end == LOOP_DONE || (end == LOOP_KICK && !stop->signal_seen && s->interrupted)) {
		stop->in_kvm_run = 1;
		s->head.reason = end == LOOP_DONE ? STOPPED_DONE : STOPPED_HALTED;
		return end == LOOP_DONE && !stepping_is_enough(s) && now_ns(CLOCK_MONOTONIC) < s->over_ns;
	}
	if (end == LOOP_KICK && !stop->signal_seen && s->alarms)
		return after_alarm(s, why);
	/* What the VMM has to do it does, and comes back to KVM_RUN. */
	s->head.detours++;
	if (stepping_follow(s->vcpu, why) < 0 || (end == LOOP_EXIT && count_ended_by_exit(s, why) < 0))
		return -1;
	s->progress_ns = now_ns(CLOCK_MONOTONIC);
	if (stepping_is_enough(s)) {
		s->head.reason = STOPPED_DONE;
		return 0;
	}
	if (!s->interrupted && (s->breakpoints || s->head.detours < MOST_DETOURS) && now_ns(CLOCK_MONOTONIC) < s->over_ns + (s->is_away ? STEP_TIMEOUT_NS : 0))
		return 1;
	s->head.reason = s->interrupted || s->breakpoints ? STOPPED_HALTED : s->head.steps ? STOPPED_DONE : STOPPED_BUSY;
	return 0;
}

static int go_on(struct stepping *s, struct refusal *why)
{
	struct loop all = s->loop;
	int more;

	s->loop = next_chain(s);
	more = run_chain(s, why);
	s->loop = all;
	return more;
}

#define DR6_BREAKPOINTS 0xfu

static int make_steps(struct stepping *s, uint32_t count, struct refusal *why)
{
	int more;

	s->wanted = count;
	s->progress_ns = now_ns(CLOCK_MONOTONIC);
	while ((more = go_on(s, why)) == 1)
		if (!s->loop.keep_last)
			(void)stepping_send(s);
	return more;
}

/* Every step ends at the entry of a SYSCALL, but the one that goes on from there. */
int stepping_steps(struct stepping *s, uint32_t count, struct refusal *why)
{
	if (s->syscall_entry && s->rip == s->syscall_entry) {
		s->loop.ends_at_syscall = 0;
		if (make_steps(s, 1, why) < 0)
			return -1;
		if (s->head.reason != STOPPED_DONE || s->head.holds || s->head.steps >= count || !loop_may_step(&s->loop, s->rip))
			return 0;
	}
	s->loop.ends_at_syscall = s->syscall_entry != 0;
	if (s->loop.ends_at_syscall) {
		s->loop.debug.control |= KVM_GUESTDBG_USE_HW_BP;
		s->loop.debug.arch.debugreg[3] = s->syscall_entry;
		s->loop.debug.arch.debugreg[7] |= DR7_SYSCALL;
	}
	return make_steps(s, count, why);
}

static int read_dr6(struct stepping *s, struct refusal *why)
{
	return memory_read(target.pid, s->loop.run + DEBUG_DR6_OFFSET, &s->head.dr6, sizeof(s->head.dr6)) < 0 ?
		       refuse_errno(why, errno, "process_vm_readv") : 0;
}

/* Those of DR7 that break on data, or those that break on an instruction. */
static uint64_t dr7_of(uint64_t dr7, int data)
{
	uint64_t kept = dr7 & 0x300;

	for (unsigned int i = 0; i < 4; i++)
		if ((dr7 >> (2 * i) & 3) && ((dr7 >> (16 + 4 * i) & 3) != 0) == data)
			kept |= (dr7 & (3ull << (2 * i))) | (dr7 & (0xfull << (16 + 4 * i)));
	return kept & 0xffff00ffull ? kept | 0x400 : 0;
}

/*
 * One step first, for an instruction's breakpoint where it stands would be hit at once, with what watches data; then on, with
 * the breakpoints alone, which store nothing in the guest. Time that the VMM takes for itself counts too.
 */
int stepping_to_breakpoint(struct stepping *s, struct refusal *why)
{
	const struct run_request *request = s->request;
	const uint64_t dr[4] = { request->dr0, request->dr1, request->dr2, request->dr3 };
	uint64_t data = dr7_of(request->dr7, 1);
	uint64_t code = dr7_of(request->dr7, 0);
	int more;

	memcpy(s->loop.debug.arch.debugreg, dr, sizeof(dr));
	if (code && !(request->flags & STEP_NOT_THERE)) {
		s->loop.debug.control |= data ? USE_BREAKPOINTS : 0;
		s->loop.debug.arch.debugreg[7] = data;
		if (data & 0xc0)
			s->syscall_entry = 0; /* DR3 watches data meanwhile */
		if (stepping_steps(s, 1, why) < 0)
			return -1;
		if (s->head.reason != STOPPED_DONE)
			return 0;
		if (data && s->head.exit_reason == KVM_EXIT_DEBUG && read_dr6(s, why) < 0)
			return -1;
		/* An instruction breakpoint at the place that the step came to is hit there. */
		s->head.dr6 &= DR6_BREAKPOINTS;
		for (unsigned int i = 0; i < 4; i++)
			if ((code >> (2 * i) & 3) && dr[i] == s->rip)
				s->head.dr6 |= 1ull << i;
		if (s->head.dr6)
			return 0;
	}
	s->head.steps = 0;
	s->wanted = 1;
	s->loop.ends_at_syscall = 0;
	s->loop.debug.control = USE_BREAKPOINTS | (request->flags & STEP_NO_INTERRUPTS && s->head.irqs_blocked ? GUESTDBG_BLOCKIRQ : 0);
	memcpy(s->loop.debug.arch.debugreg, dr, sizeof(dr));
	s->loop.debug.arch.debugreg[7] = request->dr7;
	s->breakpoints = 1;
	s->is_away = 0;
	do {
		uint64_t now = now_ns(CLOCK_MONOTONIC);

		s->progress_ns = now;
		s->wait_ns = s->over_ns > now ? s->over_ns - now : 1;
		more = go_on(s, why);
	} while (more == 1);
	return more < 0 || !s->head.steps ? more : read_dr6(s, why);
}
