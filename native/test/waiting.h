/*
 * A VMM whose interrupt controllers are the kernel's, so that its vCPU halts inside KVM_RUN:
 *
 *	waiting-vmm --shm FILE [--exception] [--urgent]
 *
 * --exception  the vCPU is halted from the start, and an exception is on its way into it: #UD, vector 6
 * --urgent     SIGURG is the VMM's own, so that a chain has no timer, and interrupts are not kept from steps
 */
#ifndef TILESCOPE_TEST_WAITING_H
#define TILESCOPE_TEST_WAITING_H

/* In the guest's memory. Both handlers of the VMM's end in IRET, and count there. */
#define WAITING_UD_COUNT 0x7e10
#define WAITING_IRQ_COUNT 0x7e14
/* Where test_waiting.c leads the guest to, and what it leaves there. */
#define WAITING_CODE 0x2000
#define WAITING_STACK 0x6000
#define WAITING_STACK_BYTES 128
#define WAITING_DATA 0x7e40
#define WAITING_OUTSIDE 0x7e60
#define WAITING_DONE 0x7e61
#define WAITING_DATA_END 0x7e80
#define WAITING_SELF 0x40 /* the vector of its own interrupts */

#ifndef __ASSEMBLER__
#include "../demo/demo.h"

/* Behind struct demo_page in its page. */
#define WAITING_OFFSET 2048u
struct waiting_control {
	uint32_t interrupts; /* raised so far; the test adds one, and IRQ 0 goes up and down */
	uint32_t raised;
};
_Static_assert(sizeof(struct demo_page) <= WAITING_OFFSET, "the control words have their own place");

/* Where the VMM has the PIC's vectors begin; that of IRQ 0. */
#define WAITING_UD 6u
#define WAITING_IRQ 0x20u
#endif

#endif
