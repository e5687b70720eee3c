#include "discover.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEBUGFS_KVM "/sys/kernel/debug/kvm"
#define RUNNING_LOOKS 6

static struct numbers numbers; /* one scan at a time: the helper has one thread */

/* The number after prefix when nothing but suffix follows it; -1. */
static int number_between(const char *text, const char *prefix, const char *suffix)
{
	size_t bytes = strlen(prefix);
	char *end;
	long value;

	if (strncmp(text, prefix, bytes) != 0 || text[bytes] < '0' || text[bytes] > '9')
		return -1;
	value = strtol(text + bytes, &end, 10);
	return strcmp(end, suffix) == 0 && value < 1 << 24 ? (int)value : -1;
}

int vcpu_of_link(const char *link)
{
	return number_between(link, "anon_inode:kvm-vcpu:", "");
}

int maps_have_vcpu(const char *maps, uint32_t index)
{
	struct mapping m;

	for (const char *at = maps; at && mapping_next(&at, &m) == 0;)
		if (index == ANY_VCPU ? vcpu_of_link(m.path) >= 0 : vcpu_of_link(m.path) == (int)index)
			return 1;
	return 0;
}

int thread_is_decoy(const char *comm)
{
	return strncmp(comm, "kvm-nx-lpage", 12) == 0 || strncmp(comm, "vhost-", 6) == 0;
}

int vcpu_of_thread_name(const char *comm)
{
	static const struct {
		const char *prefix, *suffix;
	} names[] = { { "CPU ", "/KVM" }, { "fc_vcpu ", "" }, { "vcpu", "" }, { "crosvm_vcpu", "" }, { "kvm-vcpu-", "" } };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int index = number_between(comm, names[i].prefix, names[i].suffix);

		if (index >= 0)
			return index;
	}
	return -1;
}

static int by_index(const void *a, const void *b)
{
	const struct vcpu_place *x = a, *y = b;

	return x->index != y->index ? (x->index > y->index) - (x->index < y->index) : (x->fd > y->fd) - (x->fd < y->fd);
}

int discover_vmm(pid_t pid, struct vmm *vmm)
{
	char link[256];
	int found = proc_numbers(&numbers, "/proc/%d/fd", pid);

	memset(vmm, 0, offsetof(struct vmm, vcpus));
	vmm->pid = pid;
	vmm->vm_fd = vmm->kvm_fd = -1;
	if (found < 0)
		return -1;
	for (size_t i = 0; i < numbers.count; i++) {
		int fd = numbers.all[i];

		if (proc_link(link, sizeof(link), "/proc/%d/fd/%d", pid, fd) < 0)
			continue;
		if (strcmp(link, "anon_inode:kvm-vm") == 0) {
			vmm->vm_fd = fd;
			vmm->vm_count++;
		} else if (strcmp(link, "/dev/kvm") == 0) {
			vmm->kvm_fd = fd;
		} else if (vcpu_of_link(link) >= 0 && vmm->vcpu_count == MAX_VCPUS) {
			vmm->left_out++;
		} else if (vcpu_of_link(link) >= 0) {
			vmm->vcpus[vmm->vcpu_count++] = (struct vcpu_place){
				.index = (uint32_t)vcpu_of_link(link), .fd = fd, .vm_fd = -1, .vmm_number = -1,
			};
		}
	}
	qsort(vmm->vcpus, vmm->vcpu_count, sizeof(vmm->vcpus[0]), by_index);
	for (uint32_t i = 0; vmm->vm_count == 1 && i < vmm->vcpu_count; i++)
		vmm->vcpus[i].vm_fd = vmm->vm_fd;
	return 0;
}

/* /sys/kernel/debug/kvm/<pid>-<vm fd>/vcpuN/pid names the thread that last called KVM_RUN. */
static void ask_debugfs(struct vmm *vmm)
{
	struct dirent *entry;
	DIR *dir = opendir(DEBUGFS_KVM);

	while (dir && (entry = readdir(dir))) {
		int pid, vm_fd;

		if (sscanf(entry->d_name, "%d-%d", &pid, &vm_fd) != 2 || pid != vmm->pid)
			continue;
		for (uint32_t i = 0; i < vmm->vcpu_count; i++) {
			struct vcpu_place *v = &vmm->vcpus[i];
			char *text = v->tid_is_sure ? NULL : proc_text(DEBUGFS_KVM "/%d-%d/vcpu%u/pid", pid, vm_fd, v->index);

			if (text && atoi(text) > 0) {
				v->tid = atoi(text);
				v->vm_fd = vm_fd;
				v->tid_is_sure = 1;
			}
			free(text);
		}
	}
	if (dir)
		closedir(dir);
}

/* A thread that is named after a CPU, and the number in its name. */
struct named_thread {
	int number;
	pid_t tid;
};

