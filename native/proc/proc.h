/* Facts from /proc, parsed from text so that tests can feed them files. */
#ifndef TILESCOPE_PROC_H
#define TILESCOPE_PROC_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct stat_facts {
	char comm[16];
	uint64_t start_time_ticks; /* field 22 */
	uint64_t guest_ticks;      /* field 43: time spent running a guest */
	char state;
};

struct status_facts {
	uint32_t uids[4]; /* real, effective, saved, file system */
	uint32_t gids[4];
	uint64_t permitted; /* CapPrm */
	pid_t parent;
	pid_t tracer;
	uint32_t seccomp_mode;
	uint32_t seccomp_filters;
	uint64_t pending;        /* SigPnd | ShdPnd */
	uint64_t blocked;
	uint64_t caught;         /* those that have a handler */
	uint64_t ignored;        /* those that are told to be ignored, not those that are so by default */
	int has_shadow_stack;    /* x86_Thread_features: shstk */
};

/* What is mapped, apart from where: another file, or another part of it, differs in one of these. */
struct mapped_object {
	uint64_t offset, inode;
	uint32_t device_major, device_minor;
};

struct mapping {
	uint64_t start, end;
	char access[5];
	struct mapped_object object;
	char path[256];
};

/* 0, or -1 where the text is not what it should be. */
int stat_parse(const char *text, struct stat_facts *facts);
int status_parse(const char *text, struct status_facts *facts);

/* The number in the line "name:" of a text such as /proc/PID/status; 0 where there is none. */
uint64_t proc_number(const char *text, const char *name, int base);

/* Takes one line off *text. 0, or -1 at the end (or at a line that is no mapping). */
int mapping_next(const char **text, struct mapping *mapping);

/*
 * Of the text of /proc/PID/smaps from *smaps on: 1 where it has that mapping, marked by MADV_DONTFORK. What lies below is taken off
 * the text, so that whoever asks for several, the lowest first, goes through it once.
 */
int mapping_kept_from_forks(const char **smaps, uint64_t start, uint64_t end);

/* Of /proc/PID/task/TID/syscall: 1 where the thread is blocked in ioctl(fd, KVM_RUN). fd -1: of any descriptor. */
int syscall_is_kvm_run(const char *text, int fd);

/* The file's text, NUL ended, or NULL. The caller frees it. */
char *proc_text(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Like readlink, NUL ended. 0 or -1. */
int proc_link(char *into, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));

int proc_stat(pid_t pid, pid_t tid, struct stat_facts *facts);     /* tid 0: the process */
int proc_status(pid_t pid, pid_t tid, struct status_facts *facts);

/* Numbers in a directory (fds, tids, pids), ascending: all of them. The room is kept for the next reading. */
struct numbers {
	int *all;
	size_t count, room;
};
/* 0; -1 and errno where it cannot be read. */
int proc_numbers(struct numbers *numbers, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
