/* What a thread's seccomp filters would say to a call, found out without making the call. */
#ifndef TILESCOPE_SECCOMP_H
#define TILESCOPE_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

struct seccomp_program {
	struct sock_filter *instructions;
	size_t count;
};

#define SECCOMP_MAX_PROGRAMS 64

struct seccomp_filters {
	struct seccomp_program programs[SECCOMP_MAX_PROGRAMS]; /* oldest first, as PTRACE_SECCOMP_GET_FILTER counts */
	size_t count;
	int unreadable_errno; /* not 0: there are filters, and PTRACE_SECCOMP_GET_FILTER was refused */
};

/* One program over one call. A program that does not end, or reads beyond the data, answers KILL_PROCESS. */
uint32_t seccomp_run(const struct seccomp_program *program, const struct seccomp_data *data);

/* The strictest answer of all programs, as the kernel takes it; ALLOW without programs. */
uint32_t seccomp_verdict(const struct seccomp_filters *filters, const struct seccomp_data *data);

/* May the call be made and return as if there were no filter? */
int seccomp_allows(uint32_t action);

/* "KILL_PROCESS", "ERRNO" and the like, of the action without its data; static text. */
const char *seccomp_action_name(uint32_t action);

/* The thread must be ptrace-stopped. Never fails: what could not be read is said in unreadable_errno. */
void seccomp_read_filters(pid_t tid, struct seccomp_filters *filters);
void seccomp_free_filters(struct seccomp_filters *filters);

#endif
