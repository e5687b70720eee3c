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

/* A verdict in the payload of MSG_VERDICTS; NULL: none. */
const struct verdict *live_verdict(const struct client *c, const char *call);

/* test_live_regs.c: general registers, on any VMM whose guest leaves them alone; then what only the demo VMM can show. */
void live_regs(struct guest *g);
void live_demo_regs(void);

/* test_live_helpers.c: several helpers at once on a VMM with two vCPUs that run. */
void live_helpers(struct guest *g, const char *name);
void live_passing_tracer(struct guest *g); /* its VMM sees EINTRs */
void live_demo_helpers(void);

/* test_old_kvm.c: by a helper that meets a KVM without KVM_GET_XSAVE2. */
void live_old_kvm(const char *helper);

#endif
