/* Speaks frames with a helper: what the tests and the storm use to drive it. */
#ifndef TILESCOPE_TEST_CLIENT_H
#define TILESCOPE_TEST_CLIENT_H

#include <linux/kvm.h>
#include <stdio.h>
#include <sys/types.h>

#include "protocol.h"

#define CLIENT_PAYLOAD_BYTES (8u * MAX_PAYLOAD_BYTES)

struct client {
	pid_t pid;
	int to, from; /* the helper's stdin and stdout */
	uint32_t next_id;
	struct frame_header header;    /* of the last answer */
	uint8_t *payload;              /* CLIENT_PAYLOAD_BYTES; of MSG_RUN what its events said: struct stopped_event, then all records */
	uint32_t record_bytes;         /* of each of those */
	size_t gathered;
	int running;                   /* a run was answered, and has not stopped yet */
	const struct refusal *refusal; /* into payload; NULL where the last answer was none */
	uint32_t events;               /* EVENT_TARGET_GONE that came in between */
	int step, go;                  /* of a helper that waits at its kill points; -1: it does not */
	FILE *asked, *answered;        /* where all frames are written down too; NULL: nowhere */
};

int client_start(struct client *c, const char *helper);
/* One compiled with -DKILL_POINTS: it waits at each (client_until_kill_point). */
int client_start_with_kill_points(struct client *c, const char *helper);
/* Closes the pipe, or kills, and reaps. Returns the wait status. */
int client_end(struct client *c);
int client_kill(struct client *c);

int client_send(struct client *c, uint32_t code, const void *payload, size_t bytes);
/* 1: STATUS_OK; 0: refused; -1: no answer (the pipe closed, or ten seconds passed). */
int client_receive(struct client *c);
int client_ask(struct client *c, uint32_t code, const void *payload, size_t bytes);
/*
 * Lets the helper on until the answer to the last request is there, or until it waits at a kill point for the count-th time from
 * now on (0: never). 2: it waits at a kill point, whose name is in `name` (KILL_POINT_NAME_BYTES); else as client_receive. `passed` is
 * called with the name of each one before it.
 */
int client_until_kill_point(struct client *c, unsigned int count, char *name, void (*passed)(const char *name));
/* Two parts, for an image after its head. */
int client_ask2(struct client *c, uint32_t code, const void *head, size_t head_bytes, const void *body, size_t body_bytes);
/* 1: an event came; 0: the time passed. */
int client_wait_event(struct client *c);

int client_attach(struct client *c, pid_t pid, uint32_t index, uint32_t flags, struct attach_reply *reply);
int client_vcpu(struct client *c, uint32_t code, pid_t pid, uint32_t index);

/* In the payload of the last capture. NULL where there is no such section. */
const void *capture_section(const struct client *c, uint32_t kind, uint32_t *bytes);
int client_set_regs(struct client *c, pid_t pid, uint32_t index, const struct kvm_regs *regs);
int client_set_image(struct client *c, pid_t pid, uint32_t index, const void *image, uint32_t bytes);

#endif
