/* Would ptrace let us, and if not, why: found out without touching the target. */
#ifndef TILESCOPE_PERMISSION_H
#define TILESCOPE_PERMISSION_H

#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

struct permission {
	enum reason reason;
	int errno_or_scope;
	pid_t tracer;
	char words[160]; /* REASON_NOT_AUTHORISED */
};

/* tid 0: only the process; else also whether that thread has a tracer. */
void permission_check(pid_t pid, pid_t tid, struct permission *p);

/* The same as a refusal. 0 where nothing stands in the way. */
int permission_refusal(const struct permission *p, struct refusal *why);

/*
 * Before and after a thread is stopped: the process may have executed another program since it was looked at, a set-uid one
 * among them. 0; -1 and why.
 */
int permission_again(pid_t pid, struct refusal *why);

int yama_scope(void); /* -1: Yama is not there */
uint64_t own_capabilities(void);

/* Keeps CAP_SYS_PTRACE, CAP_SYS_ADMIN and CAP_DAC_READ_SEARCH of what we have, and forbids gaining more. */
void capabilities_drop(void);

#endif
