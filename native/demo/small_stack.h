/* KVM_RUN on a small stack amid others, as a VMM with coroutines or goroutines makes it. */
#ifndef TILESCOPE_DEMO_SMALL_STACK_H
#define TILESCOPE_DEMO_SMALL_STACK_H

#include <stdint.h>

#include "demo.h"

/* Fills the arena; gives the calling thread a signal stack, for a handler does not fit on its small one. */
void small_stack_fill(uint8_t *arena);
int small_stack_prepare(void);

/* ioctl(fd, KVM_RUN) with the stack pointer in the vCPU's own block. Returns what the kernel does: 0 or -errno. */
long small_stack_run(uint8_t *arena, int index, int fd);

/* Registers that the kernel keeps over a system call, and were not as before the last run of this thread. */
int small_stack_lost_registers(void);

#endif
