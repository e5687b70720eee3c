#include "foresee.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "permission.h"
#include "session.h"

#define KEPT 256
#define LOOKS 6

/* A list is asked for again and again; filters never go, and a new one changes their number. */
static struct kept {
	uint64_t start_time_ticks;
	pid_t tid;
	uint32_t filters;
	int result;
	struct refusal why;
} kept[KEPT];
static size_t next_kept;

static struct kept *find_kept(uint64_t start_time_ticks, pid_t tid, uint32_t filters)
{
	for (size_t i = 0; i < KEPT; i++)
		if (kept[i].tid == tid && kept[i].start_time_ticks == start_time_ticks && kept[i].filters == filters)
			return &kept[i];
	return NULL;
}

/* Those that every session makes, and the one that brings the image: either will do. */
static int check(const struct target *target, const struct seccomp_filters *filters, int fd, struct refusal *why)
{
	struct program program = { 0 }, legacy = { 0 };
	struct refusal ignored;

	program_ioctl(&legacy, CALL_KVM_GET_XSAVE, fd, SCRATCH_BASE);
	program_add(&program, CALL_mmap, SCRATCH_BASE, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
	program.calls[0].arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	program.calls[0].arguments[4] = (uint64_t)-1;
	program_add(&program, CALL_munmap, SCRATCH_BASE, SCRATCH_BYTES, 0);
	if (chain_check_filters(target, filters, &legacy, &ignored) < 0)
		program_ioctl(&program, CALL_KVM_GET_XSAVE2, fd, SCRATCH_BASE);
	return chain_check_filters(target, filters, &program, why);
}

/* 0: read. -1: the thread is neither in KVM_RUN now nor parked, or cannot be stopped: nothing is known. */
static int read_filters(const struct target *target, pid_t tid, int fd, int is_parked, struct seccomp_filters *filters)
{
	static struct stopped stop;
	struct refusal ignored;
	enum stop_state state;
	int is_read;

	if (permission_again(target->pid, &ignored) < 0 || thread_seize(target, tid, PTRACE_O_TRACESYSGOOD, &ignored) < 0)
		return -1;
	if (thread_stop(tid, fd, 0, 0, &stop, &state, &ignored) < 0) {
		late_add(tid);
		return -1;
	}
	is_read = state == STOP_IN_KVM_RUN || (is_parked && state == STOP_OUTSIDE);
	if (is_read)
		seccomp_read_filters(tid, filters);
	if (thread_let_go(tid, &stop) < 0)
		late_add(tid);
	return is_read ? 0 : -1;
}

/*
 * A paused VMM's vCPU threads wait in one of these, which the kernel makes again after a stop, with the time that was left.
 * Others return EINTR then: one that is asleep there is left alone, for a list is nothing that a VMM is to notice.
 */
static int is_made_again(long number)
{
	static const long calls[] = { SYS_futex, SYS_nanosleep, SYS_clock_nanosleep, SYS_poll, SYS_ppoll, SYS_select, SYS_pselect6 };

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (number == calls[i])
			return 1;
	return 0;
}

enum at { AT_WORK, PARKED, ASLEEP_ELSEWHERE };

static enum at where_is(pid_t pid, pid_t tid, int fd)
{
	char *text = proc_text("/proc/%d/task/%d/syscall", pid, tid);
	enum at at = AT_WORK;

	if (text && strncmp(text, "running", 7) != 0 && !syscall_is_kvm_run(text, fd))
		at = is_made_again(strtol(text, NULL, 10)) ? PARKED : ASLEEP_ELSEWHERE;
	free(text);
	return at;
}

/* Asleep in another call than KVM_RUN of this vCPU; the kernel's own workers run none. */
static int cannot_run_it(pid_t pid, pid_t tid, int fd)
{
	struct stat_facts facts;

	return proc_stat(pid, tid, &facts) < 0 || thread_is_decoy(facts.comm) || (facts.state != 't' && where_is(pid, tid, fd) != AT_WORK);
}

int foresee_thread(pid_t pid, const struct vcpu_place *vcpu, struct refusal *why)
{
	static struct numbers tids;

	for (int look = 0; !vcpu->tid && look < LOOKS; look++) {
		struct timespec millisecond = { .tv_nsec = 1000000 };

		if (proc_numbers(&tids, "/proc/%d/task", pid) < 0)
			return 0;
		for (size_t i = 0; i < tids.count; i++)
			if (!cannot_run_it(pid, tids.all[i], vcpu->fd))
				return 0;
		(void)nanosleep(&millisecond, NULL);
	}
	if (vcpu->tid)
		return 0;
	return refuse(why, REASON_THREAD_NOT_FOUND, 0, NULL, "No thread can be in KVM_RUN of vCPU %u.", vcpu->index);
}

/* What is known of the filters of this thread, which may be that of the vCPU; NULL: nothing now. */
static const struct kept *judge(const struct target *target, pid_t tid, int fd)
{
	struct seccomp_filters filters = { 0 };
	enum at at = where_is(target->pid, tid, fd);
	struct status_facts facts;
	struct kept *known;

	if (proc_status(target->pid, tid, &facts) < 0)
		return NULL;
	known = find_kept(target->start_time_ticks, tid, facts.seccomp_filters);
	if (known)
		return known;
	if (at == ASLEEP_ELSEWHERE || read_filters(target, tid, fd, at == PARKED, &filters) < 0)
		return NULL;
	known = &kept[next_kept++ % KEPT];
	*known = (struct kept){ .start_time_ticks = target->start_time_ticks, .tid = tid, .filters = facts.seccomp_filters };
	known->result = check(target, &filters, fd, &known->why);
	seccomp_free_filters(&filters);
	return known;
}

/* Where names tell of no thread, or of another one: by a thread that has run a guest and is in no other call. */
static const struct kept *judge_running(const struct target *target, int fd)
{
	static struct numbers tids;
	const struct kept *known = NULL;
	struct stat_facts facts;

	if (proc_numbers(&tids, "/proc/%d/task", target->pid) < 0)
		return NULL;
	for (size_t i = 0; i < tids.count && !known; i++)
		if (proc_stat(target->pid, tids.all[i], &facts) == 0 && facts.guest_ticks && !thread_is_decoy(facts.comm) &&
		    where_is(target->pid, tids.all[i], fd) == AT_WORK)
			known = judge(target, tids.all[i], fd);
	return known;
}

int foresee_filters(pid_t pid, uint64_t start_time_ticks, const struct vcpu_place *vcpu, struct refusal *why)
{
	struct target target = { .pid = pid, .start_time_ticks = start_time_ticks };
	const struct kept *known;
	struct status_facts facts;

	/* Of a process whose vCPU's thread is not known yet, the first stands for it as far as that: all of them have filters, or none. */
	if (proc_status(pid, vcpu->tid, &facts) < 0 || facts.seccomp_mode != SECCOMP_MODE_FILTER)
		return 0;
	if (!(own_capabilities() >> CAP_SYS_ADMIN & 1))
		return refuse(why, REASON_SECCOMP_UNREADABLE, EPERM, "PTRACE_SECCOMP_GET_FILTER",
			      "The thread has a seccomp filter that may not be read: CAP_SYS_ADMIN is needed.");
	known = vcpu->tid ? judge(&target, vcpu->tid, vcpu->fd) : NULL;
	if (!known)
		known = judge_running(&target, vcpu->fd);
	if (!known)
		return 0;
	*why = known->why;
	return known->result;
}
