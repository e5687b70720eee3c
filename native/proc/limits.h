/* Will the kernel give a process one more mapping? Its own limits, read from outside. */
#ifndef TILESCOPE_LIMITS_H
#define TILESCOPE_LIMITS_H

#include <stdint.h>
#include <sys/types.h>

#include "frame.h"

/*
 * limits, status, maps: texts of the files of that name in /proc/PID, NULL for one that could not be read. Returns the limit that one
 * more private, writable mapping of `bytes` bytes would exceed ("RLIMIT_AS"); NULL: none that can be seen.
 */
const char *limit_in_the_way(const char *limits, const char *status, const char *maps, uint64_t bytes);
/* The same of a process. 0: none that shows. -1 and why: REASON_NO_MEMORY, whose call is "mmap (RLIMIT_AS)". */
int limit_check(pid_t pid, uint64_t bytes, struct refusal *why);
/* mmap in the process failed: the limit that it met, where that shows. -1. */
int limit_refuse(pid_t pid, uint64_t bytes, int errno_value, struct refusal *why);

#endif
