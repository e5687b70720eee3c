#include "groups.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "held.h"
#include "proc.h"

#define PATH_BYTES 4000
/* What goes along with it: page tables, and what the kernel counts ahead for each CPU. */
#define MARGIN_BYTES 0x80000u

static const struct hierarchy {
	const char *controller, *root, *limit, *usage, *inactive, *active;
} hierarchies[] = {
	{ "memory", "/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file" },
	{ "", "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "active_file" },
	{ "", "/sys/fs/cgroup/unified", "memory.max", "memory.current", "inactive_file", "active_file" },
};

/* The number of the line that begins with this name; 0: there is none. */
static uint64_t number_of(const char *stat, const char *name)
{
	size_t bytes = strlen(name);

	for (const char *line = stat; line && *line; line = strchr(line, '\n'), line += line != NULL)
		if (strncmp(line, name, bytes) == 0 && line[bytes] == ' ')
			return strtoull(line + bytes, NULL, 10);
	return 0;
}

uint64_t group_room(const char *limit, const char *usage, const char *stat, const char *inactive, const char *active)
{
	uint64_t most, used, files = number_of(stat, inactive) / 2 + number_of(stat, active) / 2;
	char *end;

	/* Version 2 says "max". */
	if (!limit || !usage || *limit < '0' || *limit > '9')
		return NO_GROUP_LIMIT;
	most = strtoull(limit, &end, 10);
	used = strtoull(usage, NULL, 10);
	used -= files < used ? files : used;
	return used < most ? most - used : 0;
}

static uint64_t room_in(const struct hierarchy *h, const char *path)
{
	char *limit = proc_text("%s%s/%s", h->root, path, h->limit), *usage = proc_text("%s%s/%s", h->root, path, h->usage);
	char *stat = proc_text("%s%s/memory.stat", h->root, path);
	uint64_t room = group_room(limit, usage, stat, h->inactive, h->active);

	free(limit);
	free(usage);
	free(stat);
	return room;
}

/* The group and all above it. A path from another namespace leads nowhere: what does not show limits nothing. */
static int has_room(const struct hierarchy *h, char *path, uint64_t bytes)
{
	for (char *end = path + strlen(path); end; end = strrchr(path, '/')) {
		*end = '\0';
		if (room_in(h, path) < bytes)
			return 0;
	}
	return 1;
}

int groups_check(pid_t pid, uint64_t bytes, struct refusal *why)
{
	char *text = proc_text("/proc/%d/cgroup", pid), path[PATH_BYTES], call[sizeof(why->call)];
	int result = 0;

	for (size_t i = 0; i < sizeof(hierarchies) / sizeof(hierarchies[0]) && result == 0; i++) {
		const struct hierarchy *h = &hierarchies[i];

		if (!cgroup_path(text, h->controller, path, sizeof(path)) || has_room(h, path, bytes + MARGIN_BYTES))
			continue;
		(void)snprintf(call, sizeof(call), "mmap (%s)", h->limit);
		result = refuse(why, REASON_NO_MEMORY, ENOMEM, call,
				"The process's control groups have no room for %llu bytes more: the kernel would end it.",
				(unsigned long long)(bytes + MARGIN_BYTES));
	}
	free(text);
	return result;
}
