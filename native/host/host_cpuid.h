/* The host's CPUID, as the instruction gives it. */
#ifndef TILESCOPE_HOST_CPUID_H
#define TILESCOPE_HOST_CPUID_H

#include "frame.h"

/* One user component of the host: where the standard format keeps it. bytes 0: there is no such component. */
struct component {
	uint32_t offset_bytes;
	uint32_t bytes;
};

/* Appends struct cpuid_entry for leaves 0, 1, 7, 0xD, 0x1D, 0x1E, 0x80000002-4 and returns how many. */
uint32_t cpuid_report(struct reply *reply);

/* CPUID(0xD, n) for user components, 64 of them, asked once: the instruction costs an exit where the host is a guest. */
const struct component *host_components(void);

#endif
