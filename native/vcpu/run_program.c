/* Programs of calls in a stopped thread, and what its seccomp filters say to them beforehand. */
#include <errno.h>

#include "kill_point.h"
#include "proc.h"
#include "room.h"
#include "session.h"

int vcpu_is_suspended(const struct vcpu *vcpu)
{
	return (vcpu->flags & ATTACH_SUSPEND_SECCOMP) != 0;
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

/* Out of time means that the thread is not stopped: it goes on, through the chain where that has begun, and we wait for it to show up. */
static int note_late(struct vcpu *vcpu, const struct refusal *why, int begun)
{
	if (why->reason == REASON_CHAIN_TIMEOUT) {
		vcpu_is_late(vcpu);
		vcpu->unfinished |= begun;
	}
	return -1;
}

int vcpu_run(struct vcpu *vcpu, struct program *program, struct refusal *why)
{
	struct chain_place place = vcpu_place(vcpu);

	if (vcpu_check_filters(vcpu, program, why) < 0)
		return -1;
	return run_at(vcpu, &place, program, SWITCH_BY_REGISTERS, why) < 0 ? note_late(vcpu, why, 1) : 0;
}

int vcpu_run_in_room(struct vcpu *vcpu, const char *maps, struct program *program, struct refusal *why)
{
	static struct room room;
	uint32_t entry;

	if (vcpu_check_filters(vcpu, program, why) < 0 ||
	    room_find(&target, maps, vcpu->ref.vcpu_index, vcpu->fd, &room, why) < 0)
		return -1;
	if (thread_to_entry(vcpu->tid, &vcpu->stop, why) < 0)
		return note_late(vcpu, why, 0);
	entry = chain_entry_verdict(&target, &vcpu->filters, &vcpu->stop);
	if (!seccomp_allows(entry))
		return refuse(why, REASON_SECCOMP, 0, "rt_sigreturn", "The thread's seccomp filter answers %s to rt_sigreturn.",
			      seccomp_action_name(entry));
	if (room_take(&target, &vcpu->stop, &room, why) < 0)
		return -1;
	if (run_at(vcpu, &room.place, program, SWITCH_AT_ENTRY, why) < 0)
		return note_late(vcpu, why, 1);
	room_give_back(&target, &room);
	KILL_POINT("room given back");
	return 0;
}
