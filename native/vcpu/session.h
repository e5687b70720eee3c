/* What the helper holds between two requests: one process, and the vCPUs of it that are attached. */
#ifndef TILESCOPE_SESSION_H
#define TILESCOPE_SESSION_H

#include "guard.h"
#include "loop.h"
#include "step_code.h"
#include "target.h"

/*
 * Scratch memory in the target, one region for each attached vCPU. Its address is chosen at random, so that no other thread of
 * the VMM knows it beforehand, and holds the vCPU's number: so a later helper tells what a killed one left behind for this vCPU from
 * anything else, by address and length, and no place of one vCPU is one of another. The room under the frames is the stack of a signal handler that runs
 * before the first frame is loaded.
 */
#define SCRATCH_BASE 0x200000000000ull
#define SCRATCH_RANDOM_BITS 19
#define SCRATCH_INDEX_BITS 14 /* KVM_MAX_VCPU_IDS is four times KVM_MAX_VCPUS, which is 4096 at most (arch/x86/kvm/Kconfig) */
#define SCRATCH_GAP_BYTES 0x100000u /* at least, to the mappings beside it: so it is never merged with one */
#define SCRATCH_FRAMES 0x11000u
#define SCRATCH_FPSTATE 0x19000u
#define SCRATCH_DATA 0x1d000u
#define SCRATCH_IMAGE 0x1d000u
#define SCRATCH_IMAGE2 0x25000u
#define SCRATCH_IMAGE_BYTES 0x8000u
#define SCRATCH_CPUID 0x2d000u
#define SCRATCH_XCRS 0x30000u
#define SCRATCH_REGS 0x30200u
#define SCRATCH_SREGS 0x30300u
#define SCRATCH_MSRS 0x30500u
#define SCRATCH_MSR_STRIDE 64u
#define SCRATCH_EVENTS 0x30900u
#define SCRATCH_ANSWERS 0x30a00u
#define SCRATCH_DONE 0x30b00u
#define SCRATCH_DATA_END 0x31000u
#define SCRATCH_DATA_BYTES (SCRATCH_DATA_END - SCRATCH_DATA)
#define SCRATCH_LOOP SCRATCH_DATA_END /* loop.h */
#define SCRATCH_CODE (SCRATCH_LOOP + LOOP_BYTES) /* step_code.h; a mapping of its own once it has been asked for */
#define SCRATCH_BYTES (SCRATCH_CODE + CODE_PAGE_BYTES)
_Static_assert((MAX_CALLS + 1) * CHAIN_STRIDE <= SCRATCH_FPSTATE - SCRATCH_FRAMES, "a chain fits");
_Static_assert(SCRATCH_FRAMES - 0x1000u >= 0x10000u, "64 KiB of stack under the frames");

#define SCRATCH_MAGIC 0x31504f4353454c54ull
struct scratch_header {
	uint64_t magic;
	int32_t helper_pid;
	uint32_t vcpu_index;
	uint64_t helper_start_ticks;
	uint64_t bytes;
};

/* What a capture asks. The order is that of the questions table in capture.c. */
enum question { ASK_XSAVE2, ASK_XSAVE, ASK_CPUID, ASK_XCRS, ASK_REGS, ASK_SREGS, ASK_MSRS, QUESTION_COUNT = ASK_MSRS + LISTED_MSRS };

/* What a vCPU does between two requests. VCPU_LATE: its thread did not stop in time, and is detached when it does. */
enum vcpu_state { VCPU_FREE, VCPU_RUNS, VCPU_FROZEN, VCPU_LATE };

struct vcpu {
	enum vcpu_state state;
	struct vcpu_ref ref;
	pid_t tid;
	int fd, vm_fd, kvm_fd;
	uint32_t flags;    /* ATTACH_*, those that took effect */
	uint64_t scratch;  /* 0: none */
	int unfinished;    /* a chain outlived our time limit: it may still write to the data area */
	uint64_t get_image; /* KVM_GET_XSAVE2, or KVM_GET_XSAVE where that is unknown */
	uint32_t image_bytes;
	uint32_t seccomp_mode, seccomp_count;
	int filters_stale;
	struct seccomp_filters filters;
	int known_errno[QUESTION_COUNT]; /* why a question fails, once learnt by a stepped run; 0: not learnt */
	int legacy_known, msrs_known;    /* a capture has shown what comes of KVM_GET_XSAVE, and of each MSR alone */
	uint32_t msrs[LISTED_MSRS], msr_count; /* those that the guest has; step_prepare.c */
	int msrs_learnt;
	int has_stepped;
	int code_asked, code_laid; /* the steps in machine code, at SCRATCH_CODE */
	int features_asked;
	uint32_t debug_features, sync_features; /* KVM_CAP_SET_GUEST_DEBUG2, KVM_CAP_SYNC_REGS */
	int mask_looks, mask_differs; /* its signal mask while it ran, against its own when stopped in KVM_RUN: KVM_SET_SIGNAL_MASK makes them differ */
	struct stopped stop;
};

