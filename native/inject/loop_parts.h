/* Where the parts of the chain of steps lie (loop.h), for what lays it out and what reads it. */
#ifndef TILESCOPE_LOOP_PARTS_H
#define TILESCOPE_LOOP_PARTS_H

#include <sys/uio.h>
#include <time.h>

#include "chain.h"
#include "loop.h"

#define EXIT_REASON_OFFSET 8u
#define NO_EXIT 0xffu /* of KVM_EXIT_*, none has this low byte */

/*
 * `reason` follows KVM_RUN: below it is the stack of signal handlers that run when KVM_RUN has ended. They may write over `on`,
 * which is loaded once, and has the same room for a handler that comes before it.
 */
#define FRAME_STRIDE 0x200u
enum place {
	ON = 0xfe00,
	REASON = 0x10000,
	/* What is branched to lies in one page: the addresses differ in byte 1 alone. */
	NEXT = 0x11000,
	EXIT = NEXT + FRAME_STRIDE,
	KICK = NEXT + 2 * FRAME_STRIDE,
	STEPPED = NEXT + 3 * FRAME_STRIDE,
	STEPPED_LAST = NEXT + 4 * FRAME_STRIDE,
	RUN = NEXT + 5 * FRAME_STRIDE,
	DONE = NEXT + 6 * FRAME_STRIDE,
	FIRST = NEXT + 7 * FRAME_STRIDE,
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
	AT_DATA = 0x14000,
	AT_TABLE = 0x17000,
	AT_WORDS = 0x18000,
	AT_LOOKUPS = 0x30000, /* frames */
	AT_TABLES = 0x38000,
	AT_NOW = 0x48000,
	AT_RECORDS = 0x51000,
};
#define TABLE_BYTES (LOOKUP_STATES * 256u)
_Static_assert(LEAVE_KICK + FRAME_STRIDE <= AT_DATA, "the frames fit");
_Static_assert(AT_LOOKUPS + MOST_LOOKUPS * FRAME_STRIDE <= AT_TABLES, "the lookups fit");
_Static_assert(AT_TABLES + MOST_LOOKUPS * TABLE_BYTES <= AT_NOW, "their tables fit");
_Static_assert(AT_RECORDS + LOOP_RECORDS_BYTES <= LOOP_BYTES, "the records fit");

/* One for each record, copied by `stepped` after it: all of what is different at the next one. */
struct words {
	uint64_t next_record, next_words, next_stack; /* next_stack: what follows the next `stepped`, run or done */
};
_Static_assert(AT_WORDS + LOOP_STEPS * sizeof(struct words) <= AT_LOOKUPS, "the words fit");

/* What the copies read and write, beside kvm_run and the frames. */
struct data {
	struct kvm_guest_debug on, off;
	struct timespec hold;
	uint32_t no_exit, interrupted, exit_reason, ended, zero;
	uint32_t ends[4];
	struct iovec to_table, from_reason;         /* reason */
	struct iovec to_branch, from_table;         /* table */
	struct iovec to_record[5], from_now[3];     /* stepped */
	struct iovec to_exit_reason, from_no_exit;  /* again */
	struct iovec to_done[2], from_done[2];      /* ended_done, ended_kick, ended_exit */
	struct iovec to_exit[2], from_exit[2];
	struct iovec to_kick[2], from_kick[2];
	struct iovec to_index[MOST_LOOKUPS], from_byte[MOST_LOOKUPS]; /* scatter */
	struct iovec to_state[MOST_LOOKUPS], from_entry[MOST_LOOKUPS];
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

static inline uint64_t table_at(const struct loop *l, uint32_t lookup)
{
	return l->base + AT_TABLES + lookup * TABLE_BYTES;
}

#endif
