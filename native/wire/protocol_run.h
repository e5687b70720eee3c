/*
 * The part of the contract that drives a vCPU: protocol.h includes it, and its rules hold here.
 *
 * MSG_RUN: struct run_request, then lookup_count struct step_lookup, then a struct step_code where flags say so. The reply, without
 * payload, comes as soon as the vCPU has begun. Then it steps until `count` instructions have ended, the condition holds, the next
 * instruction may not be stepped, the guest waits for an interrupt or 0.8 s have gone (then ask again); or it runs until a breakpoint is
 * hit. Whatever else comes on the pipe, a request or its end, stops it, and is answered after that. EVENT_STEPS brings what the
 * instructions did, as often as it has to; EVENT_STOPPED is the last of it, and the vCPU is frozen then.
 */
#ifndef TILESCOPE_PROTOCOL_RUN_H
#define TILESCOPE_PROTOCOL_RUN_H

#ifndef TILESCOPE_PROTOCOL_H
#error "protocol.h includes this"
#endif

#define MOST_STEPS_AT_ONCE 4000u
#define STEP_KEEP_STATE 1u /* records hold everything; without it struct kvm_regs alone */
#define STEP_KEEP_LAST 2u  /* the last record alone is sent */
#define STEP_KNOWN_CODE 4u /* a struct step_code follows; not with breakpoints */
#define STEP_NOT_THERE 8u  /* RIP stands at none of the breakpoints: they are armed at once, and no step is made to pass one */
#define STEP_NO_INTERRUPTS 16u /* blocks interrupts on the way to the breakpoints, where KVM can; steps do so without being told */
struct run_request {
	struct vcpu_ref vcpu;
	uint32_t count, wait_ms;          /* wait_ms: with breakpoints, for this long at most; 0: as long as it takes */
	uint64_t dr0, dr1, dr2, dr3, dr7; /* dr7 not 0: instead of stepping, runs until one of these breakpoints is hit */
	uint32_t flags, lookup_count;     /* not with breakpoints */
};

/*
 * A record, of record_bytes: what lies beyond is not in it. KVM_GET_MSRS stops at the first MSR that the guest lacks, so only those
 * that it has are asked for.
 */
#define RECORD_REGS 0u     /* struct kvm_regs */
#define RECORD_SREGS 144u  /* struct kvm_sregs */
#define RECORD_XCRS 456u   /* struct kvm_xcrs */
#define RECORD_MSRS 848u   /* struct kvm_msrs, ten entries of room */
#define RECORD_IMAGE 1024u /* as KVM_GET_XSAVE2 gives it */

/*
 * The chain evaluates a condition by itself, a byte at a time, as a state machine that starts in state 0: each lookup goes from the
 * state, by the byte at `offset` in the record, to the next state. The condition holds if the last lookup ends in state 1.
 */
#define MOST_LOOKUPS 64u
#define LOOKUP_STATES 4u
struct step_lookup {
	uint32_t offset, reserved;
	uint8_t next[1024]; /* LOOKUP_STATES times 256: next[state * 256 + byte] */
};

/*
 * A bitmap of the instructions that may be stepped: bit n % 8 of byte n / 8 is the one that begins at base + n, for n up to 65535.
 * Stepping ends before any whose bit is clear and any that begins elsewhere; the first instruction is not checked. base is a RIP, a
 * multiple of 65536.
 */
struct step_code {
	uint64_t base;
	uint8_t may_be_stepped[8192];
};

/* EVENT_STEPS: this head, then record_count records of record_bytes each, the state after each instruction, in order. */
struct steps_event {
	struct vcpu_ref vcpu;
	uint32_t record_bytes, record_count;
};

enum stopped_reason {
	STOPPED_DONE,   /* all steps made, the condition holds, a breakpoint is hit */
	STOPPED_HALTED, /* waits for an interrupt, or came to no breakpoint in wait_ms */
	STOPPED_BUSY,   /* the VMM had more to do than is waited for */
	STOPPED_ASKED,  /* something else came on the pipe */
	STOPPED_FAILED, /* a struct refusal follows; the vCPU runs on by itself */
};
struct stopped_event {
	struct vcpu_ref vcpu;
	uint64_t rip, dr6, pause_ns;
	uint32_t reason, steps, exit_reason, detours; /* enum stopped_reason; instructions that ended; exits and signals that were the VMM's */
	uint32_t irqs_blocked, in_kvm_run, holds, record_count; /* holds: the condition does, after the last step; records of all EVENT_STEPS */
};

/* MSG_BREAKPOINTS: no payload. What guest debugging does on this host, tried out once on a VM of the helper's own. */
#define KNOWS_BREAKPOINTS 1u /* instructions and data */
#define KNOWS_FAULTS 2u
struct breakpoints_reply {
	uint32_t known;        /* KNOWS_*; what is not known is 0 */
	uint32_t instructions; /* 1: a guest stops at a breakpoint on an instruction */
	uint32_t data;         /* 1: at one on data that is written */
	uint32_t faults;       /* 1: a step over an instruction that faults ends where its handler returns to, and not inside the handler */
};
_Static_assert(sizeof(struct breakpoints_reply) == 16, "breakpoints reply is 16 bytes on the wire");
_Static_assert(sizeof(struct run_request) == 64, "run request is 64 bytes before its lookups");
_Static_assert(sizeof(struct step_lookup) == 1032, "step lookup is 1032 bytes on the wire");
_Static_assert(sizeof(struct step_code) == 8200, "step code is 8200 bytes on the wire");
_Static_assert(sizeof(struct steps_event) == 16, "steps event is 16 bytes before its records");
_Static_assert(sizeof(struct stopped_event) == 64, "stopped event is 64 bytes on the wire");

#endif
