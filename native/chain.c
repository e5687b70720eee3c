/*
 * Chains of signal frames.
 *
 *	frames + 0*320   restorer | frame 0 → registers of call 0
 *	frames + 1*320   restorer | frame 1 → registers of call 1
 *	…
 *	frames + n*320   restorer | frame n → the interrupted context
 *
 * The thread starts at `syscall` with rax = rt_sigreturn and rsp at frame 0. Call j runs with rsp at the slot before frame
 * j + 1: its `ret` pops the restorer, which loads frame j + 1. A signal that comes before the first frame is loaded runs its
 * handler below the frames; from then on all signals are blocked until the last frame gives the mask back.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "proc.h"
#include "step.h"
#include "target.h"

#include <linux/audit.h>

#define NR_RT_SIGRETURN 15u
#define RED_ZONE_BYTES 128u
#define SIGNAL_ROOM_BYTES 16384u /* left in the stack's mapping below a chain laid there */

/* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
#define CONTEXT_FLAGS 7u
/* No stack mode the kernel knows: it answers EINVAL, which rt_sigreturn ignores, and the thread keeps its signal stack. */
#define NO_STACK_CHANGE 0x7f

struct element {
	uint64_t restorer;
	struct signal_context context;
	uint64_t padding;
};
_Static_assert(sizeof(struct element) == CHAIN_STRIDE, "the stride of a chain");

void program_add(struct program *program, const char *name, uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	struct call *call = &program->calls[program->count];

	if (program->count == MAX_CALLS - 1)
		return;
	*call = (struct call){ .name = name, .number = number, .arguments = { a, b, c }, .result = -ENOSYS };
	program->count++;
}

void program_ioctl(struct program *program, const char *name, int fd, uint64_t request, uint64_t argument)
{
	program_add(program, name, SYS_ioctl, (uint64_t)(unsigned int)fd, request, argument);
}

static void start_element(const struct target *target, const struct chain_place *place, struct element *e)
{
	memset(e, 0, sizeof(*e));
	e->restorer = target->restorer;
	e->context.flags = CONTEXT_FLAGS;
	e->context.link = CHAIN_MARK;
	e->context.stack_flags = NO_STACK_CHANGE;
	e->context.fpstate = place->fpstate;
	e->context.cs = USER_CS;
	e->context.ss = USER_SS;
}

static void call_element(const struct target *target, const struct chain_place *place, const struct call *call,
			 size_t index, struct element *e)
{
	struct signal_context *c = &e->context;

	start_element(target, place, e);
	c->rax = call->number;
	c->rdi = call->arguments[0];
	c->rsi = call->arguments[1];
	c->rdx = call->arguments[2];
	c->r10 = call->arguments[3];
	c->r8 = call->arguments[4];
	c->r9 = call->arguments[5];
	c->rip = target->gadget;
	c->rsp = place->frames + (index + 1) * CHAIN_STRIDE;
	c->eflags = 0x202;
	c->mask = ~0ull;
}

static void last_element(const struct target *target, const struct chain_place *place, const struct stopped *s,
			 struct element *e)
{
	struct signal_context *c = &e->context;
	struct user_regs_struct r;

	thread_final_registers(s, &r);
	start_element(target, place, e);
	c->r8 = r.r8;
	c->r9 = r.r9;
	c->r10 = r.r10;
	c->r11 = r.r11;
	c->r12 = r.r12;
	c->r13 = r.r13;
	c->r14 = r.r14;
	c->r15 = r.r15;
	c->rdi = r.rdi;
	c->rsi = r.rsi;
	c->rbp = r.rbp;
	c->rbx = r.rbx;
	c->rdx = r.rdx;
	c->rax = r.rax;
	c->rcx = r.rcx;
	c->rsp = r.rsp;
	c->rip = r.rip;
	c->eflags = r.eflags;
	c->cs = (uint16_t)r.cs;
	c->ss = (uint16_t)r.ss;
	c->mask = s->mask;
}

