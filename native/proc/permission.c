#include "permission.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "authority.h"
#include "frame.h"
#include "held.h"
#include "kernel.h"
#include "proc.h"

int yama_scope(void)
{
	char *text = proc_text("/proc/sys/kernel/yama/ptrace_scope");
	int scope = text ? atoi(text) : -1;

	free(text);
	return scope;
}

static int capabilities_get(struct __user_cap_data_struct data[2])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(SYS_capget, &header, data);
}

uint64_t own_capabilities(void)
{
	struct __user_cap_data_struct data[2] = { 0 };

	if (capabilities_get(data) < 0)
		return 0;
	return data[0].effective | (uint64_t)data[1].effective << 32;
}

void capabilities_drop(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint32_t keep = 1u << CAP_SYS_PTRACE | 1u << CAP_SYS_ADMIN | 1u << CAP_DAC_READ_SEARCH;

	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (capabilities_get(data) < 0)
		return;
	data[0].permitted &= keep;
	data[0].effective = data[0].permitted;
	data[0].inheritable = 0;
	data[1].permitted = data[1].effective = data[1].inheritable = 0;
	if (syscall(SYS_capset, &header, data) < 0)
		fprintf(stderr, "tilescope-helper: capset failed; going on with what there is\n");
}

/* Parents up to init. A stopped ancestor may be whoever should read our replies. */
static int is_self_or_ancestor(pid_t pid)
{
	pid_t at = getpid();

	for (int depth = 0; depth < 64 && at > 0; depth++) {
		struct status_facts facts;

		if (at == pid)
			return 1;
		if (proc_status(at, 0, &facts) < 0)
			return 0;
		at = facts.parent;
	}
	return 0;
}

static int is_own_descendant(pid_t pid)
{
	for (int depth = 0; depth < 64 && pid > 1; depth++) {
		struct status_facts facts;

		if (proc_status(pid, 0, &facts) < 0)
			return 0;
		pid = facts.parent;
		if (pid == getpid())
			return 1;
	}
	return 0;
}

/* 1: 64-bit; 0: not; -1: the program cannot be read. */
static int is_64_bit(pid_t pid)
{
	unsigned char ident[EI_NIDENT];
	char path[64];
	int fd, result = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	if (read(fd, ident, sizeof(ident)) == (ssize_t)sizeof(ident))
		result = ident[EI_CLASS] == ELFCLASS64;
	close(fd);
	return result;
}

/* __ptrace_may_access: all three uids and gids of the target must be our real ones (PTRACE_MODE_REALCREDS). */
static int same_user(const struct status_facts *facts)
{
	for (int i = 0; i < 3; i++)
		if (facts->uids[i] != getuid() || facts->gids[i] != getgid())
			return 0;
	return 1;
}

/* A process that is not dumpable has its /proc files owned by root. */
static int is_dumpable(pid_t pid, const struct status_facts *facts)
{
	struct stat st;
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	return stat(path, &st) < 0 || st.st_uid == facts->uids[1];
}

static enum reason yama_reason(pid_t pid, int scope, int can_ptrace)
{
	if (scope == 3 || (scope == 2 && !can_ptrace) || (scope == 1 && !can_ptrace && !is_own_descendant(pid)))
		return REASON_YAMA;
	return REASON_NONE;
}

void permission_check(pid_t pid, pid_t tid, struct permission *p)
{
	int can_ptrace = (own_capabilities() >> CAP_SYS_PTRACE & 1) != 0;
	int scope = yama_scope();
	struct status_facts facts;

	memset(p, 0, sizeof(*p));
	if (proc_status(pid, tid, &facts) < 0) {
		p->reason = REASON_NO_SUCH_PROCESS;
		return;
	}
	p->tracer = facts.tracer;
	if (is_self_or_ancestor(pid))
		p->reason = REASON_SELF;
	else if (authority_check(pid, &facts, p->words, sizeof(p->words)) < 0)
		p->reason = REASON_NOT_AUTHORISED;
	else if (!can_ptrace && !same_user(&facts))
		p->reason = REASON_OTHER_USER;
	else if (!can_ptrace && !is_dumpable(pid, &facts))
		p->reason = REASON_NOT_DUMPABLE;
	else if (yama_reason(pid, scope, can_ptrace))
		p->reason = REASON_YAMA;
	else if (is_64_bit(pid) == 0)
		p->reason = REASON_NOT_64_BIT;
	else if (facts.has_shadow_stack)
		p->reason = REASON_SHADOW_STACK;
	else if (held_by_cgroup(pid))
		p->reason = REASON_CGROUP_FROZEN;
	else if (held_by_signal(pid, tid))
		p->reason = REASON_STOPPED;
	else if (facts.tracer)
		p->reason = REASON_ALREADY_TRACED; /* last: it is of this thread alone, and hides nothing that is of the process */
	if (p->reason == REASON_YAMA)
		p->errno_or_scope = scope;
}

int permission_refusal(const struct permission *p, struct refusal *why)
{
	static const struct {
		enum reason reason;
		const char *detail;
	} words[] = {
		{ REASON_NO_SUCH_PROCESS, "There is no such process." },
		{ REASON_SELF, "The target is the helper itself or one of its ancestors." },
		{ REASON_ALREADY_TRACED, "Another tracer holds the target." },
		{ REASON_NOT_AUTHORISED, NULL },
		{ REASON_OTHER_USER, "The target belongs to another user, and CAP_SYS_PTRACE is missing." },
		{ REASON_NOT_DUMPABLE, "The target is not dumpable, and CAP_SYS_PTRACE is missing." },
		{ REASON_YAMA, "kernel.yama.ptrace_scope forbids it." },
		{ REASON_STOPPED, "The process is stopped by a job-control signal." },
		{ REASON_CGROUP_FROZEN, "The control group of the process is frozen." },
		{ REASON_NOT_64_BIT, "The target is not a 64-bit program." },
		{ REASON_SHADOW_STACK, "The target uses user shadow stacks, which a chain of returns cannot pass." },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i].reason != p->reason)
			continue;
		(void)refuse(why, p->reason, p->errno_or_scope, NULL, "%s", words[i].detail ? words[i].detail : p->words);
		why->other_pid = p->reason == REASON_ALREADY_TRACED ? p->tracer : 0;
		return -1;
	}
	return 0;
}

int permission_again(pid_t pid, struct refusal *why)
{
	struct permission p = { .reason = REASON_NOT_AUTHORISED };
	struct status_facts facts;

	if (!authority_is_lent())
		return 0;
	if (proc_status(pid, 0, &facts) < 0)
		return refuse(why, REASON_TARGET_GONE, ESRCH, NULL, "The process has ended.");
	if (authority_check(pid, &facts, p.words, sizeof(p.words)) == 0)
		return 0;
	return permission_refusal(&p, why);
}
