/* A VMM with habits that tests need and the demo VMM has not: odd-vmm --shm FILE [--vcpus N] [--main] */
#ifndef TILESCOPE_TEST_ODD_H
#define TILESCOPE_TEST_ODD_H

#include "../demo/demo.h"

enum odd_command {
	ODD_FILTER = 1, /* a filter on all threads, while they run or stand still: the ioctl `argument` kills the process */
	ODD_EXEC,       /* the program starts again, in the same process; magic is 0 until it runs */
	ODD_MAP,        /* a page at the address `argument`; the answer is where it is */
	ODD_LEAVE,      /* the vCPU's thread ends */
	ODD_RETURN,     /* the vCPU gets a new thread */
	ODD_SLEEP,      /* the vCPU's thread sleeps uninterruptibly for `argument` milliseconds: done when it sleeps */
};

/* Behind struct demo_page in its page. */
#define ODD_OFFSET 2048u
struct odd_control {
	uint32_t command; /* 0: the last one is done */
	uint32_t vcpu;
	uint64_t argument;
	uint64_t answer;
};
_Static_assert(sizeof(struct demo_page) <= ODD_OFFSET, "the control words have their own place");

#endif
