/* Whole frames over pipes, the reply under construction, and refusals. */
#ifndef TILESCOPE_FRAME_H
#define TILESCOPE_FRAME_H

#include "protocol.h"

enum frame_outcome {
	FRAME_PART,      /* more is to come */
	FRAME_READ,
	FRAME_END,       /* the pipe closed between two frames */
	FRAME_TRUNCATED, /* the pipe closed, or failed, inside a frame */
	FRAME_TOO_LONG,  /* header only: its payload is beyond MAX_PAYLOAD_BYTES and was not read */
};

/* How much of a frame is there. The header counts once its frame has been read. */
struct frame_start {
	struct frame_header header;
	size_t got;
};

/* What one read() brings: it does not wait where there is something to read. payload has room for MAX_PAYLOAD_BYTES. */
enum frame_outcome frame_read(int fd, struct frame_start *start, void *payload);

/* 1: something is there to be read, or the other side is gone. Does not wait. */
int frame_waits(int fd);

/* 0, or -1 when the other side is gone. */
int frame_write(int fd, const struct frame_header *header, const void *payload);

/* A reply grows at its end; one that would pass MAX_PAYLOAD_BYTES is marked full and stays as it was. */
struct reply {
	uint8_t *bytes;
	size_t used;
	int full;
};

void *reply_add(struct reply *reply, const void *bytes, size_t count); /* NULL when full; bytes may be NULL for zeros */
void reply_pad(struct reply *reply, size_t alignment);

/* Fills why and returns -1, so that a function can end with `return refuse(…)`. */
int refuse(struct refusal *why, enum reason reason, int errno_value, const char *call, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* errno said no to a system call on the target. ESRCH means that the target is gone. */
int refuse_errno(struct refusal *why, int errno_value, const char *call);

#endif
