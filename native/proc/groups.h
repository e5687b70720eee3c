/*
 * Memory that the control groups of a process still allow it. What is written into a process is counted to its groups, and at their
 * limit the kernel does not refuse the writer: it kills the process. So room is looked for before scratch memory is.
 */
#ifndef TILESCOPE_GROUPS_H
#define TILESCOPE_GROUPS_H

#include <stdint.h>
#include <sys/types.h>

#include "frame.h"

#define NO_GROUP_LIMIT UINT64_MAX

/*
 * limit, usage, stat: texts of a group's files; NULL for one that could not be read. inactive, active: the names that its page cache
 * has in stat, half of which is taken to be reclaimable. Returns how many bytes are left, or NO_GROUP_LIMIT.
 */
uint64_t group_room(const char *limit, const char *usage, const char *stat, const char *inactive, const char *active);
/* 0: there is room, or no limit that shows. -1 and why: REASON_NO_MEMORY, whose call is "mmap (memory.max)". */
int groups_check(pid_t pid, uint64_t bytes, struct refusal *why);

#endif
