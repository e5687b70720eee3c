#include "held.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proc.h"

int held_by_signal(pid_t pid, pid_t tid)
{
	struct stat_facts facts;

	return proc_stat(pid, tid, &facts) == 0 && facts.state == 'T';
}

/* Is the word one of the list, divided by commas, that ends at end? */
static int has_word(const char *list, const char *end, const char *word)
{
	size_t bytes = strlen(word);

	while (list <= end) {
		const char *comma = memchr(list, ',', (size_t)(end - list));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - list) == bytes && memcmp(list, word, bytes) == 0)
			return 1;
		list = stop + 1;
	}
	return 0;
}

/* Lines of hierarchy:controllers:path; version 2 has no controllers. */
int cgroup_path(const char *text, const char *controller, char *path, size_t bytes)
{
	while (text && *text) {
		const char *end = strchrnul(text, '\n');
		const char *first = memchr(text, ':', (size_t)(end - text));
		const char *second = first ? memchr(first + 1, ':', (size_t)(end - first - 1)) : NULL;
		size_t length = second ? (size_t)(end - second - 1) : 0;

		if (second && length && length < bytes && has_word(first + 1, second, controller)) {
			memcpy(path, second + 1, length);
			path[length] = '\0';
			return 1;
		}
		text = *end ? end + 1 : end;
	}
	return 0;
}

/* The file of a control group has this text somewhere. A path from another namespace leads nowhere: not known is not frozen. */
static int says(const char *root, const char *path, const char *file, const char *what)
{
	char whole[4200];
	FILE *stream;
	char text[256];
	size_t n;

	(void)snprintf(whole, sizeof(whole), "%s%s/%s", root, path, file);
	stream = fopen(whole, "re");
	if (!stream)
		return 0;
	n = fread(text, 1, sizeof(text) - 1, stream);
	(void)fclose(stream);
	text[n] = '\0';
	return strstr(text, what) != NULL;
}

int held_by_cgroup(pid_t pid)
{
	char *text = proc_text("/proc/%d/cgroup", pid);
	char path[4000];
	int frozen = 0;

	if (cgroup_path(text, "freezer", path, sizeof(path)))
		frozen = says("/sys/fs/cgroup/freezer", path, "freezer.state", "FROZEN") ||
			 says("/sys/fs/cgroup/freezer", path, "freezer.state", "FREEZING");
	if (!frozen && cgroup_path(text, "", path, sizeof(path)))
		frozen = says("/sys/fs/cgroup", path, "cgroup.events", "frozen 1") ||
			 says("/sys/fs/cgroup/unified", path, "cgroup.events", "frozen 1");
	free(text);
	return frozen;
}