static int by_number(const void *a, const void *b)
{
	const struct named_thread *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

/* The thread is blocked in KVM_RUN of one of the descriptors, which settles it. */
static void note_blocked(struct vmm *vmm, pid_t tid, const char *syscall_text)
{
	for (uint32_t i = 0; syscall_text && i < vmm->vcpu_count; i++)
		if (syscall_is_kvm_run(syscall_text, vmm->vcpus[i].fd)) {
			vmm->vcpus[i].tid = tid;
			vmm->vcpus[i].tid_is_sure = 1;
			return;
		}
}

/*
 * A VMM counts its CPUs from 0 on, KVM's vCPU id is the APIC id, which has gaps where a socket's cores are no power of two.
 * Both go up together, so the lists are laid side by side; and which thread runs which is still to be seen.
 */
static void pair_names(struct vmm *vmm, struct named_thread *names, uint32_t count)
{
	uint32_t rest = 0, next = 0;

	for (uint32_t i = 0; i < vmm->vcpu_count; i++) {
		struct vcpu_place *v = &vmm->vcpus[i];

		for (uint32_t n = 0; v->tid_is_sure && n < count; n++)
			if (names[n].tid == v->tid) {
				v->vmm_number = names[n].number;
				names[n] = names[--count];
				break;
			}
		rest += !v->tid_is_sure;
	}
	/* Two VMs in one process have two vCPUs of one number: a name says nothing then. */
	if (vmm->vm_count > 1 || !count)
		return;
	qsort(names, count, sizeof(names[0]), by_number);
	for (uint32_t i = 0; i < vmm->vcpu_count; i++) {
		struct vcpu_place *v = &vmm->vcpus[i];

		if (v->tid_is_sure)
			continue;
		while (rest != count && next < count && names[next].number < (int)v->index)
			next++;
		if (next == count || (rest != count && names[next].number != (int)v->index))
			continue;
		v->tid = names[next].tid;
		v->vmm_number = names[next++].number;
	}
}

static int has_thread(const struct vmm *vmm, pid_t tid)
{
	for (uint32_t i = 0; i < vmm->vcpu_count; i++)
		if (vmm->vcpus[i].tid == tid)
			return 1;
	return 0;
}

static int is_running(pid_t pid, pid_t tid)
{
	char *text = proc_text("/proc/%d/task/%d/syscall", pid, tid);
	int running = text && strncmp(text, "running", 7) == 0;

	free(text);
	return running;
}

/* Threads in tid order go to the vCPUs that have none yet: VMMs start them in order. A guess, and marked so. */
static void guess_in_order(struct vmm *vmm, const pid_t *tids, uint32_t count)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < vmm->vcpu_count && next < count; i++)
		if (!vmm->vcpus[i].tid)
			vmm->vcpus[i].tid = tids[next++];
}

static uint32_t missing_threads(const struct vmm *vmm)
{
	uint32_t missing = 0;

	for (uint32_t i = 0; i < vmm->vcpu_count; i++)
		missing += vmm->vcpus[i].tid == 0;
	return missing;
}

/*
 * Where guest time is not accounted: a thread in guest mode is running at every look, while a VMM's other threads wait in
 * some call. Only when as many stay as vCPUs miss a thread is that an answer.
 */
static void guess_by_running(struct vmm *vmm, pid_t *tids, uint32_t count)
{
	uint32_t missing = missing_threads(vmm);

	for (int look = 0; look < RUNNING_LOOKS && missing && count; look++) {
		struct timespec pause = { .tv_nsec = 300000 };
		uint32_t kept = 0;

		for (uint32_t i = 0; i < count; i++)
			if (is_running(vmm->pid, tids[i]))
				tids[kept++] = tids[i];
		count = kept;
		(void)nanosleep(&pause, NULL);
	}
	if (missing && count == missing)
		guess_in_order(vmm, tids, count);
}

/* Those that run no vCPU as far as is known. Returns how many stay. */
static uint32_t without_known(const struct vmm *vmm, pid_t *tids, uint32_t count)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < count; i++)
		if (!has_thread(vmm, tids[i]))
			tids[kept++] = tids[i];
	return kept;
}

void discover_threads(struct vmm *vmm)
{
	static struct named_thread names[MAX_VCPUS];
	static pid_t guests[MAX_VCPUS], all[MAX_VCPUS];
	uint32_t name_count = 0, guest_count = 0, count = 0;

	ask_debugfs(vmm);
	if (proc_numbers(&numbers, "/proc/%d/task", vmm->pid) < 0)
		return;
	for (size_t i = 0; i < numbers.count; i++) {
		pid_t tid = numbers.all[i];
		struct stat_facts facts;
		char *text;

		if (proc_stat(vmm->pid, tid, &facts) < 0 || thread_is_decoy(facts.comm))
			continue;
		text = proc_text("/proc/%d/task/%d/syscall", vmm->pid, tid);
		note_blocked(vmm, tid, text);
		free(text);
		if (vcpu_of_thread_name(facts.comm) >= 0 && name_count < MAX_VCPUS)
			names[name_count++] = (struct named_thread){ vcpu_of_thread_name(facts.comm), tid };
		if (facts.guest_ticks && guest_count < MAX_VCPUS)
			guests[guest_count++] = tid;
		if (count < MAX_VCPUS)
			all[count++] = tid;
	}
	pair_names(vmm, names, name_count);
	if (vmm->vm_count > 1)
		return;
	guest_count = without_known(vmm, guests, guest_count);
	if (guest_count == missing_threads(vmm))
		guess_in_order(vmm, guests, guest_count);
	guess_by_running(vmm, all, without_known(vmm, all, count));
}
