#include "limits.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"

#define PAGE_BYTES 4096u
#define NO_LIMIT UINT64_MAX

/* The soft limit in the line that begins with this; what cannot be read limits nothing. */
static uint64_t limit_named(const char *limits, const char *name)
{
	const char *at = limits ? strstr(limits, name) : NULL;
	char *end;
	uint64_t value;

	if (!at || (at != limits && at[-1] != '\n'))
		return NO_LIMIT;
	value = strtoull(at + strlen(name), &end, 10);
	return end == at + strlen(name) ? NO_LIMIT : value;
}

static uint64_t pages_of(const char *status, const char *name)
{
	return proc_number(status, name, 10) * 1024 / PAGE_BYTES;
}

/* may_expand_vm counts in whole pages; 0 for RLIMIT_DATA is taken as no limit by it, for a program that once meant that. */
static int is_beyond(uint64_t limit_bytes, uint64_t used_pages, uint64_t bytes)
{
	return limit_bytes != NO_LIMIT && used_pages + bytes / PAGE_BYTES > limit_bytes / PAGE_BYTES;
}

static uint64_t count_mappings(const char *maps)
{
	struct mapping m;
	uint64_t count = 0;

	while (maps && mapping_next(&maps, &m) == 0)
		count += strcmp(m.path, "[vsyscall]") != 0; /* the kernel's own */
	return count;
}

const char *limit_in_the_way(const char *limits, const char *status, const char *maps, uint64_t bytes)
{
	uint64_t data = limit_named(limits, "Max data size");
	char *most = proc_text("/proc/sys/vm/max_map_count");
	uint64_t most_mappings = most ? strtoull(most, NULL, 10) : 0;

	free(most);
	if (is_beyond(limit_named(limits, "Max address space"), pages_of(status, "VmSize"), bytes))
		return "RLIMIT_AS";
	if (data && is_beyond(data, pages_of(status, "VmData"), bytes))
		return "RLIMIT_DATA";
	return most_mappings && count_mappings(maps) > most_mappings ? "vm.max_map_count" : NULL;
}

static const char *limit_of(pid_t pid, uint64_t bytes)
{
	char *limits = proc_text("/proc/%d/limits", pid), *status = proc_text("/proc/%d/status", pid);
	char *maps = proc_text("/proc/%d/maps", pid);
	const char *found = limit_in_the_way(limits, status, maps, bytes);

	free(limits);
	free(status);
	free(maps);
	return found;
}

static int refuse_limit(const char *limit, int errno_value, struct refusal *why)
{
	char call[sizeof(why->call)];

	(void)snprintf(call, sizeof(call), limit ? "mmap (%s)" : "mmap", limit);
	return refuse(why, REASON_NO_MEMORY, errno_value, call, "mmap in the target failed: %s.", strerror(errno_value));
}

int limit_check(pid_t pid, uint64_t bytes, struct refusal *why)
{
	const char *limit = limit_of(pid, bytes);

	return limit ? refuse_limit(limit, ENOMEM, why) : 0;
}

int limit_refuse(pid_t pid, uint64_t bytes, int errno_value, struct refusal *why)
{
	/* mlockall(MCL_FUTURE), which cannot be seen from outside, makes a mapping count against what may be locked. */
	if (errno_value == EAGAIN)
		return refuse_limit("RLIMIT_MEMLOCK", errno_value, why);
	return refuse_limit(errno_value == ENOMEM ? limit_of(pid, bytes) : NULL, errno_value, why);
}
