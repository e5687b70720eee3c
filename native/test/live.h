/* Shared by the live tests: where the programs are, and what both VMMs must stand. */
#ifndef TILESCOPE_TEST_LIVE_H
#define TILESCOPE_TEST_LIVE_H

#include "client.h"
#include "guest.h"

extern const char *helper_program;
extern char demo_program[512];

/* A thousand captures, a write and its way back, freeze and resume, and a departure without trace. */
void live_round(struct guest *g, const char *name, int captures);
void live_refusals(struct guest *g);
void live_demo(void);

#endif