#define MAX_ATTACHED 256
extern struct target target; /* pid 0: none */
extern struct vcpu vcpus[MAX_ATTACHED];

/* NULL: not attached, which vcpu_require refuses. vcpu_forget frees the vCPU's slot, and with the last slot the target. */
struct vcpu *vcpu_find(const struct vcpu_ref *ref);
/* Refuses a thread that has its system calls dispatched to itself: one of ours would end its process. */
int vcpu_refuse_dispatched(pid_t tid, struct refusal *why);
int vcpu_require(const struct vcpu_ref *ref, struct vcpu **vcpu, struct refusal *why);
void vcpu_forget(struct vcpu *vcpu);

/* Stops the thread, or uses the stop of a frozen one. A write must find it in KVM_RUN; a capture takes it as it is. */
enum need { NEED_ANY, NEED_KVM_RUN };
int vcpu_stop(struct vcpu *vcpu, enum need need, struct refusal *why);
/* Ends what vcpu_stop began; a frozen thread stays. */
void vcpu_release(struct vcpu *vcpu);

/*
 * run_program.c. vcpu_note_filters, before the stop, compares the thread's filter count with the last one seen. vcpu_read_filters reads
 * the filters again if it has changed, once the thread is stopped and whenever a frozen one is used: until then another thread may
 * give it a filter (SECCOMP_FILTER_FLAG_TSYNC).
 */
void vcpu_note_filters(struct vcpu *vcpu);
void vcpu_read_filters(struct vcpu *vcpu);
int vcpu_check_filters(struct vcpu *vcpu, const struct program *program, struct refusal *why);

/* Adds the call where the filters allow it, and returns its place; -1 where they do not. */
int vcpu_add_allowed(struct vcpu *vcpu, struct program *program, enum injected call, uint64_t a, uint64_t b, uint64_t c);
/* An ioctl of some descriptor; and one of the vCPU's own, whose argument lies at an offset in scratch memory. */
int vcpu_add_ioctl_of(struct vcpu *vcpu, struct program *program, enum injected call, int fd, uint64_t argument);
int vcpu_add_ioctl(struct vcpu *vcpu, struct program *program, enum injected call, uint64_t offset);

/* Makes the calls in the stopped thread, their frames in scratch memory or in unused bytes of KVM's own pages (room.h). The filters are checked first. */
int vcpu_run(struct vcpu *vcpu, struct program *program, struct refusal *why);
int vcpu_run_in_room(struct vcpu *vcpu, const char *maps, struct program *program, struct refusal *why);
struct chain_place vcpu_place(const struct vcpu *vcpu);
int vcpu_is_suspended(const struct vcpu *vcpu);
static inline int vcpu_is_frozen(const struct vcpu *vcpu)
{
	return vcpu->state == VCPU_FROZEN;
}
/* Scratch memory cannot be read or written. A process that has executed another program has none: it is gone. */
int vcpu_refuse_memory(int errno_value, const char *call, struct refusal *why);

/*
 * Threads that did not stop in time, or were killed while we traced them. A killed tracee, and its process, is reaped only once
 * its tracer has waited for it, so they are kept on a list, waited for, and detached when they stop. late_release: 0 while tid
 * is still on the list.
 */
void vcpu_is_late(struct vcpu *vcpu);
void late_add(pid_t tid);
int late_release(pid_t tid);
/* thread_let_go; one that cannot be let go has been killed. */
void vcpu_let_go(struct vcpu *vcpu);

