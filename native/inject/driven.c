/*
 * Calls made one by one, with their results. Two frames in the target's memory:
 *
 *	frames + 0*320   restorer | all signals blocked, on to the restorer with the stack at frame 1
 *	frames + 1*320   restorer | the interrupted context
 *
 * The thread loads frame 0 and is then stopped where it enters the rt_sigreturn that loads frame 1. Each call takes its place
 * there, in registers alone, and returns to the restorer: when it has ended, the thread enters the rt_sigreturn of frame 1 again,
 * and if this helper dies, that restores its own context. No other thread can change what is called, and a system call that
 * is not the planned one is not let through.
 */
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "chain.h"
#include "kill_point.h"

enum stage {
	STAGE_TO_FRAME_0, /* switched over; rt_sigreturn of frame 0 not yet entered */
	STAGE_IN_FRAME_0,
	STAGE_TO_GATE,    /* on its way to the rt_sigreturn of frame 1 */
	STAGE_IN_CALL,
	STAGE_LEAVING,
	STAGE_ENDED,
};

struct drive {
	const struct target *target;
	pid_t tid;
	const struct chain_place *place;
	struct stopped *stopped;
	struct program *program;
	struct user_regs_struct own; /* what the last frame holds: a signal that comes later changes what is right then */
	size_t next; /* call */
	enum stage stage;
};

static uint64_t frame_address(const struct drive *d, size_t index)
{
	return d->place->frames + index * CHAIN_STRIDE + offsetof(struct srop_frame, context);
}

