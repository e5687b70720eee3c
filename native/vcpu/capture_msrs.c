#include "capture_msrs.h"

#include <string.h>

#define MSR_ALWAYS_THERE 0x1bu /* IA32_APICBASE */
#define ONE_CALL (MSRS_IN_ONE_CALL - SCRATCH_DATA)

void msrs_prepare(const struct vcpu *vcpu, uint8_t *data)
{
	struct msrs_in_one_call all;
	uint32_t count = 0;

	memcpy(&all, data + ONE_CALL, sizeof(all));
	for (int i = 0; i < LISTED_MSRS; i++) {
		uint8_t *place = data + SCRATCH_MSRS - SCRATCH_DATA + (size_t)i * SCRATCH_MSR_STRIDE;
		struct msr_pair pair;

		memcpy(&pair, place, sizeof(pair));
		pair.head = (struct kvm_msrs){ .nmsrs = 2 };
		pair.entries[0].index = listed_msrs[i];
		pair.entries[1].index = MSR_ALWAYS_THERE;
		pair.entries[0].reserved = pair.entries[1].reserved = 0;
		memcpy(place, &pair, sizeof(pair));
		if (!vcpu->known_errno[ASK_MSRS + i])
			all.entries[count++].index = listed_msrs[i];
	}
	all.entries[count].index = MSR_ALWAYS_THERE;
	all.head = (struct kvm_msrs){ .nmsrs = count + 1 };
	for (uint32_t i = 0; i <= count; i++)
		all.entries[i].reserved = 0;
	memcpy(data + ONE_CALL, &all, sizeof(all));
}

int msrs_at_once(const uint8_t *data, int number, uint64_t *value)
{
	struct msrs_in_one_call all, before;
	uint32_t last;

	memcpy(&all, data + ONE_CALL, sizeof(all));
	memcpy(&before, pattern_bytes() + ONE_CALL, sizeof(before));
	last = all.head.nmsrs - 1;
	if (last > LISTED_MSRS || all.entries[last].data == before.entries[last].data)
		return 0;
	for (uint32_t i = 0; i < last; i++)
		if (all.entries[i].index == listed_msrs[number]) {
			*value = all.entries[i].data;
			return 1;
		}
	return 0;
}
