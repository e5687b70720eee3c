/* Every byte that a VMM can write, as it is at one moment. */
#ifndef TILESCOPE_TEST_FOOTPRINT_H
#define TILESCOPE_TEST_FOOTPRINT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct footprint;

/*
 * All writable mappings of up to 64 MiB, but for those whose path holds `except` (the guest's memory) and the helper's own.
 * The VMM stands still outside its vCPUs.
 */
struct footprint *footprint_take(pid_t pid, const char *except);
void footprint_free(struct footprint *print);

/*
 * Bytes that differ, and where the first one is. Of the pages that KVM maps for a vCPU, struct kvm_run counts always; what lies
 * behind it and page 1 count only where nothing was killed: whole is 1.
 */
size_t footprint_differences(const struct footprint *before, const struct footprint *after, int whole, char *where,
			     size_t where_bytes);

#endif
