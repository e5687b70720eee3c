/* One VMM with odd habits (odd.h) and one helper at it, for tests of what changes while the helper works. */
#ifndef TILESCOPE_TEST_ODD_SCENE_H
#define TILESCOPE_TEST_ODD_SCENE_H

#include "client.h"
#include "guest.h"
#include "odd.h"
#include "kill_points.h"

extern const char *helper, *stepped, *odd; /* programs */
extern struct guest guest;
extern struct client client;
extern char kill_point[KILL_POINT_NAME_BYTES]; /* the last one that was waited at */

const char *words(const struct client *c);
uint32_t reason(const struct client *c);
void nap_ms(unsigned int ms);

/* program: helper or stepped. a, b: options of the VMM. 1: both run. */
int start(const char *program, const char *a, const char *b);
void end(void);
/* 1 once the VMM has done it. */
int command(uint32_t what, uint32_t vcpu, uint64_t argument);
volatile struct odd_control *control(void);
/* The VMM has ended, and its parent sees it, while the helper goes on living. */
int is_reaped(void);

void attach(uint32_t vcpu);
void send_vcpu(uint32_t code);
void send_attach(void);

/* Of a helper with kill points. until: 1 when it waits at the one of this name. answer: as client_receive. */
void let_on(void);
int until(const char *name);
int answer(void);
int attach_between_kill_points(void);

/* The one region of the helper's in the VMM, the last one where there are several; 0: none. put_word: as another thread of the VMM could write it. */
uint64_t scratch_address(void);
void put_word(uint64_t address, uint64_t word);

/* A process whose number is that of a thread that has ended, as soon as the number is free. */
pid_t start_stranger(pid_t number);

/* odd_threads.c: which thread runs a vCPU, and how long one stands still for it. */
void threads(void);

/* odd_driven.c: what bounds a drive, whatever the VMM does. */
void driven_within_bounds(void);

/* odd_each_kill_point.c: a signal to the VMM at each kill point of each request. */
void signals_at_each_kill_point(void);
/* odd_changed_frames.c: what another thread puts in the place of injected calls is not made. */
void frames_are_changed(void);

#endif
