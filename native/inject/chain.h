/* The parts of a chain that chain.c and driven.c share. */
#ifndef TILESCOPE_CHAIN_H
#define TILESCOPE_CHAIN_H

#include "target.h"

struct element {
	uint64_t restorer;
	struct signal_context context;
	uint64_t padding;
};
_Static_assert(sizeof(struct element) == CHAIN_STRIDE, "the stride of a chain");

/* All that every frame has. */
void chain_start_element(const struct target *target, const struct chain_place *place, struct element *e);
/* The frame that gives the thread its own context back. */
void chain_last_element(const struct target *target, const struct chain_place *place, const struct stopped *stopped,
			struct element *e);

#endif
