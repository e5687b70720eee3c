/* Where a stopped thread stands, and what would keep a chain from it. */
#include <errno.h>
#include <sys/uio.h>

#include "target.h"

#define NR_IOCTL 16

/* Changing rip inside a restartable sequence would let it go on half done: its abort handler would never run. */
static int in_restartable_sequence(pid_t tid, uint64_t rip)
{
	struct rseq_configuration configuration = { 0 };
	struct {
		uint32_t version, flags;
		uint64_t start, bytes, abort;
	} section;
	uint64_t address;

	if (sys_ptrace(PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(configuration), &configuration) < 0 || !configuration.address)
		return 0;
	if (memory_read(tid, configuration.address + 8, &address, 8) < 0 || !address)
		return 0;
	if (memory_read(tid, address, &section, sizeof(section)) < 0)
		return 0;
	return rip - section.start < section.bytes;
}

/*
 * The kernel gives each system call that is not made from a place named beforehand back to the thread, as SIGSYS; and kills it where
 * that is blocked, as in a chain. A kernel before 6.4 does not tell.
 */
static int takes_its_own_calls(pid_t tid)
{
	struct syscall_dispatch dispatch = { 0 };

	return sys_ptrace(PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, tid, sizeof(dispatch), &dispatch) == 0 && dispatch.mode != 0;
}

/* A chain's frame has our mark in uc_link; rsp points at the frame or at the restorer's address just below it. */
static int in_chain(pid_t tid, const struct user_regs_struct *regs, uint64_t scratch, uint64_t scratch_bytes)
{
	uint64_t words[3];

	if (scratch && regs->rsp - scratch < scratch_bytes)
		return 1;
	if (memory_read(tid, regs->rsp, words, sizeof(words)) < 0)
		return 0;
	return words[1] == CHAIN_MARK || words[2] == CHAIN_MARK;
}

enum stop_state thread_classify(pid_t tid, int vcpu_fd, uint64_t scratch, uint64_t scratch_bytes, struct stopped *s)
{
	const struct user_regs_struct *r = &s->regs;
	uint64_t shadow_stack = 0;
	struct iovec io = { &shadow_stack, sizeof(shadow_stack) };

	if (r->rip == 0 || r->cs != USER_CS)
		return STOP_UNUSABLE;
	if (sys_ptrace(PTRACE_GETREGSET, tid, NT_X86_SHSTK, &io) == 0)
		return STOP_UNUSABLE;
	if (in_chain(tid, r, scratch, scratch_bytes))
		return STOP_NOT_NOW;
	if ((int64_t)r->orig_rax < 0 && in_restartable_sequence(tid, r->rip))
		return STOP_NOT_NOW;
	s->restarts_kvm_run = r->orig_rax == NR_IOCTL && (uint32_t)r->rsi == KVM_RUN && r->rax == (uint64_t)-EINTR;
	s->in_kvm_run = s->restarts_kvm_run && (int)r->rdi == vcpu_fd;
	if (takes_its_own_calls(tid))
		return STOP_DISPATCHED;
	s->signal_seen = thread_signal_waits(tid, s->mask);
	if (s->signal_seen)
		return STOP_NOT_NOW;
	if (s->restarts_kvm_run && !s->in_kvm_run)
		return STOP_OTHER_VCPU;
	return s->in_kvm_run ? STOP_IN_KVM_RUN : STOP_OUTSIDE;
}
