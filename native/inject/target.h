/*
 * A thread of another process, stopped for a moment, and the calls it makes for us.
 *
 * The rule everything here keeps: at every instant, if this helper dies, the thread ends in its own context by itself.
 * So its way back lies in the target's memory before it leaves its own context, which one PTRACE_SETREGS does: a signal frame
 * that rt_sigreturn loads restores what was interrupted. Calls whose results are wanted are made at the entry of that rt_sigreturn,
 * one by one (driven.c); others lie before it as frames of their own, and the thread makes them by itself (chain.c).
 */
#ifndef TILESCOPE_TARGET_H
#define TILESCOPE_TARGET_H

#include <time.h>

#include "calls.h"
#include "frame.h"
#include "kernel.h"
#include "seccomp.h"

#define STOP_TIMEOUT_NS 2000000000ull
#define MAX_FPSTATE_BYTES 0x4000u
#define MAX_CALLS 48

struct target {
	pid_t pid;
	uint64_t start_time_ticks;
	int pidfd;
	uint64_t gadget;           /* syscall; ret */
	uint64_t restorer;         /* mov $15, %rax; syscall */
	uint64_t restorer_syscall; /* the syscall instruction in it */
	int same_clock;            /* its CLOCK_MONOTONIC is ours: one time namespace */
};

/* A stopped thread and the context it must get back. */
struct stopped {
	struct user_regs_struct regs; /* as they were when it was interrupted */
	uint64_t mask;                /* of blocked signals */
	int in_kvm_run;               /* it stood in KVM_RUN of the vCPU asked for, which had not yet returned */
	int restarts_kvm_run;         /* it stood in KVM_RUN of any vCPU */
	int signal_seen;              /* a signal waits or came: an interrupted call must be seen to return EINTR */
	int touched;                  /* a chain has run: the kernel's own restart of the call is no longer possible */
	uint64_t interrupted_ns;      /* CLOCK_MONOTONIC just before PTRACE_INTERRUPT */
	uint64_t realtime_ns;         /* CLOCK_REALTIME when it had stopped */
	uint32_t fpstate_bytes;       /* without the closing magic */
	uint32_t regset_bytes;        /* of NT_X86_XSTATE, which fpstate was read from */
	uint8_t fpstate[MAX_FPSTATE_BYTES] __attribute__((aligned(64)));
};

enum stop_state {
	STOP_IN_KVM_RUN,
	STOP_OUTSIDE,  /* in user mode, or in another call */
	STOP_OTHER_VCPU,
	STOP_NOT_NOW,  /* a chain is ending, a signal waits, or a restartable sequence runs: let go and try again */
	STOP_DISPATCHED, /* the kernel hands its system calls back to it (PR_SET_SYSCALL_USER_DISPATCH) */
	STOP_UNUSABLE, /* 32-bit code or a kernel worker in disguise */
};

/* thread.c. They return 0, or -1 with why filled. */
int thread_seize(const struct target *target, pid_t tid, uint32_t options, struct refusal *why);
/* Stops a seized thread and looks where it stands. Scratch [scratch, scratch + bytes) marks a chain's stack. */
int thread_stop(pid_t tid, int vcpu_fd, uint64_t scratch, uint64_t scratch_bytes, struct stopped *stopped,
		enum stop_state *state, struct refusal *why);
/* classify.c: of a thread whose registers and mask are read. */
enum stop_state thread_classify(pid_t tid, int vcpu_fd, uint64_t scratch, uint64_t scratch_bytes, struct stopped *stopped);
/*
 * Lets a stopped thread run to the entry of its next system call, the interrupted one where that is restarted, and reads its
 * registers there. Let go, it makes that call.
 */
