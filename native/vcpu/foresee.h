/* What attaching will say to a vCPU thread's seccomp filters, for the list. */
#ifndef TILESCOPE_FORESEE_H
#define TILESCOPE_FORESEE_H

#include "discover.h"
#include "frame.h"

/*
 * 0: nothing is known that would stand in the way. -1 and why: a call without which no vCPU can be read is refused, or the
 * filters cannot be read. A thread that has filters is stopped for that, once, in KVM_RUN or where a paused VMM's threads wait,
 * which its VMM does not notice.
 */
int foresee_filters(pid_t pid, uint64_t start_time_ticks, const struct vcpu_place *vcpu, struct refusal *why);

/*
 * Where it is not known which thread runs the vCPU: -1 and why where all of them sleep in other calls, at some looks, as in a
 * paused VMM whose threads have no names. None is stopped for that.
 */
int foresee_thread(pid_t pid, const struct vcpu_place *vcpu, struct refusal *why);

#endif
