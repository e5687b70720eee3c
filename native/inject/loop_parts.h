/* Where the parts of the chain of steps lie (loop.h), for what lays it out and what reads it. */
#ifndef TILESCOPE_LOOP_PARTS_H
#define TILESCOPE_LOOP_PARTS_H

#include <signal.h>
#include <sys/uio.h>
#include <time.h>

#include "chain.h"
#include "loop.h"
#include "step_code.h"

#define EXIT_REASON_OFFSET 8u
#ifndef SA_RESTORER
#define SA_RESTORER 0x04000000
#endif
#define SYSCALL_BYTES 2u
#define NO_EXIT 0xffu /* of KVM_EXIT_*, none has this low byte */

/*
 * `reason` follows KVM_RUN: below it is the stack of signal handlers that run when KVM_RUN has ended. They may write over `on`,
 * which is loaded once, and has the same room for a handler that comes before it.
 */
#define FRAME_STRIDE 0x200u
enum place {
	START = 0xfe00, /* `alarm`, or `on` where there is none */
	REASON = 0x10000,
	TIMER = REASON + FRAME_STRIDE,
	TIMER_NAMED = REASON + 2 * FRAME_STRIDE,
	TIMER_THERE = REASON + 3 * FRAME_STRIDE,
	TIMER_SET = REASON + 4 * FRAME_STRIDE,
	ON = REASON + 5 * FRAME_STRIDE,
	LAST = REASON + 6 * FRAME_STRIDE,
	/* What is branched to lies in one page: the addresses differ in byte 1 alone. */
	NEXT = 0x11000,
	EXIT = NEXT + FRAME_STRIDE,
	KICK = NEXT + 2 * FRAME_STRIDE,
	STEPPED = NEXT + 3 * FRAME_STRIDE,
	STEPPED_LAST = NEXT + 4 * FRAME_STRIDE,
	FIRST = NEXT + 5 * FRAME_STRIDE,
	FLAGS_SET = NEXT + 6 * FRAME_STRIDE,
	TABLE = 0x12000,
	REGS = TABLE + FRAME_STRIDE,
	SREGS = TABLE + 2 * FRAME_STRIDE,
	XCRS = TABLE + 3 * FRAME_STRIDE,
	MSRS = TABLE + 4 * FRAME_STRIDE,
	SCATTER = TABLE + 5 * FRAME_STRIDE,
	AGAIN = TABLE + 6 * FRAME_STRIDE,
	ENDED_DONE = TABLE + 7 * FRAME_STRIDE,
	ENDED_EXIT = TABLE + 8 * FRAME_STRIDE,
	ENDED_KICK = TABLE + 9 * FRAME_STRIDE,
	HOLD_DONE = TABLE + 10 * FRAME_STRIDE,
	HOLD_EXIT = TABLE + 11 * FRAME_STRIDE,
	HOLD_KICK = TABLE + 12 * FRAME_STRIDE,
	LEAVE_DONE = TABLE + 13 * FRAME_STRIDE,
	LEAVE_EXIT = TABLE + 14 * FRAME_STRIDE,
	LEAVE_KICK = TABLE + 15 * FRAME_STRIDE,
	/* What follows a step: one page too. */
	RUN = 0x14000,
	DONE = RUN + FRAME_STRIDE,
	STORED = RUN + 2 * FRAME_STRIDE,
	AFTER = RUN + 3 * FRAME_STRIDE,
	CODE_EQUAL = RUN + 4 * FRAME_STRIDE,
	CODE_VERDICT = RUN + 5 * FRAME_STRIDE,
	AGAIN_ON = RUN + 6 * FRAME_STRIDE,
	FLAGS_CLEARED = RUN + 7 * FRAME_STRIDE,
	TIMER_GONE_DONE = 0x15000,
	TIMER_GONE_EXIT = TIMER_GONE_DONE + FRAME_STRIDE,
	TIMER_GONE_KICK = TIMER_GONE_DONE + 2 * FRAME_STRIDE,
	NO_ALARM_DONE = TIMER_GONE_DONE + 3 * FRAME_STRIDE,
	NO_ALARM_EXIT = TIMER_GONE_DONE + 4 * FRAME_STRIDE,
	NO_ALARM_KICK = TIMER_GONE_DONE + 5 * FRAME_STRIDE,
	AT_DATA = 0x16000,
	AT_TABLE = 0x19000,     /* by exit_reason */
	AT_DR6 = 0x19100,       /* between two steps */
	AT_DR6_LAST = 0x19200,  /* after the last one */
	AT_CLEARED = 0x19300,   /* a byte of RFLAGS without TF */
	AT_CONTROL = 0x19400,   /* by byte 3 of the timer's number: byte 2 of what KVM_SET_GUEST_DEBUG is given */
	AT_EQUAL = 0x19500,     /* six, by bytes 7 to 2 of RIP */
	AT_WORDS = 0x1a000,
	AT_LOOKUPS = 0x32000, /* frames */
	AT_TABLES = 0x3a000,
	AT_NOW = 0x4a000,
	AT_RECORDS = 0x53000,
	AT_CODE = AT_RECORDS + LOOP_RECORDS_BYTES, /* room for 64 KiB from a multiple of that on */
};
#define TABLE_BYTES (LOOKUP_STATES * 256u)
#define CODE_BYTES 0x10000u
#define RIP_BYTES 6u /* that are equal in all of the known code */
_Static_assert(LAST + FRAME_STRIDE <= NEXT && LEAVE_KICK + FRAME_STRIDE <= RUN &&
		       FLAGS_CLEARED + FRAME_STRIDE <= TIMER_GONE_DONE && NO_ALARM_KICK + FRAME_STRIDE <= AT_DATA, "the frames fit");
