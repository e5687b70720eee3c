/*
 * May whoever runs this helper look into that process? Where the helper has no more than its caller, the kernel decides. A helper
 * with file capabilities (or the set-uid bit) has more: then it decides itself, by the real uid of its caller. A process of the
 * caller's own, which nothing has raised above him, is his; any other only by a line of the policy file, which root writes.
 *
 *	# who may            whose          which program
 *	allow 1000           107            /usr/bin/qemu-system-x86_64
 *	allow @131           64055          *
 *
 * Users are uids; @ marks a gid. The file and its folder belong to root, and nobody else may write to them.
 */
#ifndef TILESCOPE_AUTHORITY_H
#define TILESCOPE_AUTHORITY_H

#include <sys/types.h>

#include "proc.h"

#define POLICY_FOLDER "/etc/tilescope"
#define POLICY_PATH POLICY_FOLDER "/policy"

int authority_is_lent(void); /* 1: the helper has privileges that its caller has not */

/* 0: yes. -1: no, and why in words. */
int authority_check(pid_t pid, const struct status_facts *facts, char *words, size_t bytes);

/* One line of the policy: 1 where it allows this; 0 where it does not; -1 where it is no line of a policy. */
struct authority_question {
	uid_t caller, owner;
	const gid_t *groups; /* of the caller */
	int group_count;
	dev_t device; /* of the executable */
	ino_t inode;
};
int authority_line(const char *line, const struct authority_question *question);

#endif
