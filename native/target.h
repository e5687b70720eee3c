/*
 * A thread of another process, stopped for a moment, and the calls it makes for us.
 *
 * The rule everything here keeps: at every instant, if this helper dies, the thread ends in its own context by itself.
 * So calls are never driven from here. They are laid out in the target's memory as a chain of signal frames, each loading
 * the registers of one system call through rt_sigreturn, the last one restoring what was interrupted; one PTRACE_SETREGS
 * switches the thread from its own context to the chain.
 */
#ifndef TILESCOPE_TARGET_H
#define TILESCOPE_TARGET_H

#include <time.h>

#include "frame.h"
#include "kernel.h"
#include "seccomp.h"

#define STOP_TIMEOUT_NS 2000000000ull
#define MAX_FPSTATE_BYTES 0x4000u
#define MAX_CALLS 32

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
	uint8_t fpstate[MAX_FPSTATE_BYTES] __attribute__((aligned(64)));
};

enum stop_state {
	STOP_IN_KVM_RUN,
	STOP_OUTSIDE,  /* in user mode, or in another call */
	STOP_OTHER_VCPU,
	STOP_NOT_NOW,  /* a chain is ending, a signal waits, or a restartable sequence runs: let go and try again */
	STOP_UNUSABLE, /* 32-bit code or a kernel worker in disguise */
};

/* thread.c. They return 0, or -1 with why filled. */
int thread_seize(const struct target *target, pid_t tid, uint32_t options, struct refusal *why);
/* Stops a seized thread and looks where it stands. Scratch [scratch, scratch + bytes) marks a chain's stack. */
int thread_stop(pid_t tid, int vcpu_fd, uint64_t scratch, uint64_t scratch_bytes, struct stopped *stopped,
		enum stop_state *state, struct refusal *why);
/* Detaches, with the restart of an interrupted KVM_RUN that the VMM does not see. */
int thread_let_go(pid_t tid, struct stopped *stopped);
/* Puts the context for going on into the registers of a thread that stays stopped. */
int thread_prepare(pid_t tid, struct stopped *stopped);
/* Detaches a thread that ran out of our time, as soon as it shows up. 1 when that has happened (or it is gone). */
int thread_release_late(pid_t tid);
/* 1: it died. For a thread that should be standing still. */
int thread_is_gone(pid_t tid);
/* The registers for going on: interrupted calls set up for their restart. */
void thread_final_registers(const struct stopped *stopped, struct user_regs_struct *regs);

enum wait_outcome { WAIT_STATUS, WAIT_TIMEOUT, WAIT_GONE };
enum wait_outcome thread_wait(pid_t tid, int *status, uint64_t deadline_ns);
uint64_t now_ns(clockid_t clock);

/* gadget.c */
int gadget_find(struct target *target, const char *maps, struct refusal *why);
/* 0: no more, for the process has executed another program since. */
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
	long result; /* of a stepped run */
	int ended;   /* its exit was seen, in a stepped run */
};

struct program {
	struct call calls[MAX_CALLS];
	size_t count;
};

/* Where a chain lies: its frames upwards, and the thread's FPU state, 64-byte aligned. */
struct chain_place {
	uint64_t frames;
	uint64_t fpstate;
};

void program_add(struct program *program, const char *name, uint64_t number, uint64_t a, uint64_t b, uint64_t c);
void program_ioctl(struct program *program, const char *name, int fd, uint64_t request, uint64_t argument);

/* Where a chain of so many calls fits under the thread's own stack pointer. maps: text of /proc/PID/maps. */
int chain_place_on_stack(const struct stopped *stopped, const char *maps, size_t calls, struct chain_place *place,
			 struct refusal *why);

/*
 * Runs the program in the stopped thread. Stepped: through every system call under PTRACE_SYSCALL, results are kept, and
 * the thread stands still again in its own context at the end. Free: it is let go, and runs and restores itself.
 */
int chain_run_stepped(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *stopped,
		      struct program *program, struct refusal *why);
int chain_run_free(const struct target *target, pid_t tid, const struct chain_place *place, struct stopped *stopped,
		   struct program *program, struct refusal *why);

/* What the filters say to one call of a chain. */
uint32_t chain_call_verdict(const struct target *target, const struct seccomp_filters *filters, const struct call *call);
/* 0 where they allow all of it, the rt_sigreturns between the calls too. */
int chain_check_filters(const struct target *target, const struct seccomp_filters *filters,
			const struct program *program, struct refusal *why);

#endif