_Static_assert(AT_EQUAL + RIP_BYTES * 256 <= AT_WORDS, "the small tables fit");
_Static_assert(AT_LOOKUPS + MOST_LOOKUPS * FRAME_STRIDE <= AT_TABLES, "the lookups fit");
_Static_assert(AT_TABLES + MOST_LOOKUPS * TABLE_BYTES <= AT_NOW, "their tables fit");
_Static_assert(AT_CODE + 2 * CODE_BYTES <= LOOP_BYTES, "the code's table fits");

/* One for each record, copied by `stepped` after it: all of what is different at the next one. */
struct words {
	uint64_t next_record, next_words, next_stack; /* next_stack: what follows the next `stepped`, `after` or last */
};
_Static_assert(AT_WORDS + LOOP_STEPS * sizeof(struct words) <= AT_LOOKUPS, "the words fit");

/* struct sigaction as rt_sigaction takes it. */
struct handler {
	uint64_t address, flags, restorer, mask;
};

/* struct sigevent as timer_create takes it. */
struct timer_event {
	uint64_t value;
	int32_t signal_number, notify, tid, padding[11];
};
_Static_assert(sizeof(struct timer_event) == 64, "struct sigevent is 64 bytes");

/* What the copies read and write, beside kvm_run and the frames. */
struct data {
	struct kvm_guest_debug on, off;
	struct timespec hold;
	uint32_t no_exit, interrupted, exit_reason, ended, zero;
	uint32_t ends[4];
	uint8_t done, stored; /* what may follow `again_on`, beside what a table says */
	struct step_code_data steps;
	/* alarm */
	struct handler handler, no_handler;
	struct timer_event event;
	struct itimerspec span;
	int32_t timer;
	struct iovec to_timers[5], from_timer[5], to_control, from_control;
	struct iovec to_table[3], from_reason[3];   /* reason */
	struct iovec to_branch[3], from_table[3];   /* table */
	struct iovec to_record[5], from_now[3];     /* stepped */
	struct iovec to_exit_reason, from_no_exit;  /* again */
	struct iovec to_done[2], from_done[2];      /* ended_done, ended_kick, ended_exit */
	struct iovec to_exit[2], from_exit[2];
	struct iovec to_kick[2], from_kick[2];
	struct iovec to_flags_index, from_flags, to_flags, from_cleared; /* stored */
	/*
	 * after: bytes of RIP → the entries of their tables, and the verdict's. code_equal: those entries, 0 or 1 → the lengths of
	 * the first parts of from_verdict. code_verdict: one byte from the first part that is not empty: TF has been stored, code
	 * that is not known, or the verdict on the instruction.
	 */
	struct iovec to_entries[RIP_BYTES + 1], from_rip[RIP_BYTES + 1];
	struct iovec to_lengths[RIP_BYTES], from_equal[RIP_BYTES];
	struct iovec to_verdict, from_verdict[RIP_BYTES + 2];
	struct iovec to_index[MOST_LOOKUPS], from_byte[MOST_LOOKUPS]; /* scatter */
	struct iovec to_state[MOST_LOOKUPS], from_entry[MOST_LOOKUPS];
	struct step_code_lookup lookup_list[MOST_LOOKUPS];
	uint8_t synced[SYNCED_BYTES]; /* of kvm_run */
};
_Static_assert(sizeof(struct data) <= AT_TABLE - AT_DATA, "the data fits");

static inline uint64_t data_at(const struct loop *l, size_t offset)
{
	return l->base + AT_DATA + offset;
}
#define DATA(field) data_at(l, offsetof(struct data, field))

static inline uint64_t record_at(const struct loop *l, uint32_t number)
{
	return l->base + AT_RECORDS + (l->keep_last ? 0 : (uint64_t)number * l->record_bytes);
}

static inline uint64_t words_at(const struct loop *l, uint32_t number)
{
	return l->base + AT_WORDS + number * sizeof(struct words);
}

static inline uint64_t code_at(const struct loop *l)
{
	return (l->base + AT_CODE + CODE_BYTES - 1) & ~(uint64_t)(CODE_BYTES - 1);
}

/* Where the stack pointer stands in a frame. */
static inline uint64_t rsp_of(const struct loop *l, uint32_t place)
{
	return l->base + place + offsetof(struct srop_frame, context) + offsetof(struct ucontext, rsp);
}

/* The byte in the record in which a TF has been stored. */
static inline uint64_t flags_byte(const struct loop *l)
{
	return RECORD_REGS + (l->finishes ? offsetof(struct kvm_regs, rflags) : offsetof(struct kvm_regs, r11)) + 1;
}

static inline uint64_t table_at(const struct loop *l, uint32_t lookup)
{
	return l->base + AT_TABLES + lookup * TABLE_BYTES;
}

/* loop_code.c: machine code in place of all from `run` to `stored`, of which those two frames, laid out by then, lead to it and back. */
int loop_lay_code(const struct target *target, const struct loop *loop, struct ucontext *run, struct ucontext *reason, struct data *data,
		  struct refusal *why);

#endif
