/*
 * A chain that runs the guest one instruction at a time and decides by itself, after each, whether it goes on. What single steps
 * need that is not in the guest's state is TF in RFLAGS: KVM sets it, and hides it. It lies in scratch memory:
 *
 *	alarm   rt_sigaction, timer_create, timer_settime: a signal that this process ignores gets a handler that returns at once, and a
 *	        timer sends it to this thread each LOOP_ALARM_NS. So no KVM_RUN of the chain lasts longer, whoever lives. Interrupts are
 *	        blocked only where that timer is there.
 *	on      KVM_SET_GUEST_DEBUG, single steps
 *	run     KVM_RUN, with the thread's own signal mask, the timer's signal open: kicks get through, and their handlers run here
 *	reason  the low byte of exit_reason → where the table of 256 bytes is read
 *	table   that entry → byte 1 of the stack pointer in the frame of `regs`; the low byte of DR6 → what follows `again_on`, and `last`
 *	regs    KVM_GET_REGS; then, by that byte: next, exit or kick
 *	next    what else is kept: KVM_GET_XSAVE2, KVM_GET_SREGS, KVM_GET_XCRS, KVM_GET_MSRS
 *	scatter, lookups, again
 *	        a condition (protocol_run.h): bytes of the state → tables; the last entry → which `stepped` follows
 *	stepped the state → a record; where the next one is; exit_reason := a number that KVM does not use; then `after` or last
 *	after   with code that is known (protocol_run.h): RIP → whether the next instruction may be stepped → what follows `again_on`
 *	again_on
 *		KVM_SET_GUEST_DEBUG again, for a POPF or IRET has taken TF away; then run, done or stored
 *	last    done or stored
 *	stored  at the entry of a SYSCALL, which has stored RFLAGS in R11: its TF cleared, KVM_SET_REGS; then done. The same with RFLAGS
 *	        at the end of a step that is finished: its fault's frame had stored TF, and IRET has brought it back.
 *	exit    another exit, the VMM's: KVM_SET_GUEST_DEBUG off, held, its own context with KVM_RUN's result 0
 *	kick    a signal, or no exit at all: KVM_SET_GUEST_DEBUG off, held, its own context with EINTR
 *	done    all steps made: the same
 *	at each of these ends, after KVM_SET_GUEST_DEBUG: timer_delete, rt_sigaction
 *
 * From `run` to `stored` machine code does the same where the target may have some (step_code.h): a frame that rt_sigreturn loads costs
 * as much as a short system call, and process_vm_readv more. `run` then leads there, and `reason` back, to done, exit or kick.
 *
 * The copies are process_vm_readv of the thread from its own process. So whoever dies, the VMM never sees a debug exit, no exit
 * is lost or given twice, and guest debug is off again when the last step has ended. The helper stops it at nothing meanwhile: `held` is a wait
 * of LOOP_HOLD_NS, in which a helper that lives takes the thread over, and after which the thread goes on without it.
 */
#ifndef TILESCOPE_LOOP_H
#define TILESCOPE_LOOP_H

#include "target.h"

#define LOOP_STEPS MOST_STEPS_AT_ONCE
#define LOOP_RECORDS_BYTES 0xe0000u /* of all records of one chain */
#define LOOP_BYTES 0x154000u
#define LOOP_HOLD_NS 200000000u
#define LOOP_ALARM_NS 100000000u
#define GUESTDBG_BLOCKIRQ 0x00100000u /* KVM_GUESTDBG_BLOCKIRQ, Linux 5.16 */
#define DEBUG_DR6_OFFSET 48u /* kvm_run.debug.arch.dr6 */
#define TRAP_FLAG 0x100u     /* RFLAGS.TF */

struct loop {
	uint64_t base;    /* LOOP_BYTES in the target, page-aligned */
	uint64_t fpstate;
	uint64_t run;     /* kvm_run in the target */
	int vcpu_fd;
	pid_t own_pid, own_tid; /* the target's numbers as it sees itself */
	int alarm_signal; /* ignored by default, and not caught by the target; 0: nothing but the guest ends KVM_RUN */
	struct kvm_guest_debug debug; /* what each KVM_RUN ends at: a step, or breakpoints */
	uint32_t steps;
	int keep_last; /* each record takes the place of the one before */
	uint32_t record_bytes;
	uint64_t get_image; /* KVM_GET_XSAVE2 or KVM_GET_XSAVE; 0: general registers alone are kept */
	uint32_t msrs[LISTED_MSRS], msr_count; /* those that the guest has */
	const struct step_lookup *lookups;
	uint32_t lookup_count;
	const struct step_code *code; /* NULL: every instruction is stepped */
	int ends_at_syscall; /* DR3 breaks at the entry of SYSCALL */
	int finishes;        /* a step that a fault has led away: what ends it is the TF that its frame has stored */
	uint64_t machine_code; /* step_code.h, laid out in the target; 0: a chain of frames does it all */
	int may_sync;          /* KVM_CAP_SYNC_REGS: kvm_run brings the registers with the exit, where the VMM has no such use of it */
	uint64_t rip;          /* where the first step begins */
};

#define SYSCALL_DR6 (1u << 3) /* DR3 has been hit */

enum loop_end { LOOP_RUNS, LOOP_DONE, LOOP_EXIT, LOOP_KICK };

/* 1: the filters allow the calls of the machine code from where it lies. */
int loop_code_allowed(const struct loop *loop, const struct seccomp_filters *filters);
/* The calls that it makes, for the filters. */
void loop_calls(const struct loop *loop, struct program *program);
void loop_alarm_calls(const struct loop *loop, struct program *program);
/* Those that read a record into loop_now(), to be made once. */
void loop_record_calls(const struct loop *loop, struct program *program);
uint64_t loop_now(const struct loop *loop);
int loop_write(const struct target *target, const struct loop *loop, const struct stopped *stopped, struct refusal *why);
/* Where the thread starts: the address of the first frame's context. */
uint64_t loop_start(const struct loop *loop);
/* While it runs: has it ended, and how many steps has it made? */
int loop_look(const struct target *target, const struct loop *loop, enum loop_end *end, uint32_t *made, struct refusal *why);
/* Has the chain end with the step after the next one. */
int loop_shorten(const struct target *target, const struct loop *loop, struct refusal *why);
/* The frame that gives the thread its own context back, after this end. */
uint64_t loop_leave(const struct loop *loop, enum loop_end end);
/* 1: the thread stands in the chain. */
int loop_holds(const struct loop *loop, uint64_t stack_pointer);
/* Once the chain has ended: a record for each step, in order, the last exit's reason, and what KVM_SET_GUEST_DEBUG was last given. */
struct loop_made {
	uint32_t steps, exit_reason, control;
};
int loop_read(const struct target *target, const struct loop *loop, uint8_t *records, struct loop_made *made, struct refusal *why);
/* 1: the instruction there may be stepped. */
int loop_may_step(const struct loop *loop, uint64_t rip);
/* 1: the condition holds in this record. */
int loop_condition(const struct step_lookup *lookups, uint32_t count, const uint8_t *record);

#endif
