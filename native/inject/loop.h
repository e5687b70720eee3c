/*
 * A chain that runs the guest one instruction at a time and decides by itself, after each, whether it goes on. It lies in
 * scratch memory:
 *
 *	on      KVM_SET_GUEST_DEBUG, single steps
 *	again   kvm_run.exit_reason := a number that KVM does not use
 *	run     KVM_RUN, with the thread's own signal mask: kicks get through, and their handlers run here
 *	reason  its low byte → where the table of 256 bytes is read
 *	table   that entry → byte 1 of the stack pointer in the frame of `branch`
 *	branch  exit_reason → kept for us; then, by that byte: next, exit or kick
 *	next    KVM_GET_REGS → a record; the record says where the next one is, and whether `again` is followed by run or done
 *	exit    another exit, the VMM's: KVM_SET_GUEST_DEBUG off, its own context with KVM_RUN's result 0
 *	kick    a signal, or no exit at all: KVM_SET_GUEST_DEBUG off, its own context with EINTR
 *	done    all steps made: KVM_SET_GUEST_DEBUG off, its own context before KVM_RUN, to be made again
 *
 * The copies are process_vm_readv of the thread from its own process. So whoever dies, the VMM never sees a debug exit, no exit
 * is lost or given twice, and guest debug is off again when the last step has ended.
 */
#ifndef TILESCOPE_LOOP_H
#define TILESCOPE_LOOP_H

#include "target.h"

#define LOOP_STEPS MOST_STEPS_AT_ONCE
#define LOOP_BYTES 0x26000u

struct loop {
	uint64_t base;    /* LOOP_BYTES in the target, page-aligned */
	uint64_t fpstate;
	uint64_t run;     /* kvm_run in the target */
	int vcpu_fd;
	pid_t own_pid;    /* the target's number as it sees itself */
	struct kvm_guest_debug debug; /* what each KVM_RUN ends at: a step, or breakpoints */
	uint32_t steps;
};

enum loop_end { LOOP_DONE, LOOP_EXIT, LOOP_KICK };

/* The calls that it makes, for the filters. */
void loop_calls(const struct loop *loop, struct program *program);
int loop_write(const struct target *target, const struct loop *loop, const struct stopped *stopped, struct refusal *why);
/* Where the thread starts: the address of the first frame's context. */
uint64_t loop_start(const struct loop *loop);
/* 1: the stack pointer of an rt_sigreturn is that of a last frame, and *end says which. */
int loop_leaves(const struct loop *loop, uint64_t stack_pointer, enum loop_end *end);
/* After its end: registers after each step made, in order, and the last exit's reason. */
int loop_read(const struct target *target, const struct loop *loop, struct kvm_regs *regs, uint32_t *steps, uint32_t *exit_reason,
	      struct refusal *why);

#endif
