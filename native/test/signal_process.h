/* A signal to one process. */
#ifndef TILESCOPE_TEST_SIGNAL_PROCESS_H
#define TILESCOPE_TEST_SIGNAL_PROCESS_H

#include <errno.h>
#include <signal.h>
#include <sys/types.h>

/*
 * kill(2) takes 0 for every process of the caller's group and -1 for every one that the caller may signal: to root, the whole machine. What
 * could not be started, or has been waited for, has such a number. -1, errno ESRCH: it names no process.
 */
static inline int signal_process(pid_t pid, int number)
{
	if (pid <= 0) {
		errno = ESRCH;
		return -1;
	}
	return kill(pid, number);
}

#pragma GCC poison kill killpg

#endif