static int write_frames(struct drive *d, struct refusal *why)
{
	struct srop_frame frames[2];

	chain_start_frame(d->target, d->place, &frames[0]);
	frames[0].context.rip = d->target->restorer;
	frames[0].context.rsp = frame_address(d, 1);
	frames[0].context.eflags = 0x202;
	frames[0].context.mask = ~0ull;
	thread_final_registers(d->stopped, &d->own);
	chain_last_frame(d->target, d->place, d->stopped, &frames[1]);
	if (memory_write(d->target->pid, d->place->fpstate, d->stopped->fpstate, d->stopped->fpstate_bytes + 4) < 0 ||
	    memory_write(d->target->pid, d->place->frames, frames, sizeof(frames)) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	KILL_POINT("chain written");
	return 0;
}

/* One PTRACE_SETREGS takes the thread from its own context to the frames. */
static int switch_over(struct drive *d, enum chain_switch how, struct refusal *why)
{
	struct user_regs_struct regs;

	if (sys_ptrace(PTRACE_GETREGS, d->tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_GETREGS");
	if (how == SWITCH_AT_ENTRY) {
		/* At the entry of its own call another one takes its place. */
		regs.orig_rax = SYS_rt_sigreturn;
		d->stage = STAGE_IN_FRAME_0;
	} else {
		regs.rip = d->target->gadget;
		regs.rax = SYS_rt_sigreturn;
		regs.orig_rax = (uint64_t)-1; /* keeps the kernel from restarting the interrupted call on these registers */
		regs.eflags = 0x202;
	}
	regs.rsp = frame_address(d, 0);
	if (sys_ptrace(PTRACE_SETREGS, d->tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	d->stopped->touched = 1;
	KILL_POINT("switched to the chain");
	return 0;
}

/* Seccomp is suspended for one call at a time, whose number and arguments are in registers, and resumed when it ends. */
static int suspend_filter(const struct drive *d, int suspended, struct refusal *why)
{
	uintptr_t options = PTRACE_O_TRACESYSGOOD | (suspended ? PTRACE_O_SUSPEND_SECCOMP : 0u);

	return sys_ptrace(PTRACE_SETOPTIONS, d->tid, 0, (void *)options) < 0 ? refuse_errno(why, errno, "PTRACE_SETOPTIONS") : 0;
}

/* At the gate: the next call in place of rt_sigreturn, or no more. */
static int pass_gate(struct drive *d, struct refusal *why)
{
	const struct call *call = &d->program->calls[d->next];
	struct user_regs_struct regs;

	if (d->next == d->program->count) {
		d->stage = STAGE_LEAVING;
		KILL_POINT("chain: leaving");
		return 0;
	}
	KILL_POINT("chain: before %s", call->name);
	if (sys_ptrace(PTRACE_GETREGS, d->tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_GETREGS");
	regs.orig_rax = call->number;
	regs.rdi = call->arguments[0];
	regs.rsi = call->arguments[1];
	regs.rdx = call->arguments[2];
	regs.r10 = call->arguments[3];
	regs.r8 = call->arguments[4];
	regs.r9 = call->arguments[5];
	regs.rip = d->target->restorer;
	if (call->forbidden && suspend_filter(d, 1, why) < 0)
		return -1;
	if (sys_ptrace(PTRACE_SETREGS, d->tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	d->stage = STAGE_IN_CALL;
	KILL_POINT(call->forbidden ? "chain: %s at its entry, which only we keep from the filter" : "chain: %s at its entry", call->name);
	return 0;
}

/* Restores the thread's context over ptrace (registers, FPU state, signal mask) in place of the call that would have been made. */
static int restore_by_ptrace(struct drive *d, struct refusal *why)
{
	struct iovec io = { d->stopped->fpstate, d->stopped->regset_bytes };
	struct user_regs_struct own;

	thread_final_registers(d->stopped, &own);
	if (sys_ptrace(PTRACE_SETREGSET, d->tid, NT_X86_XSTATE, &io) < 0 || sys_ptrace(PTRACE_SETSIGMASK, d->tid, 8, &d->stopped->mask) < 0 ||
	    sys_ptrace(PTRACE_SETREGS, d->tid, 0, &own) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	KILL_POINT("context restored by ptrace");
	return refuse(why, REASON_CHAIN_CHANGED, 0, NULL,
		      "Another thread of the VMM changed the injected calls; what it put in their place was not made.");
}

static int is_planned_entry(const struct drive *d, const struct ptrace_syscall_info *info)
{
	uint64_t frame = frame_address(d, d->stage == STAGE_TO_FRAME_0 ? 0 : 1);

	return info->entry.nr == SYS_rt_sigreturn && info->stack_pointer == frame &&
	       (d->stage == STAGE_TO_FRAME_0 || d->stage == STAGE_TO_GATE);
}

static int is_own_context(const struct drive *d)
{
	struct user_regs_struct now, own = d->own;

	if (sys_ptrace(PTRACE_GETREGS, d->tid, 0, &now) < 0)
		return 1; /* the next call will say what is wrong */
	own.orig_rax = now.orig_rax;
	own.eflags = now.eflags;
	return memcmp(&now, &own, sizeof(now)) == 0;
}

/* At a system call stop: what comes next. */
static int advance(struct drive *d, struct refusal *why)
{
	struct ptrace_syscall_info info = { 0 };

	if (sys_ptrace(PTRACE_GET_SYSCALL_INFO, d->tid, sizeof(info), &info) < 0)
		return refuse_errno(why, errno, "PTRACE_GET_SYSCALL_INFO");
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		if (!is_planned_entry(d, &info)) /* before frame 0: of a signal handler, which returns */
			return d->stage == STAGE_TO_FRAME_0 ? 0 : restore_by_ptrace(d, why);
		if (d->stage == STAGE_TO_GATE)
			return pass_gate(d, why);
		d->stage = STAGE_IN_FRAME_0;
		KILL_POINT("chain: frame entered");
		return 0;
	}
	if (info.op != PTRACE_SYSCALL_INFO_EXIT)
		return 0;
	/* Switched over by registers, the call it was held at ends first, as if it had never been. */
	if (d->stage == STAGE_TO_FRAME_0)
		return 0;
	if (d->stage == STAGE_IN_CALL) {
		struct call *call = &d->program->calls[d->next++];

		call->result = (long)info.exit.rval;
		call->ended = 1;
		KILL_POINT("chain: %s ended", call->name);
		if (call->forbidden && suspend_filter(d, 0, why) < 0)
			return -1;
	}
	if (d->stage == STAGE_LEAVING) {
		if (!is_own_context(d))
			return restore_by_ptrace(d, why);
		d->stage = STAGE_ENDED;
		KILL_POINT("chain ended");
		return 0;
	}
	d->stage = STAGE_TO_GATE;
	return 0;
}

int chain_run_driven(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *stopped,
		     struct program *program, enum chain_switch how, struct refusal *why)
{
	struct drive d = { .target = target, .tid = tid, .place = place, .stopped = stopped, .program = program };
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS;
	int signal_number = 0, status;

	if (program_check(program, why) < 0)
		return -1;
	if (!gadget_is_there(target))
		return refuse(why, REASON_TARGET_GONE, 0, NULL, "The process executes another program than when it was attached.");
	if (write_frames(&d, why) < 0 || switch_over(&d, how, why) < 0)
		return -1;
	while (d.stage != STAGE_ENDED) {
		enum wait_outcome outcome;

		if (sys_ptrace(PTRACE_SYSCALL, tid, 0, (void *)(uintptr_t)signal_number) < 0)
			return refuse_errno(why, errno, "PTRACE_SYSCALL");
		outcome = thread_wait(tid, &status, deadline);
		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended during the injected calls.");
		if (outcome == WAIT_TIMEOUT)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The injected calls did not end in two seconds.");
		signal_number = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			if (advance(&d, why) < 0)
				return -1;
		} else if ((unsigned int)status >> 16 == 0 && WSTOPSIG(status) != SIGSYS) {
			/* SIGSYS would be a filter's trap for a call of ours: without it the chain just goes on. */
			signal_number = WSTOPSIG(status);
			stopped->signal_seen = 1;
		}
	}
	return 0;
}
