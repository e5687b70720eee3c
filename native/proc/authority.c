#include "authority.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define MAX_POLICY_BYTES 65536
#define MAX_GROUPS 1024

int authority_is_lent(void)
{
	return getauxval(AT_SECURE) != 0;
}

static int say(char *words, size_t bytes, const char *text)
{
	(void)snprintf(words, bytes, "%s", text);
	return -1;
}

/* A whole number of at most 32 bits, and nothing else. */
static int number_of(const char *text, uint32_t *value)
{
	char *end;
	unsigned long long wide;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	wide = strtoull(text, &end, 10);
	*value = (uint32_t)wide;
	return !errno && *end == '\0' && wide < UINT32_MAX;
}

static int is_caller(const char *who, const struct authority_question *q)
{
	uint32_t number;

	if (!number_of(who + (*who == '@'), &number))
		return -1;
	if (*who != '@')
		return number == q->caller;
	for (int i = 0; i < q->group_count; i++)
		if (q->groups[i] == number)
			return 1;
	return 0;
}

/* By the file itself: a path that a process shows may be one of its own mount namespace. */
static int is_program(const char *path, const struct authority_question *q)
{
	struct stat st;

	if (strcmp(path, "*") == 0)
		return 1;
	if (*path != '/')
		return -1;
	return stat(path, &st) == 0 && st.st_dev == q->device && st.st_ino == q->inode;
}

int authority_line(const char *line, const struct authority_question *q)
{
	char verb[8], who[16], whose[16], program[4096];
	uint32_t owner;
	int end = 0, caller, executable;

	while (*line == ' ' || *line == '\t')
		line++;
	if (*line == '\0' || *line == '#')
		return 0;
	/* The program is the rest of the line: a path may hold spaces. */
	if (sscanf(line, "%7s %15s %15s %4095[^\n]%n", verb, who, whose, program, &end) != 4 || line[end] != '\0' ||
	    strcmp(verb, "allow") != 0 || !number_of(whose, &owner))
		return -1;
	for (size_t n = strlen(program); n && (program[n - 1] == ' ' || program[n - 1] == '\t'); n--)
		program[n - 1] = '\0';
	caller = is_caller(who, q);
	executable = is_program(program, q);
	if (caller < 0 || executable < 0)
		return -1;
	return caller && executable && owner == q->owner;
}

/* Root's alone to write, and so is the folder. */
static int is_roots(const struct stat *st)
{
	return st->st_uid == 0 && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

static int read_policy(char *text, size_t bytes, char *words, size_t word_bytes)
{
	int fd = open(POLICY_PATH, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat file, folder;
	ssize_t n = -1;

	if (fd < 0 && errno == ENOENT)
		return say(words, word_bytes, "it is another user's, and there is no policy file " POLICY_PATH);
	if (fd < 0)
		return say(words, word_bytes, "the policy file " POLICY_PATH " cannot be read");
	if (fstat(fd, &file) < 0 || lstat(POLICY_FOLDER, &folder) < 0 || !S_ISREG(file.st_mode) || !is_roots(&file) ||
	    !S_ISDIR(folder.st_mode) || !is_roots(&folder))
		(void)say(words, word_bytes, "the policy file " POLICY_PATH " or its folder is not root's alone to write");
	else if ((n = read(fd, text, bytes)) < 0 || (size_t)n == bytes)
		(void)say(words, word_bytes, "the policy file " POLICY_PATH " is too long, or cannot be read");
	close(fd);
	if (n < 0 || (size_t)n == bytes)
		return -1;
	text[n] = '\0';
	return 0;
}

static int ask_policy(struct authority_question *q, char *words, size_t bytes)
{
	static char text[MAX_POLICY_BYTES];
	static gid_t groups[MAX_GROUPS];
	int number = 1;

	if (read_policy(text, sizeof(text), words, bytes) < 0)
		return -1;
	q->groups = groups;
	q->group_count = getgroups(MAX_GROUPS - 1, groups);
	if (q->group_count < 0)
		q->group_count = 0;
	groups[q->group_count++] = getgid();
	for (char *line = text, *next; line; line = next, number++) {
		int answer;

		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		answer = authority_line(line, q);
		if (answer > 0)
			return 0;
		if (answer < 0) {
			/* What is not understood may have been meant to forbid: nothing after it counts. */
			(void)snprintf(words, bytes, "line %d of " POLICY_PATH " is none: allow UID|@GID UID PROGRAM|*", number);
			return -1;
		}
	}
	(void)snprintf(words, bytes, "it belongs to user %u, and no line of " POLICY_PATH " allows it to user %u", q->owner, q->caller);
	return -1;
}

/* 1: of a user namespace that the caller made: whoever is in it is below him. 0: of ours. -1: of another one. */
static int is_in_own_namespace(pid_t pid)
{
	struct stat ours, theirs;
	char path[64];
	uid_t owner;
	int fd, result = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &theirs) < 0 || stat("/proc/self/ns/user", &ours) < 0)
		result = -1;
	else if (ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev)
		result = 0;
	else if (ioctl(fd, NS_GET_OWNER_UID, &owner) == 0 && owner == getuid())
		result = 1;
	if (fd >= 0)
		close(fd);
	return result;
}

static int has_only(const struct status_facts *facts, uid_t uid)
{
	return facts->uids[0] == uid && facts->uids[1] == uid && facts->uids[2] == uid;
}

/* A process that is not dumpable has its files in /proc owned by root. */
static int is_dumpable(pid_t pid, uid_t uid)
{
	struct stat st;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return stat(path, &st) == 0 && st.st_uid == uid;
}

int authority_check(pid_t pid, const struct status_facts *facts, char *words, size_t bytes)
{
	struct authority_question q = { .caller = getuid(), .owner = facts->uids[0] };
	int in_own, own;
	struct stat exe;
	char path[64];

	if (!authority_is_lent() || q.caller == 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	if (stat(path, &exe) < 0)
		return say(words, bytes, "its executable cannot be looked at");
	/* Whoever is allowed to debug such a program has all that it may do: no policy gives that away. */
	if (exe.st_mode & (S_ISUID | S_ISGID) || getxattr(path, "security.capability", NULL, 0) > 0)
		return say(words, bytes, "its executable has the set-uid or set-gid bit, or capabilities");
	q.device = exe.st_dev;
	q.inode = exe.st_ino;
	in_own = is_in_own_namespace(pid);
	own = in_own == 1 || (in_own == 0 && has_only(facts, q.caller) && facts->permitted == 0 && is_dumpable(pid, q.caller));
	if (own && (exe.st_uid == 0 || exe.st_uid == q.caller || in_own == 1))
		return 0;
	if (!has_only(facts, q.owner))
		return say(words, bytes, "it has several users at once");
	if (q.owner == q.caller && ask_policy(&q, words, bytes) < 0)
		return say(words, bytes, "it is the caller's, but has privileges, or is not dumpable, or runs another user's program");
	return q.owner == q.caller ? 0 : ask_policy(&q, words, bytes);
}
