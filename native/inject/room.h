/*
 * Unused bytes in the pages that KVM maps for a vCPU: the first and the last chain of a session lie there, because scratch memory
 * does not exist yet, or no more. The pages:
 *
 *	page 0	struct kvm_run, 2352 bytes, and zeros behind it that neither the kernel nor, by the interface, a VMM uses
 *	page 1	data of the exit for an I/O port, as long as such an exit waits for its answer
 *
 * Two frames go behind kvm_run, the thread's FPU state to the end of page 1. A killed helper leaves them there, where nobody
 * reads them; what is left behind kvm_run the next one clears.
 */
#ifndef TILESCOPE_ROOM_H
#define TILESCOPE_ROOM_H

#include "target.h"

struct room {
	uint64_t run; /* kvm_run in the target */
	struct chain_place place;
	uint32_t saved_bytes; /* of page 1, from place.fpstate on */
	uint8_t saved[4096];
};

/* Has the VMM mapped it at all? maps: text of /proc/PID/maps. 0, or -1 and why. */
int room_check(const char *maps, uint32_t vcpu_index, struct refusal *why);
/* Where it is. maps: text of /proc/PID/maps. Of two VMs in one process, whose vCPUs have one name, the descriptor tells. */
int room_find(const struct target *target, const char *maps, uint32_t vcpu_index, int vcpu_fd, struct room *room,
	      struct refusal *why);
/* Is it free, and does a chain of this stopped thread fit? Keeps what is in page 1. */
int room_take(const struct target *target, const struct stopped *stopped, struct room *room, struct refusal *why);
/* As it was. Once the chain has ended. */
void room_give_back(const struct target *target, const struct room *room);

#endif
