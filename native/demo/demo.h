/* What a demo VMM shows in its --shm FILE: this page, the arena, and the guest's memory in a mapping of its own. */
#ifndef TILESCOPE_DEMO_H
#define TILESCOPE_DEMO_H

#include <stddef.h>
#include <stdint.h>

#include "guest_area.h"

#define DEMO_MAGIC 0x4f4d4544u
#define DEMO_MAX_VCPUS 8
#define DEMO_PAGE_BYTES 4096u
/* As much as the least mapping that could be a guest's memory. */
#define DEMO_MEMORY_BYTES 0x100000u
#define DEMO_VCPU_STRIDE 64u /* counters of two vCPUs lie so far apart */

/*
 * Behind the page: small stacks, one beside the other, of which each vCPU's thread has one (--small-stack). While
 * it is in KVM_RUN nothing at all is on it: every byte of the arena is DEMO_CANARY, at any moment.
 */
#define DEMO_BLOCK_BYTES 2048u
#define DEMO_BLOCKS_PER_VCPU 4u
#define DEMO_OWN_BLOCK 2u
#define DEMO_ARENA_BYTES (DEMO_MAX_VCPUS * DEMO_BLOCKS_PER_VCPU * DEMO_BLOCK_BYTES)
#define DEMO_CANARY(at) ((uint8_t)((at) * 31u + ((at) >> 8) + 7u))
/* A page of the file between the two is in neither mapping: they never become one. */
#define DEMO_OWN_BYTES (DEMO_PAGE_BYTES + DEMO_ARENA_BYTES)
#define DEMO_MEMORY_AT (DEMO_OWN_BYTES + 4096u)
#define DEMO_BYTES (DEMO_MEMORY_AT + DEMO_MEMORY_BYTES)
_Static_assert(GUEST_AREAS + DEMO_MAX_VCPUS * GUEST_AREA_BYTES <= DEMO_MEMORY_BYTES, "the areas fit");

struct demo_vcpu {
	int32_t tid;
	uint32_t parked;
	uint64_t eintr_count; /* KVM_RUN returned EINTR to the VMM */
	uint64_t run_count;   /* KVM_RUN was called */
	uint64_t other_errors;
	uint64_t signals;     /* taken by the handler */
	uint64_t sigsys;      /* a filter trapped a call */
	uint64_t tile_loads;  /* --host-tiles: at a kick the thread loads tiles of its own, */
	uint64_t tile_checks; /* and at the next one looks at them and releases them */
	uint64_t tile_errors; /* and they were not what it had loaded */
	uint64_t io_count;    /* exits of the guest for a port */
	uint64_t io_errors;   /* and it had not been given what the VMM had answered before, or not once */
	uint64_t stack_checks; /* --small-stack: looks at the whole arena, one after each KVM_RUN */
	uint64_t stack_errors; /* bytes of it that were changed */
	uint64_t register_errors; /* KVM_RUN came back, and registers that the kernel keeps were changed */
	uint64_t debug_register_errors; /* --debug-registers: KVM_RUN came back, and the guest's own were changed */
};

struct demo_page {
	uint32_t magic;
	uint32_t vcpu_count;
	int32_t pid;
	uint32_t padding;
	char program[16];
	struct demo_vcpu vcpus[DEMO_MAX_VCPUS];
};
_Static_assert(sizeof(struct demo_page) <= DEMO_PAGE_BYTES, "the page holds it");

/* A vCPU's own part of the guest's memory, at GUEST_AREAS + n * GUEST_AREA_BYTES; guests in 64-bit mode use it. */
struct guest_area {
	uint32_t step, done; /* STEP_* */
	uint32_t nm_count;   /* #NM taken, and what its handler saw: */
	uint32_t round;
	uint64_t xcr0;       /* for XSETBV */
	uint64_t nm_xfd, nm_xfd_err, nm_rip;
	uint64_t touch_rip;  /* where STEP_TOUCH has its one AMX instruction */
	uint64_t padding;
	uint8_t tilecfg[64];
	uint8_t stack[AREA_STACK_TOP - 128];
	uint8_t a[1024], b[1024], fa[1024], fb[1024], ramp[1024];
	uint8_t unused[AREA_OUT - AREA_RAMP - 1024];
	uint8_t out[8][1024];
};
_Static_assert(sizeof(struct guest_area) == GUEST_AREA_BYTES, "an area's size");
_Static_assert(offsetof(struct guest_area, done) == AREA_DONE && offsetof(struct guest_area, round) == AREA_ROUND, "mailbox");
_Static_assert(offsetof(struct guest_area, nm_count) == AREA_NM_COUNT && offsetof(struct guest_area, xcr0) == AREA_XCR0, "mailbox");
_Static_assert(offsetof(struct guest_area, nm_xfd) == AREA_NM_XFD && offsetof(struct guest_area, nm_rip) == AREA_NM_RIP, "#NM");
_Static_assert(offsetof(struct guest_area, nm_xfd_err) == AREA_NM_XFD_ERR, "#NM");
_Static_assert(offsetof(struct guest_area, touch_rip) == AREA_TOUCH_RIP, "mailbox");
_Static_assert(offsetof(struct guest_area, tilecfg) == AREA_TILECFG, "TILECFG is 64-byte aligned");
_Static_assert(offsetof(struct guest_area, a) == AREA_A && offsetof(struct guest_area, b) == AREA_B, "sources");
_Static_assert(offsetof(struct guest_area, fa) == AREA_FA && offsetof(struct guest_area, fb) == AREA_FB, "sources");
_Static_assert(offsetof(struct guest_area, ramp) == AREA_RAMP && offsetof(struct guest_area, out) == AREA_OUT, "tiles");

#endif
