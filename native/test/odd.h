/*
 * A VMM with habits that tests need and the demo VMM has not:
 *
 *	odd-vmm --shm FILE [--vcpus N] [--main] [--gap] [--misnamed HOW] [--uid N] [--undumpable] [--heir] [--hand PROGRAM] [--dispatched]
 *
 * --main      vCPU 0 runs on the process's first thread
 * --gap       KVM's vCPU ids go 0, 3, 6 …, thread names 0, 1, 2 …
 * --misnamed  vCPU threads have no name, and a thread that is called after each does other things: it is `asleep`, or `busy`;
 *             `swapped`: the names of vCPU 0 and 1 are each other's
 * --uid N     it belongs to that user, once it has what it needs
 * --undumpable  and has made itself not dumpable
 * --heir      a child has all its descriptors and mappings, and does nothing; its pid is the control's first answer
 * --hand PROGRAM  the same, but the child executes PROGRAM for an hour
 * --dispatched  the kernel gives the vCPU threads each system call back but KVM_RUN, as long as that is made
 */
#ifndef TILESCOPE_TEST_ODD_H
#define TILESCOPE_TEST_ODD_H

#include "../demo/demo.h"

enum odd_command {
	ODD_FILTER = 1, /* a filter on all threads, while they run or stand still: the ioctl `argument`, or munmap for 0, kills the process */
	ODD_EXEC,       /* the program starts again, in the same process; magic is 0 until it runs */
	ODD_MAP,        /* a page at the address `argument`; the answer is where it is */
	ODD_LEAVE,      /* the vCPU's thread ends */
	ODD_RETURN,     /* the vCPU gets a new thread */
	ODD_SLEEP,      /* the vCPU's thread sleeps uninterruptibly until its bit in `awake` is set: done when it sleeps */
	ODD_MOVE,       /* another thread runs the vCPU from now on; the former one waits, outside KVM_RUN */
	ODD_FRAGMENT,   /* the process has `argument` mappings more */
	ODD_HIDE,       /* the vCPU's thread goes on with a stack that keeps whoever reads it waiting */
	ODD_BLOCK,      /* from now on SIGRTMIN + 2 has a handler that sets `answer` to 1 and blocks until bit 0 of `awake`; `argument` 1: on a stack of its own */
	ODD_CALL,       /* from now on SIGRTMIN + 2 has a handler that makes the ioctl `argument` of the vCPU, whatever that is by then, and sets `answer` to 2 */
};

/* Behind struct demo_page in its page. */
#define ODD_OFFSET 2048u
struct odd_control {
	uint32_t command; /* 0: the last one is done */
	uint32_t vcpu;
	uint64_t argument;
	uint64_t answer;
	uint64_t awake; /* bit n: vCPU n */
};
_Static_assert(sizeof(struct demo_page) <= ODD_OFFSET, "the control words have their own place");

#endif
