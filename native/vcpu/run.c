/* MSG_RUN: begun before it is answered, and told of by events; the vCPU stays frozen at the end. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kill_point.h"
#include "stepping.h"

#define NEVER_NS (UINT64_MAX / 2)
#define MOST_TIME_NS 800000000ull /* for steps, whatever the VMM makes of the chain meanwhile */

static struct stepping run; /* one at a time: whatever else is asked stops it first */
static struct {
	struct steps_event head;
	uint8_t records[LOOP_RECORDS_BYTES];
} chunk;
_Static_assert(sizeof(chunk) <= MAX_PAYLOAD_BYTES, "the records of a chain fit into an event");

static int send_event(uint32_t code, const void *payload, size_t bytes)
{
	struct frame_header header = { (uint32_t)bytes, 0, code, STATUS_EVENT };

	return frame_write(STDOUT_FILENO, &header, payload);
}

int stepping_send(struct stepping *s)
{
	uint32_t count = s->loop.keep_last ? s->head.steps != 0 : s->head.steps - s->sent;

	if (!count)
		return 0;
	chunk.head = (struct steps_event){ s->vcpu->ref, s->loop.record_bytes, count };
	s->sent = s->head.steps;
	s->head.record_count += count;
	return send_event(EVENT_STEPS, &chunk, sizeof(chunk.head) + (size_t)count * s->loop.record_bytes);
}

/* Where it could not be led to an end the thread goes on by itself, as it stands. */
static int give_up(struct vcpu *vcpu, const struct refusal *why)
{
	if (vcpu_is_frozen(vcpu))
		vcpu->state = VCPU_RUNS;
	if (why->reason == REASON_CHAIN_TIMEOUT) {
		vcpu_is_late(vcpu);
		vcpu->unfinished = 1;
	} else {
		vcpu_release(vcpu);
	}
	return -1;
}

/* Stopped in KVM_RUN, or where it is next made: a guest that leaves often is seldom caught inside. */
static int begin(struct vcpu *vcpu, struct refusal *why)
{
	if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
		return -1;
	return vcpu->stop.in_kvm_run || stepping_follow(vcpu, why) == 0 ? 0 : give_up(vcpu, why);
}

static uint64_t rflags_of(const uint8_t *record)
{
	struct kvm_regs regs;

	memcpy(&regs, record + RECORD_REGS, sizeof(regs));
	return regs.rflags;
}

static int check(const struct run_request *request, struct refusal *why)
{
	if (request->count == 0 || request->count > LOOP_STEPS)
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "From 1 to %u steps at once, not %u.", LOOP_STEPS, request->count);
	if (request->flags & ~(STEP_KEEP_STATE | STEP_KEEP_LAST | STEP_KNOWN_CODE | STEP_NOT_THERE | STEP_NO_INTERRUPTS))
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "Flags %#x are not known.", request->flags);
	if (request->dr7 && (request->lookup_count || (request->flags & STEP_KNOWN_CODE)))
		return refuse(why, REASON_BAD_FRAME, 0, NULL, "A condition and known code are for steps, not for breakpoints.");
	return 0;
}

int run_begin(struct vcpu *vcpu, const struct run_request *request, struct refusal *why)
{
	uint64_t now = now_ns(CLOCK_MONOTONIC);
	struct stepping *s = &run;

	*s = (struct stepping){
		.vcpu = vcpu, .request = request, .records = chunk.records, .wait_ns = STEP_TIMEOUT_NS, .heard_ns = now,
		.over_ns = !request->dr7 ? now + MOST_TIME_NS : request->wait_ms ? now + request->wait_ms * 1000000ull : NEVER_NS,
	};
	if (check(request, why) < 0 || begin(vcpu, why) < 0)
		return -1;
	vcpu->unfinished = 0;
	if (stepping_prepare(s, request, why) < 0 || loop_write(&target, &s->loop, &vcpu->stop, why) < 0 ||
	    stepping_read(s, s->records, why) < 0) {
		vcpu_release(vcpu);
		return -1;
	}
	s->rip = record_rip(s->records);
	/* A guest that steps itself has its own TF, which is not to be taken away. */
	if (rflags_of(s->records) & TRAP_FLAG) {
		s->syscall_entry = 0;
		s->may_finish = 0;
	}
	return 0;
}

/* 0: it has stopped, and is held. */
static int drive(struct stepping *s, struct refusal *why)
{
	struct vcpu *vcpu = s->vcpu;

	if ((s->request->dr7 ? stepping_to_breakpoint(s, why) : stepping_steps(s, s->request->count, why)) < 0)
		return give_up(vcpu, why);
	if (thread_prepare(vcpu->tid, &vcpu->stop) < 0)
		return refuse_errno(why, errno, "PTRACE_SETREGS");
	vcpu->state = VCPU_FROZEN;
	KILL_POINT("frozen");
	if (s->asked && !stepping_is_enough(s))
		s->head.reason = STOPPED_ASKED;
	s->head.rip = s->rip;
	s->head.in_kvm_run = (uint32_t)vcpu->stop.in_kvm_run;
	return 0;
}

int run_on(struct refusal *why)
{
	struct {
		struct stopped_event head;
		struct refusal why;
	} stopped;
	int failed = drive(&run, why) < 0, gone = stepping_send(&run) < 0;

	run.head.vcpu = run.vcpu->ref;
	run.head.pause_ns = now_ns(CLOCK_MONOTONIC) - run.vcpu->stop.interrupted_ns;
	if (failed)
		run.head.reason = STOPPED_FAILED;
	stopped.head = run.head;
	stopped.why = *why;
	return gone || send_event(EVENT_STOPPED, &stopped, failed ? sizeof(stopped) : sizeof(stopped.head)) < 0 || failed ? -1 : 0;
}
