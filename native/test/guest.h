/* VMMs that a test starts, looks at from outside, and ends by their own pid. */
#ifndef TILESCOPE_TEST_GUEST_H
#define TILESCOPE_TEST_GUEST_H

#include <stdint.h>
#include <sys/types.h>

#include "../demo/demo.h"

struct guest {
	pid_t pid;
	char dir[80];                  /* its files */
	volatile struct demo_page *page; /* demo VMM only */
	volatile uint32_t *counter;    /* the guest's own, in memory shared with it */
};

int kvm_is_there(void);
/* Ends with this process; 0 to 2 lead nowhere. */
pid_t guest_spawn(const char *const *arguments);
/* arguments end with NULL. The demo VMM writes its page; QEMU runs a ROM that counts. 0 or -1. */
int guest_start_demo(struct guest *g, const char *program, const char *const *arguments);
int guest_start_qemu(struct guest *g, int vcpus);
/* The same with a guest that has started all its vCPUs: each counts. */
int guest_start_busy_qemu(struct guest *g, int vcpus);
/* With QEMU's own gdb stub at the socket DIR/gdb. */
int guest_start_stubbed_qemu(struct guest *g);
void guest_end(struct guest *g);
int guest_lives(const struct guest *g);
/* The counter moves, however slow the machine is; it does not for one second. */
int guest_progresses(const struct guest *g, int vcpu);
int guest_stands_still(const struct guest *g, int vcpu);

/* Demo VMM only: the vCPU's area, and one step of a guest that is held. 1: it has done the step. */
volatile struct guest_area *guest_area(const struct guest *g, int vcpu);
void guest_start_step(const struct guest *g, int vcpu, uint32_t step);
int guest_has_done(const struct guest *g, int vcpu, uint32_t step);
int guest_step(const struct guest *g, int vcpu, uint32_t step);

/* Demo VMM with --small-stack: bytes of its arena that are not what they must always be. */
uint32_t guest_arena_changes(const struct guest *g);

/* The helper's own memory in a VMM (session.h): by its place and length. */
#define SCRATCH_REGION_BYTES 0x186000u
#define SCRATCH_CODE_BYTES 0x1000u /* its last page, where steps are machine code: a mapping of its own */
int is_scratch_region(uint64_t start, uint64_t end);
int is_scratch_code(uint64_t start, uint64_t end);
unsigned int guest_scratch_regions(const struct guest *g);
unsigned int guest_scratch_code(const struct guest *g);

/* Demo VMM with --host-tiles: its thread loads tiles of its own, or looks at them and releases them. 1: it has. */
int guest_load_host_tiles(const struct guest *g);
int guest_check_host_tiles(const struct guest *g);

/* What must be the same before and after: threads, mappings, descriptors, signal masks. The caller frees it. */
char *guest_portrait(const struct guest *g);
/* The thread list may grow and shrink by itself (QEMU's workers): wait until two portraits agree. */
int portrait_returns(const struct guest *g, const char *before, char **last);

#endif
