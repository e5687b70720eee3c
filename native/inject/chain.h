/* The parts of a chain that chain.c and driven.c share. */
#ifndef TILESCOPE_CHAIN_H
#define TILESCOPE_CHAIN_H

#include "target.h"

/*
 * One signal frame for rt_sigreturn, as in sigreturn-oriented programming: the address of the restorer, which the `ret` of the
 * call before it pops, and the context that rt_sigreturn loads.
 */
struct srop_frame {
	uint64_t restorer;
	struct ucontext context;
	uint64_t padding;
};
_Static_assert(sizeof(struct srop_frame) == CHAIN_STRIDE, "the stride of a chain");

/* Fills in what all frames have in common. */
void chain_start_frame(const struct target *target, const struct chain_place *place, struct srop_frame *e);
/* The frame that restores the context the thread was interrupted in. */
void chain_last_frame(const struct target *target, const struct chain_place *place, const struct stopped *stopped,
			struct srop_frame *e);

#endif
