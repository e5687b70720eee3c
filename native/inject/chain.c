/*
 * Chains of signal frames (sigreturn-oriented programming, SROP).
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

#include "chain.h"
#include "kill_point.h"

#include <linux/audit.h>

#define NR_RT_SIGRETURN 15u

/* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
#define CONTEXT_FLAGS 7u
/* No stack mode the kernel knows: it answers EINVAL, which rt_sigreturn ignores, and the thread keeps its signal stack. */
#define NO_STACK_CHANGE 0x7f

#define SYSCALL_ROW(call, ...) [CALL_##call] = { #call, SYS_##call, 0 },
#define IOCTL_ROW(call, ...) [CALL_##call] = { #call, SYS_ioctl, call },
const struct injected_row injected_calls[INJECTED_COUNT] = { INJECTED_CALLS(SYSCALL_ROW, IOCTL_ROW) };

int program_add(struct program *program, enum injected call, uint64_t a, uint64_t b, uint64_t c)
{
	if (program->count == MAX_CALLS) {
		program->lost++;
		return -1;
	}
	program->calls[program->count] = (struct call){
		.name = injected_calls[call].name, .number = injected_calls[call].number, .arguments = { a, b, c }, .result = -ENOSYS,
	};
	return (int)program->count++;
}

int program_check(const struct program *program, struct refusal *why)
{
	if (!program->lost)
		return 0;
	return refuse(why, REASON_NO_MEMORY, 0, NULL, "%u calls are more than a chain has room for.",
		      (unsigned int)program->count + program->lost);
}

int program_ioctl(struct program *program, enum injected call, int fd, uint64_t argument)
{
	return program_add(program, call, (uint64_t)(unsigned int)fd, injected_calls[call].request, argument);
}

void chain_start_frame(const struct target *target, const struct chain_place *place, struct srop_frame *e)
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

static void call_frame(const struct target *target, const struct chain_place *place, const struct call *call,
			 size_t index, struct srop_frame *e)
{
	struct ucontext *c = &e->context;

	chain_start_frame(target, place, e);
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

void chain_last_frame(const struct target *target, const struct chain_place *place, const struct stopped *s,
			struct srop_frame *e)
{
	struct ucontext *c = &e->context;
	struct user_regs_struct r;

	thread_final_registers(s, &r);
	chain_start_frame(target, place, e);
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

/* Writes the frames and the FPU state, then switches the thread over with one PTRACE_SETREGS. */
static int start(const struct target *target, pid_t tid, const struct chain_place *place, const struct stopped *s,
		 const struct program *program, struct refusal *why)
{
	static struct srop_frame frames[MAX_CALLS + 1];
	struct user_regs_struct regs = s->regs;

	if (program_check(program, why) < 0)
		return -1;
	if (!gadget_is_there(target))
		return refuse(why, REASON_TARGET_GONE, 0, NULL, "The process executes another program than when it was attached.");
	for (size_t i = 0; i < program->count; i++)
		call_frame(target, place, &program->calls[i], i, &frames[i]);
	chain_last_frame(target, place, s, &frames[program->count]);
	if (memory_write(target->pid, place->frames, frames, (program->count + 1) * sizeof(frames[0])) < 0 ||
	    memory_write(target->pid, place->fpstate, s->fpstate, s->fpstate_bytes + 4) < 0)
		return refuse_errno(why, errno, "process_vm_writev");
	KILL_POINT("chain written");
	regs.rip = target->gadget;
	regs.rax = NR_RT_SIGRETURN;
	regs.orig_rax = (uint64_t)-1; /* keeps the kernel from restarting the interrupted call on these registers */
	regs.rsp = place->frames + offsetof(struct srop_frame, context);
	regs.eflags = 0x202;
	if (sys_ptrace(PTRACE_SETREGS, tid, 0, &regs) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	KILL_POINT("switched to the chain");
	return 0;
}

int chain_run_free(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *s,
		   struct program *program, struct refusal *why)
{
	if (start(target, tid, place, s, program, why) < 0)
		return -1;
	s->touched = 1;
	if (sys_ptrace(PTRACE_DETACH, tid, 0, NULL) < 0)
		return refuse_errno(why, errno, "PTRACE_DETACH");
	KILL_POINT("let go in the chain");
	return 0;
}

uint32_t chain_call_verdict(const struct target *target, const struct seccomp_filters *filters, const struct call *call)
{
	struct seccomp_data data = {
		.nr = (int)call->number, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = target->gadget + 2,
	};

	uint32_t free_run, driven;

	memcpy(data.args, call->arguments, sizeof(data.args));
	/* The two ways to run it have different addresses. */
	free_run = seccomp_verdict(filters, &data);
	data.instruction_pointer = target->restorer;
	driven = seccomp_verdict(filters, &data);
	return seccomp_allows(free_run) ? driven : free_run;
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

uint32_t chain_entry_verdict(const struct target *target, const struct seccomp_filters *filters, const struct stopped *s)
{
	const struct user_regs_struct *r = &s->regs;
	struct seccomp_data data = {
		.nr = (int)NR_RT_SIGRETURN, .arch = AUDIT_ARCH_X86_64, .instruction_pointer = r->rip,
		.args = { r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9 },
	};
	struct call none = { 0 };
	uint32_t entry = seccomp_verdict(filters, &data);

	return seccomp_allows(entry) ? sigreturn_verdict(target, filters, &none) : entry;
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