int thread_to_entry(pid_t tid, struct stopped *stopped, struct refusal *why); /* entry.c */
/* The same to the thread's next KVM_RUN of this vCPU, through whatever its VMM does until then. */
int thread_follow(pid_t tid, int vcpu_fd, struct stopped *stopped, struct refusal *why);
/* Detaches, with the restart of an interrupted KVM_RUN that the VMM does not see. */
int thread_let_go(pid_t tid, struct stopped *stopped);
/* Puts the context for going on into the registers of a thread that stays stopped. */
int thread_prepare(pid_t tid, struct stopped *stopped);
/* Detaches a thread that ran out of our time, as soon as it shows up. 1 when that has happened (or it is gone). */
int thread_release_late(pid_t tid);
/* 1: the thread has died, although it should be standing still. */
int thread_is_gone(pid_t tid);
/* Is a signal pending that the thread would handle in user mode? */
int thread_signal_waits(pid_t tid, uint64_t mask);
int thread_read_fpstate(pid_t tid, struct stopped *stopped, struct refusal *why);
/* The registers for going on: interrupted calls set up for their restart. */
void thread_final_registers(const struct stopped *stopped, struct user_regs_struct *regs);

/* waitpid for one thread until a deadline of CLOCK_MONOTONIC. WAIT_STATUS: it has stopped, and *status says why; WAIT_GONE: it has ended. */
enum wait_outcome { WAIT_STATUS, WAIT_TIMEOUT, WAIT_GONE };
enum wait_outcome thread_wait(pid_t tid, int *status, uint64_t deadline_ns);
/* Nanoseconds of a clock. */
uint64_t now_ns(clockid_t clock);

/* gadget.c */
int gadget_find(struct target *target, const char *maps, struct refusal *why);
/* 1: still there; 0: the process has executed another program since. */
int gadget_is_there(const struct target *target);

/* memory of the target: whole ranges or an error. */
int memory_read(pid_t pid, uint64_t address, void *into, size_t bytes);
int memory_write(pid_t pid, uint64_t address, const void *from, size_t bytes);

/* chain.c */
#define CHAIN_MARK 0x504f4353454c4954ull /* "TILESCOP" in uc_link */
#define CHAIN_STRIDE 320u

struct call {
	const char *name;
	uint64_t number;
	uint64_t arguments[6];
	long result;   /* of a driven run */
	int ended;     /* its exit was seen, in a driven run */
	int forbidden; /* the filter, which is suspended, would not allow it */
};

/* Calls in the order in which they are made. One for which there is no room is counted, and nothing of it all is then made. */
struct program {
	struct call calls[MAX_CALLS];
	size_t count;
	uint32_t lost;
};

/* Where a chain lies: its frames upwards, and the thread's FPU state, 64-byte aligned. */
struct chain_place {
	uint64_t frames;
	uint64_t fpstate;
};

/* They return the call's place in the program; -1: there is none, and program_check will say so. */
int program_add(struct program *program, enum injected call, uint64_t a, uint64_t b, uint64_t c);
int program_ioctl(struct program *program, enum injected call, int fd, uint64_t argument);
int program_check(const struct program *program, struct refusal *why);

/*
 * Driven: the calls are made one by one under PTRACE_SYSCALL, results are kept, and the thread stands still again in its own
 * context at the end. At the entry of a system call nothing else can run on the frames' stack; a thread that is switched over
 * by its registers may take a signal there first, and needs the room under the frames.
 */
enum chain_switch { SWITCH_BY_REGISTERS, SWITCH_AT_ENTRY };
int chain_run_driven(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *stopped,
		     struct program *program, enum chain_switch how, struct refusal *why);
/* Free: the calls are laid out as a chain of frames; the thread is let go, and runs and restores itself. */
int chain_run_free(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *stopped,
		   struct program *program, struct refusal *why);

/* What the filters say to one call of a chain. */
uint32_t chain_call_verdict(const struct target *target, const struct seccomp_filters *filters, const struct call *call);
/* And to the rt_sigreturn into a chain at the entry of the thread's own call, and the one out of it. */
uint32_t chain_entry_verdict(const struct target *target, const struct seccomp_filters *filters, const struct stopped *stopped);
/* 0 where they allow all of it, the rt_sigreturns between the calls too. */
int chain_check_filters(const struct target *target, const struct seccomp_filters *filters,
			const struct program *program, struct refusal *why);

#endif
