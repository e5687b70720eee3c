/* MSG_LIST_TARGETS: every process that owns vCPUs, as records on the wire. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "discover.h"
#include "foresee.h"
#include "groups.h"
#include "limits.h"
#include "permission.h"
#include "room.h"
#include "session.h"

#define MAX_CMDLINE_BYTES 16384

static struct numbers pids;
static struct vmm vmm;

static uint64_t running_ms(uint64_t start_time_ticks)
{
	uint64_t ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK);
	struct timespec now;
	uint64_t now_ms, start_ms = start_time_ticks * 1000 / ticks_per_second;

	clock_gettime(CLOCK_BOOTTIME, &now);
	now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	return now_ms > start_ms ? now_ms - start_ms : 0;
}

static void add_vcpus(struct reply *reply)
{
	for (uint32_t i = 0; i < vmm.vcpu_count; i++) {
		struct vcpu_place *v = &vmm.vcpus[i];
		struct vcpu_record record = { .index = v->index, .fd = v->fd, .tid = v->tid, .vm_fd = v->vm_fd,
					       .vmm_number = v->vmm_number };
		struct status_facts facts;

		if (proc_status(vmm.pid, v->tid, &facts) == 0) {
			record.seccomp_mode = facts.seccomp_mode;
			record.seccomp_filters = facts.seccomp_filters;
		}
		(void)reply_add(reply, &record, sizeof(record));
	}
}

/* The whole cmdline, whose arguments hold NULs, so proc_text will not do. */
static size_t read_cmdline(char *into, size_t bytes)
{
	char path[64];
	FILE *file;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%d/cmdline", vmm.pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	n = fread(into, 1, bytes, file);
	(void)fclose(file);
	return n;
}

/* What attaching to the first vCPU will say, once the process may be looked into. 0, or -1 and why. */
static int foresee(uint64_t start_time_ticks, struct refusal *why)
{
	char *maps = proc_text("/proc/%d/maps", vmm.pid);
	int result;

	/* Else it has been handed the descriptors, or inherited them. */
	if (!maps_have_vcpu(maps, ANY_VCPU))
		result = refuse(why, REASON_NOT_A_VMM, 0, NULL, "It does not run them.");
	else if (foresee_thread(vmm.pid, &vmm.vcpus[0], why) < 0)
		result = -1;
	else if (foresee_filters(vmm.pid, start_time_ticks, &vmm.vcpus[0], why) < 0)
		result = -1;
	else if (maps_have_vcpu(maps, vmm.vcpus[0].index) && room_check(maps, vmm.vcpus[0].index, why) < 0)
		result = -1;
	else
		result = limit_check(vmm.pid, SCRATCH_BYTES, why) < 0 ? -1 : groups_check(vmm.pid, SCRATCH_BYTES, why);
	free(maps);
	return result;
}

/* 1 where a record was added, 0 where the process has ended, -1 where the frame is full. */
static int add_target(struct reply *reply)
{
	static char cmdline[MAX_CMDLINE_BYTES + 1];
	char exe[4096 + 16] = ""; /* a path and the mark of a deleted one */
	size_t start = reply->used, cmdline_bytes;
	struct target_record record = { .pid = vmm.pid, .vm_count = vmm.vm_count, .vcpu_count = vmm.vcpu_count,
					.vcpus_left_out = vmm.left_out };
	struct permission permission;
	struct refusal why;
	struct status_facts status;
	struct stat_facts stat;

	if (proc_stat(vmm.pid, 0, &stat) < 0 || proc_status(vmm.pid, 0, &status) < 0)
		return 0;
	discover_threads(&vmm);
	(void)proc_link(exe, sizeof(exe), "/proc/%d/exe", vmm.pid);
	permission_check(vmm.pid, vmm.vcpus[0].tid, &permission);
	if (permission.reason == REASON_NONE && foresee(stat.start_time_ticks, &why) < 0) {
		permission.reason = (enum reason)why.reason;
		permission.errno_or_scope = why.errno_value;
		record.seccomp_action = why.seccomp_action;
		memcpy(record.call, why.call, sizeof(record.call));
	}
	record.uid = status.uids[0];
	record.reason = (uint32_t)permission.reason;
	record.errno_or_scope = permission.errno_or_scope;
	record.tracer_pid = permission.tracer;
	record.start_time_ticks = stat.start_time_ticks;
	record.running_ms = running_ms(stat.start_time_ticks);
	record.exe_bytes = (uint32_t)strlen(exe);
	cmdline_bytes = read_cmdline(cmdline, sizeof(cmdline));
	record.cmdline_cut = cmdline_bytes > MAX_CMDLINE_BYTES;
	record.cmdline_bytes = (uint32_t)(record.cmdline_cut ? MAX_CMDLINE_BYTES : cmdline_bytes);
	memcpy(record.comm, stat.comm, sizeof(record.comm));
	(void)reply_add(reply, &record, sizeof(record));
	add_vcpus(reply);
	(void)reply_add(reply, exe, record.exe_bytes);
	(void)reply_add(reply, cmdline, record.cmdline_bytes);
	reply_pad(reply, 8);
	if (reply->full) {
		reply->used = start;
		reply->full = 0;
		return -1;
	}
	record.record_bytes = (uint32_t)(reply->used - start);
	memcpy(reply->bytes + start, &record, sizeof(record));
	return 1;
}

/* A page ends before the record that does not fit, and the next begins with it: nothing is left out unsaid. */
void discover_list(pid_t after_pid, struct reply *reply)
{
	struct list_head head = { 0 };
	pid_t last = after_pid;

	(void)reply_add(reply, &head, sizeof(head));
	if (proc_numbers(&pids, "/proc") < 0)
		pids.count = 0;
	for (size_t i = 0; i < pids.count; i++) {
		int added = 0;

		if (pids.all[i] <= after_pid)
			continue;
		if (discover_vmm(pids.all[i], &vmm) < 0)
			head.skipped_count += errno == EACCES;
		else if (vmm.vcpu_count)
			added = add_target(reply);
		if (added < 0) {
			head.more_after_pid = last;
			break;
		}
		head.target_count += (uint32_t)added;
		last = pids.all[i];
	}
	memcpy(reply->bytes, &head, sizeof(head));
}