/*
 * scratch.c. scratch_find stores the address of a region that a killed helper left for this vCPU in *left (0: none), or else a
 * free address in *free_place. scratch_map, with the thread stopped, searches again, asks the filters for mmap and for the munmap that
 * takes it back before it makes the first, and adopts a region that was left, where the thread stands in KVM_RUN: else it may be needed yet, and
 * scratch_unmap takes it away with our own once it is not.
 */
int scratch_find(uint32_t vcpu_index, const char *maps, uint64_t *left, uint64_t *free_place, struct refusal *why);
/* The place of a vCPU's region that a random number chooses: no other vCPU has it, whatever the number. */
uint64_t scratch_address(uint32_t number, uint32_t vcpu_index);
int scratch_map(struct vcpu *vcpu, struct refusal *why);
int scratch_sign(struct vcpu *vcpu, struct refusal *why);
int scratch_unmap(struct vcpu *vcpu, struct refusal *why);

/*
 * search.c. search_thread finds the vCPU's thread, stores it in vcpu->tid and leaves it stopped. vcpu->scratch holds the region of a
 * killed helper, if any, so that a thread stopped in there is recognised. search_elsewhere, with vcpu->tid stopped outside KVM_RUN,
 * stores which other thread is in KVM_RUN of this vCPU; 0: none is, so a call on the vCPU does not wait for one. SEARCH_BUSY and why:
 * another tracer has a thread that may be, as a helper of ours has that looks for its own vCPU's at the same time.
 */
#define SEARCH_BUSY (-2)
int search_thread(struct vcpu *vcpu, pid_t hint, uint32_t flags, struct refusal *why);
int search_elsewhere(const struct vcpu *vcpu, pid_t *found, struct refusal *why);

/* signal_mask.c. mask_look, before a stop: 1 if *mask is to go to mask_note should the thread then stand in KVM_RUN. */
int mask_look(const struct vcpu *vcpu, uint64_t *mask);
void mask_note(struct vcpu *vcpu, uint64_t mask);

/* attach.c */
int attach(const struct attach_request *request, struct attach_reply *reply, struct refusal *why);
int detach(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why);
void detach_all(void);

/* requests: reply grows, or -1 and why */
int capture(struct vcpu *vcpu, struct reply *reply, struct refusal *why);
int freeze(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why);
int resume(struct vcpu *vcpu, struct thread_reply *reply, struct refusal *why);
/*
 * run.c. run_begin stops the vCPU and checks all; run_on, after the reply, drives it and tells of it. The request stays where it
 * is until then. run_on: -1 and why; why->reason is REASON_NONE where only the asker is gone.
 */
int run_begin(struct vcpu *vcpu, const struct run_request *request, struct refusal *why);
int run_on(struct refusal *why);
int verdicts(struct vcpu *vcpu, struct reply *reply, struct refusal *why);
int write_image(struct vcpu *vcpu, const uint8_t *image, uint32_t bytes, struct reply *reply, struct refusal *why);
int write_xcr0(struct vcpu *vcpu, uint64_t value, struct reply *reply, struct refusal *why);
int write_msr(struct vcpu *vcpu, const struct set_msr_request *request, struct reply *reply, struct refusal *why);
int write_regs(struct vcpu *vcpu, const struct kvm_regs *regs, struct reply *reply, struct refusal *why);

/* memory.c */
int memory_mappings(struct vcpu *vcpu, struct reply *reply, struct refusal *why);
const struct mapping_record *memory_known(uint32_t *count); /* those that were listed last */
int memory_bounds(struct vcpu *vcpu, struct reply *reply, struct refusal *why); /* memory_bounds.c */
int memory_write_checked(struct vcpu *vcpu, const struct write_memory_request *request, const uint8_t *bytes, struct reply *reply,
			 struct refusal *why);
int memory_send(struct vcpu *vcpu, const struct read_memory_request *request, struct reply *reply, struct refusal *why);
int memory_translate(struct vcpu *vcpu, const uint64_t *linear, uint32_t count, struct reply *reply, struct refusal *why);

/* pattern.c: fills a buffer before a call, so that what the call wrote can be told afterwards. */
const uint8_t *pattern_bytes(void); /* SCRATCH_DATA_BYTES of random bytes, none of them 0 */
uint32_t pattern_written(const uint8_t *bytes, size_t offset, size_t count); /* offset from SCRATCH_DATA; multiple of 8 */

#endif
