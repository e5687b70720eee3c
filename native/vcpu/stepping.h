/* A request for steps under way. */
#ifndef TILESCOPE_STEPPING_H
#define TILESCOPE_STEPPING_H

#include "loop.h"
#include "session.h"

struct stepping {
	struct vcpu *vcpu;
	const struct run_request *request; /* its lookups and code lie behind it */
	uint8_t *records;                  /* those that have not gone yet, from the `sent`-th on; of a run that keeps the last, that one */
	struct loop loop;
	struct stopped_event head;
	uint32_t wanted, most; /* steps; most: of which there is room for records */
	uint32_t sent;         /* records of so many have gone to the asker */
	uint64_t wait_ns; /* for an instruction to end, or a breakpoint to be hit */
	uint64_t over_ns; /* CLOCK_MONOTONIC: then it stops */
	uint64_t heard_ns; /* when the pipe was last looked at */
	int asked;         /* to stop, by something else that came there */
	uint64_t rip; /* after the last step, or before the first */
	uint64_t syscall_entry; /* where SYSCALL goes, to be stopped at; 0: nowhere, or the guest steps itself */
	int breakpoints; /* armed, instead of steps */
	int may_finish;  /* a step that a fault leads away is ended by the TF in its frame (loop.finishes) */
	int is_away;     /* it has been led away */
	int alarms;      /* of this chain's timer, so often */
	uint64_t progress_ns; /* CLOCK_MONOTONIC: a step has ended, or the first one begun */
	int interrupted; /* by us, so often: no instruction ended in time */
};

#define STEP_TIMEOUT_NS 1500000000ull

/*
 * Once more that time after the request was to be answered, whatever the chain says of itself: another thread of the VMM can have it
 * end again and again as if by its own timer, or seem to be getting on.
 */
static inline int stepping_is_over(const struct stepping *s, uint64_t now)
{
	return now > s->over_ns + STEP_TIMEOUT_NS;
}

/* step_prepare.c: refused where something of it is not allowed. The vCPU stands still. */
int stepping_prepare(struct stepping *s, const struct run_request *request, struct refusal *why);
/* single_step.c: so many steps from where it stands, or on to the request's breakpoints. */
int stepping_steps(struct stepping *s, uint32_t count, struct refusal *why);
int stepping_to_breakpoint(struct stepping *s, struct refusal *why);
/* To the VMM's next KVM_RUN. One that makes none goes on by itself: no chain of ours is left in it to be ended. */
int stepping_follow(struct vcpu *vcpu, struct refusal *why);
/* 1: all that was asked for is made. */
int stepping_is_enough(const struct stepping *s);
/* The state as it stands, outside the chain, into a record. */
int stepping_read(struct stepping *s, uint8_t *record, struct refusal *why);
uint64_t record_rip(const uint8_t *record);
/* run.c: the records that have not gone yet. -1: the asker is gone, which the next look at the chain hears of too. */
int stepping_send(struct stepping *s);
/* stepping.c: the chain that is laid out, from the thread's own context and back to it. */
int stepping_run(struct stepping *s, enum loop_end *end, struct refusal *why);

#endif