/* Writes frames and FPU state, then the one step that switches the thread over. */
static int start(const struct target *target, pid_t tid, const struct chain_place *place, const struct stopped *s,
		 const struct program *program, struct refusal *why)
{
	static struct element elements[MAX_CALLS + 1];
	struct user_regs_struct regs = s->regs;

	if (!gadget_is_there(target))
		return refuse(why, REASON_TARGET_GONE, 0, NULL, "The process executes another program than when it was attached.");
	for (size_t i = 0; i < program->count; i++)
		call_element(target, place, &program->calls[i], i, &elements[i]);
	last_element(target, place, s, &elements[program->count]);
	if (memory_write(target->pid, place->frames, elements, (program->count + 1) * sizeof(elements[0])) < 0 ||
	    memory_write(target->pid, place->fpstate, s->fpstate, s->fpstate_bytes + 4) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	STEP("chain written");
	regs.rip = target->gadget;
	regs.rax = NR_RT_SIGRETURN;
	regs.orig_rax = (uint64_t)-1; /* keeps the kernel from restarting the interrupted call on these registers */
	regs.rsp = place->frames + offsetof(struct element, context);
	regs.eflags = 0x202;
	if (trace(PTRACE_SETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	STEP("switched to the chain");
	return 0;
}

int chain_place_on_stack(const struct stopped *s, const char *maps, size_t calls, struct chain_place *place,
			 struct refusal *why)
{
	uint64_t top = (s->regs.rsp - RED_ZONE_BYTES) & ~63ull;
	uint64_t frames_bytes = (calls + 1) * CHAIN_STRIDE;
	struct mapping m;

	place->fpstate = top - ((s->fpstate_bytes + 4 + 63) & ~63ull);
	place->frames = (place->fpstate - frames_bytes) & ~63ull;
	while (mapping_next(&maps, &m) == 0)
		if (s->regs.rsp >= m.start && s->regs.rsp < m.end && m.access[1] == 'w' &&
		    place->frames > m.start + SIGNAL_ROOM_BYTES)
			return 0;
	return refuse(why, REASON_NO_MEMORY, 0, NULL, "There is no room for a chain under the thread's stack pointer.");
}

/* What one stop says: notes results, and whether the chain's last rt_sigreturn was entered or has ended. */
static int note_syscall_stop(const struct target *target, pid_t tid, const struct chain_place *place,
			     struct program *program, int *leaving)
{
	struct ptrace_syscall_info info = { 0 };
	uint64_t last = place->frames + program->count * CHAIN_STRIDE + offsetof(struct element, context);

	if (trace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) < 0)
		return 0;
	if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
		if (info.entry.nr == NR_RT_SIGRETURN && info.stack_pointer == last)
			*leaving = 1;
		STEP("chain: system call %u entered", (unsigned int)info.entry.nr);
		return 0;
	}
	if (info.op != PTRACE_SYSCALL_INFO_EXIT)
		return 0;
	for (size_t i = 0; i < program->count; i++)
		if (info.instruction_pointer == target->gadget + 2 &&
		    info.stack_pointer == place->frames + (i + 1) * CHAIN_STRIDE) {
			program->calls[i].result = (long)info.exit.rval;
			program->calls[i].ended = 1;
			STEP("chain: %s ended", program->calls[i].name);
			return 0;
		}
	STEP(*leaving ? "chain ended" : "chain: frame loaded");
	return *leaving;
}

int chain_run_stepped(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *s,
		      struct program *program, struct refusal *why)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + STOP_TIMEOUT_NS;
	int signal_number = 0, leaving = 0, ended = 0, status;

	if (start(target, tid, place, s, program, why) < 0)
		return -1;
	s->touched = 1;
	while (!ended) {
		enum wait_outcome outcome;

		if (trace(PTRACE_SYSCALL, tid, 0, (void *)(uintptr_t)signal_number) < 0)
			return refuse_errno(why, errno, "PTRACE_SYSCALL");
		outcome = thread_wait(tid, &status, deadline);
		if (outcome == WAIT_GONE)
			return refuse(why, REASON_TARGET_GONE, 0, NULL, "The thread ended during the injected calls.");
		if (outcome == WAIT_TIMEOUT)
			return refuse(why, REASON_CHAIN_TIMEOUT, 0, NULL, "The injected calls did not end in two seconds.");
		signal_number = 0;
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			ended = note_syscall_stop(target, tid, place, program, &leaving);
		else if ((unsigned int)status >> 16 == 0 && WSTOPSIG(status) != SIGSYS)
			/* SIGSYS would be a filter's trap for a call of ours: without it the chain just goes on. */
			signal_number = WSTOPSIG(status);
		if (signal_number)
			s->signal_seen = 1;
	}
	return 0;
}

int chain_run_free(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *s,
		   struct program *program, struct refusal *why)
{
	if (start(target, tid, place, s, program, why) < 0)
		return -1;
	s->touched = 1;
	if (trace(PTRACE_DETACH, tid, 0, NULL) < 0)
		return refuse_errno(why, errno, "PTRACE_DETACH");
	STEP("let go in the chain");
	return 0;
}

uint32_t chain_call_verdict(const struct target *target, const struct seccomp_filters *filters, const struct call *call)
{
	struct seccomp_data data = {
		.nr = (int)call->number, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = target->gadget + 2,
	};

	memcpy(data.args, call->arguments, sizeof(data.args));
	return seccomp_verdict(filters, &data);
}

/* rt_sigreturn takes no arguments, but a filter sees the registers: those of the call before it. */
static uint32_t sigreturn_verdict(const struct target *target, const struct seccomp_filters *filters,
				  const struct call *before)
{
	struct seccomp_data data = {
		.nr = (int)NR_RT_SIGRETURN, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = target->restorer_syscall + 2,
	};

	memcpy(data.args, before->arguments, sizeof(data.args));
	return seccomp_verdict(filters, &data);
}

int chain_check_filters(const struct target *target, const struct seccomp_filters *filters,
			const struct program *program, struct refusal *why)
{
	if (filters->unreadable_errno)
		return refuse(why, REASON_SECCOMP_UNREADABLE, filters->unreadable_errno, "PTRACE_SECCOMP_GET_FILTER",
			      "The thread has a seccomp filter that may not be read: CAP_SYS_ADMIN is needed.");
	for (size_t i = 0; i < program->count; i++) {
		uint32_t own = chain_call_verdict(target, filters, &program->calls[i]);
		uint32_t after = sigreturn_verdict(target, filters, &program->calls[i]);
		const char *name = seccomp_allows(own) ? "rt_sigreturn" : program->calls[i].name;
		uint32_t action = seccomp_allows(own) ? after : own;

		if (seccomp_allows(action))
			continue;
		(void)refuse(why, REASON_SECCOMP, 0, name, "The thread's seccomp filter answers %s to %s, so it was not made.",
			     seccomp_action_name(action), name);
		why->seccomp_action = action;
		return -1;
	}
	return 0;
}
