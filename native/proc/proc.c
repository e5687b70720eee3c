#include "proc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int stat_parse(const char *text, struct stat_facts *facts)
{
	/* The name may hold anything, brackets and spaces too: it ends at the last closing bracket. */
	const char *open = strchr(text, '(');
	const char *close = strrchr(text, ')');
	const char *at;
	size_t comm_bytes;

	memset(facts, 0, sizeof(*facts));
	if (!open || !close || close < open || close[1] != ' ')
		return -1;
	comm_bytes = (size_t)(close - open - 1);
	if (comm_bytes > sizeof(facts->comm) - 1)
		comm_bytes = sizeof(facts->comm) - 1;
	memcpy(facts->comm, open + 1, comm_bytes);
	at = close + 2;
	facts->state = *at;
	for (int field = 3; *at; field++) {
		if (field == 22)
			facts->start_time_ticks = strtoull(at, NULL, 10);
		if (field == 43) {
			facts->guest_ticks = strtoull(at, NULL, 10);
			return 0;
		}
		at = strchr(at, ' ');
		if (!at)
			return -1;
		at++;
	}
	return -1;
}

/* The text after "Name:" at the start of a line, or NULL. */
static const char *line_of(const char *text, const char *name)
{
	size_t bytes = strlen(name);

	while (text && *text) {
		if (strncmp(text, name, bytes) == 0 && text[bytes] == ':')
			return text + bytes + 1;
		text = strchr(text, '\n');
		if (text)
			text++;
	}
	return NULL;
}

uint64_t proc_number(const char *text, const char *name, int base)
{
	const char *at = line_of(text, name);

	return at ? strtoull(at, NULL, base) : 0;
}

int status_parse(const char *text, struct status_facts *facts)
{
	const char *uid = line_of(text, "Uid");
	const char *gid = line_of(text, "Gid");
	const char *features = line_of(text, "x86_Thread_features");
	const char *found;

	memset(facts, 0, sizeof(*facts));
	if (!uid || !gid)
		return -1;
	if (sscanf(uid, "%u %u %u %u", &facts->uids[0], &facts->uids[1], &facts->uids[2], &facts->uids[3]) != 4 ||
	    sscanf(gid, "%u %u %u %u", &facts->gids[0], &facts->gids[1], &facts->gids[2], &facts->gids[3]) != 4)
		return -1;
	facts->permitted = proc_number(text, "CapPrm", 16);
	facts->parent = (pid_t)proc_number(text, "PPid", 10);
	facts->tracer = (pid_t)proc_number(text, "TracerPid", 10);
	facts->seccomp_mode = (uint32_t)proc_number(text, "Seccomp", 10);
	facts->seccomp_filters = (uint32_t)proc_number(text, "Seccomp_filters", 10);
	facts->pending = proc_number(text, "SigPnd", 16) | proc_number(text, "ShdPnd", 16);
	facts->blocked = proc_number(text, "SigBlk", 16);
	facts->caught = proc_number(text, "SigCgt", 16);
	facts->ignored = proc_number(text, "SigIgn", 16);
	found = features ? strstr(features, "shstk") : NULL;
	facts->has_shadow_stack = found && found < features + strcspn(features, "\n");
	return 0;
}

/* The word at *at and the spaces after it are passed over; 0 where there is none before the line ends. */
static int skip_word(const char **at, const char *end)
{
	const char *word = *at;

	while (*at < end && **at != ' ')
		(*at)++;
	if (*at == word)
		return 0;
	while (*at < end && **at == ' ')
		(*at)++;
	return 1;
}

static int take_hex(const char **at, char closing, uint64_t *value)
{
	char *end;

	if (!isxdigit((unsigned char)**at) || (*at)[1] == 'x')
		return 0;
	*value = strtoull(*at, &end, 16);
	if (*end != closing)
		return 0;
	*at = end + 1;
	return 1;
}

/* "00000000 fd:01 1234", and the spaces after it. */
static int take_object(const char **at, const char *end, struct mapped_object *object)
{
	uint64_t major, minor;
	const char *inode;

	if (!take_hex(at, ' ', &object->offset) || !take_hex(at, ':', &major) || !take_hex(at, ' ', &minor))
		return 0;
	object->device_major = (uint32_t)major;
	object->device_minor = (uint32_t)minor;
	inode = *at;
	if (*at >= end || !isdigit((unsigned char)*inode) || !skip_word(at, end))
		return 0;
	object->inode = strtoull(inode, NULL, 10);
	return 1;
}

