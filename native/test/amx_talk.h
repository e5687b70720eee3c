/*
 * One helper and one held guest, and what was said between them, written down in a folder:
 *
 *	amx-session.requests  the frames that went to the helper
 *	amx-session.frames    the frames that came from it
 *	amx-session.json      which request is which step
 */
#ifndef TILESCOPE_TEST_AMX_TALK_H
#define TILESCOPE_TEST_AMX_TALK_H

#include "amx.h"

extern struct client client;
extern struct guest guest;

/* The last capture. */
struct seen {
	struct capture_head head;
	uint8_t image[32768];
	uint32_t image_bytes;
	struct msr_value msrs[16];
	uint64_t rip, xcr0;
};
extern struct seen seen;

int talk_start(const char *helper, const char *demo, const char *folder); /* 0 or -1; talk_end either way */
void talk_end(void);

/* The last request was this step. */
void note_step(const char *name);
/* The same, of a step in two words: NAME-WHAT. */
void note_named(const char *name, const char *what);
/* A capture into seen, with the checks that hold for every one of them. */
void take(const char *name);
void take_named(const char *name, const char *what);
uint64_t msr(uint32_t index); /* of seen; all ones: not read */

/* 1: done; 0: refused; -1: no answer. */
int set_msr(const char *name, uint32_t index, uint64_t value, uint32_t flags);
int set_xcr0(const char *name, uint64_t value);
int set_image(const char *name, const uint8_t *image);
const uint8_t *read_back(struct write_reply *reply); /* what the last write's reply carries */
int refused_for(uint32_t reason, uint64_t mask);
const char *detail(void); /* of the last refusal */

/* The guest does this step now. */
void step(uint32_t number);

#endif
