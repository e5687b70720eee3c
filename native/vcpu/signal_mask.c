/*
 * Has KVM a signal mask of its own for the vCPU's KVM_RUN (KVM_SET_SIGNAL_MASK)? It cannot be asked for. But it is in force in KVM_RUN
 * alone, so it shows as a thread's mask while that is there, and is gone when it has been stopped.
 */
#include "proc.h"
#include "session.h"

#define MOST_LOOKS 4

int mask_look(const struct vcpu *vcpu, uint64_t *mask)
{
	struct status_facts facts;

	if (vcpu->mask_looks >= MOST_LOOKS || proc_status(target.pid, vcpu->tid, &facts) < 0)
		return 0;
	*mask = facts.blocked;
	return 1;
}

void mask_note(struct vcpu *vcpu, uint64_t mask)
{
	vcpu->mask_looks++;
	vcpu->mask_differs |= mask != vcpu->stop.mask;
}
