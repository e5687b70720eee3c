/* MSG_STEP: the guest goes on by single instructions, or to a breakpoint, and the vCPU stays frozen then. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "proc.h"
#include "room.h"
#include "session.h"
#include "kill_point.h"
#include "stepping.h"

#define KVM_CAP_SET_GUEST_DEBUG2_NUMBER 195u
#define GUESTDBG_BLOCKIRQ 0x00100000u
#define GUESTDBG_STEP (KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP)
#define STEP_TIMEOUT_NS 1500000000ull
#define MOST_WAIT_MS 2000u
#define MOST_DETOURS 1000u /* of the VMM, for exits and kicks, in one request */
#define MOST_TIME_NS 800000000ull /* then the request is answered, however many steps are made */

static uint8_t records[LOOP_RECORDS_BYTES];

static uint8_t *record_of(const struct stepping *s, uint32_t number)
{
	return records + (s->loop.keep_last ? 0 : (size_t)number * s->loop.record_bytes);
}

static uint64_t rip_of(const uint8_t *record)
{
	struct kvm_regs regs;

	memcpy(&regs, record + RECORD_REGS, sizeof(regs));
	return regs.rip;
}

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

/* KVM_GET_MSRS stops at the first that the guest has not: so each is asked for alone, once. */
static int learn_msrs(struct vcpu *vcpu, struct refusal *why)
{
	static const uint32_t all[LOOP_MSRS] = { 0x1c4, 0x1c5, 0xda0, 0x6a0, 0x6a2, 0x6a4, 0x6a5, 0x6a6, 0x6a7, 0x6a8 };
	struct program p = { 0 };
	uint64_t place = vcpu->scratch + SCRATCH_MSRS;

	if (vcpu->msrs_learnt)
		return 0;
	for (size_t i = 0; i < LOOP_MSRS; i++) {
		struct {
			struct kvm_msrs head;
			struct kvm_msr_entry entry;
		} one = { .head = { .nmsrs = 1 }, .entry = { .index = all[i] } };

		if (memory_write(target.pid, place + i * SCRATCH_MSR_STRIDE, &one, sizeof(one)) < 0)
			return refuse_errno(why, errno, "process_vm_writev");
		(void)program_ioctl(&p, "KVM_GET_MSRS", vcpu->fd, KVM_GET_MSRS, place + i * SCRATCH_MSR_STRIDE);
	}
	if (vcpu_run(vcpu, &p, why) < 0)
		return -1;
	for (size_t i = 0; i < LOOP_MSRS; i++)
		if (p.calls[i].result == 1)
			vcpu->msrs[vcpu->msr_count++] = all[i];
	vcpu->msrs_learnt = 1;
	return 0;
}

/* Here the filter stands between a killed helper's chain and its end: what it forbids is not begun, suspended or not. */
static int prepare(struct stepping *s, const struct step_request *request, struct refusal *why)
{
	char *maps = proc_text("/proc/%d/maps", target.pid);
	struct vcpu *vcpu = s->vcpu;
	struct program calls = { 0 };
	struct room room;
	int found;

	if (!maps)
		return refuse(why, REASON_TARGET_GONE, errno, NULL, "The mappings of process %d cannot be read.", target.pid);
	found = room_find(&target, maps, vcpu->ref.vcpu_index, vcpu->fd, &room, why);
	free(maps);
	if (found < 0)
		return -1;
	s->head.irqs_blocked = (uint32_t)can_block_interrupts(vcpu);
	s->loop = (struct loop){
		.base = vcpu->scratch + SCRATCH_LOOP, .fpstate = vcpu->scratch + SCRATCH_FPSTATE, .run = room.run,
		.vcpu_fd = vcpu->fd, .own_pid = own_number(), .record_bytes = RECORD_SREGS,
		.keep_last = (request->flags & STEP_KEEP_LAST) != 0,
		.lookups = (const struct step_lookup *)(const void *)(request + 1), .lookup_count = request->lookup_count,
	};
	if (request->flags & STEP_KEEP_STATE) {
		if (learn_msrs(vcpu, why) < 0)
			return -1;
		s->loop.get_image = vcpu->get_image ? vcpu->get_image : KVM_GET_XSAVE2;
		s->loop.record_bytes = RECORD_IMAGE + vcpu->image_bytes;
		s->loop.msr_count = vcpu->msr_count;
		memcpy(s->loop.msrs, vcpu->msrs, sizeof(vcpu->msrs));
	}
	for (uint32_t i = 0; i < request->lookup_count; i++)
		if (s->loop.lookups[i].offset >= s->loop.record_bytes)
			return refuse(why, REASON_BAD_FRAME, 0, NULL, "A record has %u bytes, and byte %u is looked up.",
				      s->loop.record_bytes, s->loop.lookups[i].offset);
	s->most = LOOP_RECORDS_BYTES / s->loop.record_bytes;
	if (s->loop.keep_last || s->most > LOOP_STEPS)
		s->most = LOOP_STEPS;
	s->loop.debug.control = GUESTDBG_STEP | (s->head.irqs_blocked ? GUESTDBG_BLOCKIRQ : 0);
	loop_calls(&s->loop, &calls);
	return chain_check_filters(&target, &vcpu->filters, &calls, why);
}

