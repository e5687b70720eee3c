/* Who has stopped a process, where no tracer has. Found out without touching it. */
#ifndef TILESCOPE_HELD_H
#define TILESCOPE_HELD_H

#include <sys/types.h>

int held_by_signal(pid_t pid, pid_t tid); /* 1: stopped by SIGSTOP or another job-control signal; tid 0: the process */
int held_by_cgroup(pid_t pid);            /* 1: its control group is frozen, as `docker pause` and systemd do */

/* text: /proc/PID/cgroup. The path of the group in the hierarchy with that controller ("": version 2). 1: found. */
int cgroup_path(const char *text, const char *controller, char *path, size_t bytes);

#endif
