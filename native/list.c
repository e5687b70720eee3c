/* MSG_LIST_TARGETS: every process that owns vCPUs, as records on the wire. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "discover.h"
#include "permission.h"

#define MAX_PROCESSES 65536
#define MAX_CMDLINE_BYTES 16384

static int pids[MAX_PROCESSES];
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
		struct vcpu_record record = { .index = v->index, .fd = v->fd, .tid = v->tid, .vm_fd = v->vm_fd };
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

/* 1 where a record was added. */
static int add_target(struct reply *reply)
{
	static char cmdline[MAX_CMDLINE_BYTES];
	char exe[1024] = "";
	size_t start = reply->used;
	struct target_record record = { .pid = vmm.pid, .vm_count = vmm.vm_count, .vcpu_count = vmm.vcpu_count };
	struct permission permission;
	struct status_facts status;
	struct stat_facts stat;

	if (proc_stat(vmm.pid, 0, &stat) < 0 || proc_status(vmm.pid, 0, &status) < 0)
		return 0;
	discover_threads(&vmm);
	(void)proc_link(exe, sizeof(exe), "/proc/%d/exe", vmm.pid);
	permission_check(vmm.pid, vmm.vcpus[0].tid, &permission);
	record.uid = status.uids[0];
	record.reason = (uint32_t)permission.reason;
	record.errno_or_scope = permission.errno_or_scope;
	record.tracer_pid = permission.tracer;
	record.start_time_ticks = stat.start_time_ticks;
	record.running_ms = running_ms(stat.start_time_ticks);
	record.exe_bytes = (uint32_t)strlen(exe);
	record.cmdline_bytes = (uint32_t)read_cmdline(cmdline, sizeof(cmdline));
	memcpy(record.comm, stat.comm, sizeof(record.comm));
	(void)reply_add(reply, &record, sizeof(record));
	add_vcpus(reply);
	(void)reply_add(reply, exe, record.exe_bytes);
	(void)reply_add(reply, cmdline, record.cmdline_bytes);
	reply_pad(reply, 8);
	if (reply->full) {
		reply->used = start;
		return 0;
	}
	record.record_bytes = (uint32_t)(reply->used - start);
	memcpy(reply->bytes + start, &record, sizeof(record));
	return 1;
}

void discover_list(struct reply *reply)
{
	struct list_head head = { 0 };
	int count = proc_numbers(pids, MAX_PROCESSES, "/proc");

	(void)reply_add(reply, &head, sizeof(head));
	for (int i = 0; i < count && !reply->full; i++) {
		if (discover_vmm(pids[i], &vmm) < 0 && errno == EACCES)
			head.skipped_count++;
		else if (vmm.vcpu_count)
			head.target_count += (uint32_t)add_target(reply);
	}
	reply->full = 0; /* what did not fit was left out whole */
	memcpy(reply->bytes, &head, sizeof(head));
}