/* Never looks beyond its own line: sscanf measures the whole rest of the text, so that a text of n lines costs n * n. */
int mapping_next(const char **text, struct mapping *mapping)
{
	const char *at = *text, *end = strchrnul(at, '\n');
	size_t path_bytes;

	if (!take_hex(&at, '-', &mapping->start) || !take_hex(&at, ' ', &mapping->end) || end - at < 5 || at[4] != ' ')
		return -1;
	memcpy(mapping->access, at, 4);
	mapping->access[4] = '\0';
	at += 5;
	if (!take_object(&at, end, &mapping->object))
		return -1;
	path_bytes = (size_t)(end - at);
	if (path_bytes > sizeof(mapping->path) - 1)
		path_bytes = sizeof(mapping->path) - 1;
	memcpy(mapping->path, at, path_bytes);
	mapping->path[path_bytes] = '\0';
	*text = end + (*end == '\n');
	return 0;
}

int mapping_kept_from_forks(const char **smaps, uint64_t start, uint64_t end)
{
	static const char flags[] = "VmFlags:";
	struct mapping m;
	int is_it = 0;

	while (**smaps) {
		const char *at = *smaps, *line_end = strchrnul(at, '\n');

		if (mapping_next(&at, &m) == 0) {
			if (m.start > start || is_it)
				return 0;
			is_it = m.start == start && m.end == end;
		} else if (is_it && strncmp(*smaps, flags, sizeof(flags) - 1) == 0) {
			/* Words of two letters. */
			for (at = *smaps + sizeof(flags) - 1; line_end - at >= 3 && *at == ' '; at += 3)
				if (at[1] == 'd' && at[2] == 'c')
					return 1;
			return 0;
		}
		*smaps = line_end + (*line_end == '\n');
	}
	return 0;
}

int syscall_is_kvm_run(const char *text, int fd)
{
	uint64_t number, first, second;

	/* The kernel takes the lower half of both registers. */
	return sscanf(text, "%" SCNu64 " %" SCNx64 " %" SCNx64, &number, &first, &second) == 3 && number == 16 &&
	       (fd < 0 || (int)first == fd) && (uint32_t)second == 0xae80;
}

char *proc_text(const char *format, ...)
{
	char path[4352]; /* of a control group */
	char *text = NULL;
	size_t size = 0, used = 0;
	va_list arguments;
	int fd;

	va_start(arguments, format);
	(void)vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	for (;;) {
		ssize_t n;

		if (size - used < 2048) {
			char *bigger = realloc(text, size ? size * 2 : 16384);

			if (!bigger)
				break;
			text = bigger;
			size = size ? size * 2 : 16384;
		}
		n = read(fd, text + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			text[used] = '\0';
			close(fd);
			if (n == 0)
				return text;
			free(text);
			return NULL;
		}
		used += (size_t)n;
	}
	close(fd);
	free(text);
	return NULL;
}

int proc_link(char *into, size_t bytes, const char *format, ...)
{
	char path[128];
	va_list arguments;
	ssize_t n;

	va_start(arguments, format);
	(void)vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	n = readlink(path, into, bytes - 1);
	if (n < 0)
		return -1;
	into[n] = '\0';
	return 0;
}

int proc_stat(pid_t pid, pid_t tid, struct stat_facts *facts)
{
	char *text = tid ? proc_text("/proc/%d/task/%d/stat", pid, tid) : proc_text("/proc/%d/stat", pid);
	int result = text ? stat_parse(text, facts) : -1;

	free(text);
	return result;
}

int proc_status(pid_t pid, pid_t tid, struct status_facts *facts)
{
	char *text = tid ? proc_text("/proc/%d/task/%d/status", pid, tid) : proc_text("/proc/%d/status", pid);
	int result = text ? status_parse(text, facts) : -1;

	free(text);
	return result;
}

static int ascending(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

int proc_numbers(struct numbers *numbers, const char *format, ...)
{
	char path[128];
	va_list arguments;
	struct dirent *entry;
	DIR *dir;

	va_start(arguments, format);
	(void)vsnprintf(path, sizeof(path), format, arguments);
	va_end(arguments);
	numbers->count = 0;
	dir = opendir(path);
	if (!dir)
		return -1;
	while ((entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (numbers->count == numbers->room) {
			size_t room = numbers->room ? numbers->room * 2 : 256;
			int *bigger = realloc(numbers->all, room * sizeof(*bigger));

			if (!bigger) {
				closedir(dir);
				errno = ENOMEM;
				return -1;
			}
			numbers->all = bigger;
			numbers->room = room;
		}
		numbers->all[numbers->count++] = atoi(entry->d_name);
	}
	closedir(dir);
	if (numbers->count)
		qsort(numbers->all, numbers->count, sizeof(numbers->all[0]), ascending);
	return 0;
}
