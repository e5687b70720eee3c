/*
 * How are guests debugged here? No capability of KVM says whether they stop at the breakpoints that KVM_SET_GUEST_DEBUG sets: a KVM
 * whose guests' CPU is emulated, itself or below it, may hit none, or those of instructions alone. So a VM of the helper's own is
 * asked, once.
 */
#ifndef TILESCOPE_BREAKPOINTS_H
#define TILESCOPE_BREAKPOINTS_H

#include "frame.h"

/* The answer, asked for at the first call. */
const struct breakpoints_reply *breakpoints_hit(void);
/* MSG_BREAKPOINTS, as the helper's table has it. */
int breakpoints_answer(const void *payload, size_t bytes, struct reply *reply, struct refusal *why);

#endif
