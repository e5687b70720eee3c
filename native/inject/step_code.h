/*
 * The steps in machine code (step_code.S): what a chain of frames does with one rt_sigreturn and one call for each of its copies and
 * look-ups. It is laid into a page of scratch memory that can be executed and not written, where the target may have one; loop.h
 * says what it does, and is what runs elsewhere. Offsets, for the assembler too.
 */
#ifndef TILESCOPE_STEP_CODE_H
#define TILESCOPE_STEP_CODE_H

#define CODE_FD 0
#define CODE_RUN 8
#define CODE_RECORD 16
#define CODE_STRIDE 24
#define CODE_MADE 32
#define CODE_LIMIT 40
#define CODE_GET_IMAGE 48
#define CODE_HAS_MSRS 56
#define CODE_NOW 64
#define CODE_LOOKUPS 72
#define CODE_LOOKUP_LIST 80
#define CODE_VERDICTS 88
#define CODE_BASE 96
#define CODE_STORED_DR6 104
#define CODE_FINISHES 112
#define CODE_FLAGS_BYTE 120
#define CODE_ON 128
#define CODE_ENDS 136 /* done, exit, kick */
#define CODE_TO_END 160
#define CODE_SYNC 168
#define CODE_SAVED 176
#define CODE_RIP 184

/* struct kvm_run: what KVM_CAP_SYNC_REGS has there. */
#define RUN_EXIT_REASON 8
#define RUN_DR6 48
#define RUN_VALID_REGS 288
#define RUN_DIRTY_REGS 296
#define RUN_REGS 304
#define RUN_SREGS 448
#define REGS_WORDS 18
#define SREGS_WORDS 39
#define REGS_RIP 128
#define REGS_RFLAGS 136
#define SYNCED_BYTES 456 /* of both */
#define CODE_MSRS_WORDS 22 /* of a record: head and entries */

#define CODE_PAGE_BYTES 0x1000u

#ifndef __ASSEMBLER__
#include <stdint.h>

/* All of it is the target's addresses, but for `lookups` and numbers. */
struct step_code_data {
	uint64_t fd, run;
	uint64_t record, stride; /* the next record, and how far it is to the one after */
	uint64_t made, limit;    /* steps */
	uint64_t get_image, has_msrs, now;
	uint64_t lookups, lookup_list; /* so many struct step_code_lookup */
	uint64_t verdicts, base;       /* a byte for each instruction of 64 KiB from base on: not 0, it may be stepped; verdicts 0: all may */
	uint64_t stored_dr6, finishes, flags_byte;
	uint64_t on; /* struct kvm_guest_debug */
	uint64_t ends[3];
	uint64_t to_end; /* where the stack pointer of the frame stands that leads there, all signals blocked */
	uint64_t sync;   /* SYNC_*: of kvm_run, with what `saved` has put back at the end; 0: KVM_GET_REGS and KVM_GET_SREGS */
	uint64_t saved;
	uint64_t rip; /* of the instruction that is stepped */
};
struct step_code_lookup {
	uint64_t offset, table; /* in the record; LOOKUP_STATES times 256 */
};

extern const uint8_t step_code[], step_code_end[];
#endif

#endif
