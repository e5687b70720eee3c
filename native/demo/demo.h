/* What a demo VMM shows in its --shm FILE: this page, then the guest's memory. */
#ifndef TILESCOPE_DEMO_H
#define TILESCOPE_DEMO_H

#include <stdint.h>

#define DEMO_MAGIC 0x4f4d4544u
#define DEMO_MAX_VCPUS 8
#define DEMO_PAGE_BYTES 4096u
#define DEMO_MEMORY_BYTES 0x20000u
#define DEMO_VCPU_STRIDE 64u /* counters of two vCPUs lie so far apart */

struct demo_vcpu {
	int32_t tid;
	uint32_t parked;
	uint64_t eintr_count; /* KVM_RUN returned EINTR to the VMM */
	uint64_t run_count;   /* KVM_RUN was called */
	uint64_t other_errors;
	uint64_t signals;     /* taken by the handler */
	uint64_t sigsys;      /* a filter trapped a call */
};

struct demo_page {
	uint32_t magic;
	uint32_t vcpu_count;
	int32_t pid;
	uint32_t padding;
	struct demo_vcpu vcpus[DEMO_MAX_VCPUS];
};

#endif
