/* How a capture asks for MSRs: each alone, until it is known which the guest has; those then in one call. */
#ifndef TILESCOPE_CAPTURE_MSRS_H
#define TILESCOPE_CAPTURE_MSRS_H

#include "session.h"

/*
 * Two MSRs in each KVM_GET_MSRS, the second one always there: KVM stops at the first that fails, and newer kernels put 0 in
 * place of what they could not read. So whether the first was read shows in the second.
 */
struct msr_pair {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[2];
};
_Static_assert(sizeof(struct msr_pair) <= SCRATCH_MSR_STRIDE, "an MSR question fits its place");

/* One call for all MSRs that were readable one by one, and behind them the one that is always there. */
struct msrs_in_one_call {
	struct kvm_msrs head;
	struct kvm_msr_entry entries[LISTED_MSRS + 1];
};
#define MSRS_IN_ONE_CALL (SCRATCH_MSRS + LISTED_MSRS * SCRATCH_MSR_STRIDE)
_Static_assert(MSRS_IN_ONE_CALL + sizeof(struct msrs_in_one_call) <= SCRATCH_EVENTS, "all MSRs in one call fit");

/* Lays both kinds of question into the data area, which begins at SCRATCH_DATA. */
void msrs_prepare(const struct vcpu *vcpu, uint8_t *data);
/* 1: the one call has read all that it asked for; the value of listed_msrs[number]. */
int msrs_at_once(const uint8_t *data, int number, uint64_t *value);

#endif