/* The state as it stands, outside the chain. */
static int read_record(struct stepping *s, uint8_t *record, struct refusal *why)
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

	if (read_record(s, record, why) < 0)
		return -1;
	if (rip_of(record) == s->rip || s->breakpoints)
		return 0;
	s->rip = rip_of(record);
	s->head.steps++;
	s->head.holds = (uint32_t)loop_condition(s->loop.lookups, s->loop.lookup_count, record);
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
	KILL_POINT("steps laid out");
	if (stepping_run(s, &end, why) < 0)
		return -1;
	/* The VMM has an exit, or its own EINTR, to see: its registers are as they must be, whatever comes now. */
	if (end == LOOP_EXIT || (end == LOOP_KICK && stop->signal_seen))
		stop->touched = stop->restarts_kvm_run = 0;
	if (loop_read(&target, &s->loop, record_of(s, s->head.steps), &made, &s->head.exit_reason, why) < 0)
		return -1;
	s->head.steps += made;
	if (made) {
		s->rip = rip_of(record_of(s, s->head.steps - 1));
		s->head.holds = (uint32_t)loop_condition(s->loop.lookups, s->loop.lookup_count, record_of(s, s->head.steps - 1));
	}
	if (end == LOOP_DONE || (end == LOOP_KICK && !stop->signal_seen && s->interrupted)) {
		stop->in_kvm_run = 1;
		s->head.ended = end == LOOP_DONE ? STEP_DONE : STEP_HALTED;
		return 0;
	}
	/* What the VMM has to do it does, and comes back to KVM_RUN. */
	s->head.detours++;
	if (thread_follow(s->vcpu->tid, s->vcpu->fd, stop, why) < 0 || (end == LOOP_EXIT && count_ended_by_exit(s, why) < 0))
		return -1;
	if (s->head.steps == s->wanted || s->head.holds) {
		s->head.ended = STEP_DONE;
		return 0;
	}
	if (!s->interrupted && s->head.detours < MOST_DETOURS && now_ns(CLOCK_MONOTONIC) < s->over_ns)
		return 1;
	s->head.ended = s->interrupted || s->breakpoints ? STEP_HALTED : s->head.steps ? STEP_DONE : STEP_BUSY;
	return 0;
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
#define DR6_BREAKPOINTS 0xfu

static int make_steps(struct stepping *s, uint32_t count, struct refusal *why)
{
	int more;

	s->wanted = count < s->most ? count : s->most;
	do
		more = go_on(s, why);
	while (more == 1);
	return more;
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
 * the breakpoints alone. Time that the VMM takes for itself counts too.
 */
static int run_to_breakpoint(struct stepping *s, const struct step_request *request, struct refusal *why)
{
	const uint64_t dr[4] = { request->dr0, request->dr1, request->dr2, request->dr3 };
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + (uint64_t)request->wait_ms * 1000000u, data = dr7_of(request->dr7, 1);
	uint64_t code = dr7_of(request->dr7, 0);
	int more;

	memcpy(s->loop.debug.arch.debugreg, dr, sizeof(dr));
	if (code) {
		s->loop.debug.control |= data ? USE_BREAKPOINTS : 0;
		s->loop.debug.arch.debugreg[7] = data;
		if (make_steps(s, 1, why) < 0)
			return -1;
		if (s->head.ended != STEP_DONE)
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
	s->loop.debug.control = USE_BREAKPOINTS;
	s->loop.debug.arch.debugreg[7] = request->dr7;
	s->breakpoints = 1;
	do {
		uint64_t now = now_ns(CLOCK_MONOTONIC);

		s->wait_ns = deadline > now ? deadline - now : 1;
		more = go_on(s, why);
	} while (more == 1);
	return more < 0 || !s->head.steps ? more : read_dr6(s, why);
}

static int check(const struct step_request *request, struct refusal *why)
{
	if (request->wait_ms > MOST_WAIT_MS)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "At most %u ms are waited at once, not %u.", MOST_WAIT_MS, request->wait_ms);
	if (request->count == 0 || request->count > LOOP_STEPS)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "From 1 to %u steps at once, not %u.", LOOP_STEPS, request->count);
	if (request->flags & ~(STEP_KEEP_STATE | STEP_KEEP_LAST))
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "Flags %#x are not known.", request->flags);
	if (request->dr7 && request->lookup_count)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "A condition is looked up after steps, not with breakpoints.");
	return 0;
}

int step(struct vcpu *vcpu, const struct step_request *request, struct reply *reply, struct refusal *why)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	struct stepping s = {
		.vcpu = vcpu, .wait_ns = STEP_TIMEOUT_NS, .over_ns = now + (request->dr7 ? 0 : MOST_TIME_NS) + request->wait_ms * 1000000ull,
	};

	if (check(request, why) < 0 || begin(vcpu, why) < 0)
		return -1;
	if (prepare(&s, request, why) < 0 || loop_write(&target, &s.loop, &vcpu->stop, why) < 0 || read_record(&s, records, why) < 0) {
		vcpu_release(vcpu);
		return -1;
	}
	s.rip = rip_of(records);
	if ((request->dr7 ? run_to_breakpoint(&s, request, why) : make_steps(&s, request->count, why)) < 0)
		return give_up(vcpu, why);
	if (thread_prepare(vcpu->tid, &vcpu->stop) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	vcpu->frozen = 1;
	KILL_POINT("frozen");
	s.head.in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	s.head.pause_ns = now_ns(CLOCK_MONOTONIC) - vcpu->stop.interrupted_ns;
	s.head.record_bytes = s.loop.record_bytes;
	s.head.record_count = s.loop.keep_last && s.head.steps ? 1 : s.head.steps;
	(void)reply_add(reply, &s.head, sizeof(s.head));
	(void)reply_add(reply, records, (size_t)s.head.record_count * s.loop.record_bytes);
	return 0;
}
