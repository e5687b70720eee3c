/* What the vCPU of test-kill-points holds, and the work in whose course its helpers die. */
#ifndef TILESCOPE_TEST_KILL_SCENES_H
#define TILESCOPE_TEST_KILL_SCENES_H

#include "client.h"
#include "guest.h"

#define XMM5_OFFSET 240u
#define BV_OFFSET 512u
#define SSE 2u
#define TILEDATA (1ull << 18)
#define SCENE_MEMORY (DEMO_MEMORY_BYTES - 16)

/* What a write can change. */
struct state {
	uint8_t image[32768];
	uint32_t image_bytes;
	uint64_t xcr0, xfd;
	struct kvm_regs regs;
	uint8_t memory[8]; /* of the guest's, at its physical address SCENE_MEMORY */
};

extern struct guest guest;
extern struct state old; /* as it is found at first, and put back after each kill */
extern uint32_t attach_flags; /* of all attaching */
extern int arming; /* the guest is the one with tiles, whose loop uses general registers */

int read_state(struct client *c, struct state *s); /* 0 or -1 */
int same_state(const struct state *a, const struct state *b);
/* Whatever differs from the first state is written as it was there. 0 or -1. */
int restore_state(struct client *c, const struct state *now);

void send_attach(struct client *c);

typedef void (*send_function)(struct client *c);

struct scene {
	const char *name;
	send_function prepare[2]; /* what comes before, and is let through all its kill points */
	send_function send;
	int answer;
	int leaves_frozen; /* what comes before ends with a frozen vCPU */
	uint64_t gives_up; /* the first of its two writes puts these components to init */
};
extern const struct scene scenes[], suspended_scenes[], arming_scene;
extern const size_t scene_count, suspended_scene_count;

#endif
