/* The guest that test-step drives, and what it was answered last. */
#ifndef TILESCOPE_TEST_STEP_DRIVEN_H
#define TILESCOPE_TEST_STEP_DRIVEN_H

#include <linux/kvm.h>

#include "client.h"
#include "guest.h"

#define CODE 0x1000u /* of the guests in real mode */

extern struct guest guest;
extern struct client client;
extern struct stopped_event head;
extern struct kvm_regs stops[MOST_STEPS_AT_ONCE];

/* How the steps are made, and what is known. */
struct way {
	const char *name;
	int frames;    /* by a chain of frames: its filter lets the VMM have no memory that can be executed */
	int known;     /* each request for steps says that all of the code may be stepped */
	int syncs;     /* the VMM itself has registers from kvm_run */
};
extern const struct way *way;

/* 1: a demo guest with these arguments runs, and is attached. end() lets it go and looks at it once more. */
int start(const char *const *arguments);
void end(void);
const char *words(void); /* of the refusal */
int step(uint32_t count);
/* The request with its lookups behind it. */
int ask_steps(struct run_request *request, const struct step_lookup *lookups);

/* step_driven.c */
void conditions(void);
void whole_states(const char *program);
void watchpoints(void);
void breakpoints_as_said(void);

/* step_asked.c */
void asked_to_stop(void);

/* step_alarm.c: what this KVM does where there is a timer */
void alarms(uint32_t irqs_blocked_here);

/* Helpers killed so far while they drove a guest that leaves for a port or a device all the time. */
extern unsigned int kills_of_leaving;

/* step_killed.c: helper has kill points; armed: by a breakpoint that is never hit, else steps */
void killed(const char *helper, const char *program, int armed);

/* step_storm.c: STEP_KILLS of them, or 90, over a guest that leaves for ports, and as many over one that leaves for devices. */
void drive_storm(const char *helper);

/* step_same.c */
void same_as_free_run(void);

#endif
