/* Parsers of /proc, names of threads and descriptors, and the list that is made from them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "discover.h"
#include "groups.h"
#include "held.h"
#include "limits.h"
#include "target.h"
#include "check.h"

void proc_and_list(void);

static uint8_t payload[MAX_PAYLOAD_BYTES];

static void parsers(void)
{
	static const char stat_text[] =
		"4242 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 5577 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 "
		"35 36 37 38 39 99 41 42 1 0 0";
	static const char status_text[] =
		"Name:\tqemu\nUmask:\t0022\nState:\tS\nTgid:\t5\nPPid:\t77\nTracerPid:\t12\nUid:\t1\t2\t3\t4\nGid:\t5\t6\t7\t8\n"
		"SigPnd:\t0000000000000001\nShdPnd:\t0000000000000010\nSigBlk:\tffff000000000000\nSeccomp:\t2\n"
		"Seccomp_filters:\t3\nx86_Thread_features:\tshstk wrss \nx86_Thread_features_locked:\t\n";
	static const char maps_text[] =
		"200000000000-200000031000 rw-p 00000000 00:00 0 \n"
		"7f0000000000-7f0000001000 r-xp 00001000 fe:00 123   /usr/lib/a b/libc.so.6\n";
	const char *at = maps_text;
	struct status_facts status;
	struct stat_facts stat;
	struct mapping m;

	rule("/proc is parsed, odd names included");
	CHECK(stat_parse(stat_text, &stat) == 0 && strcmp(stat.comm, "a (b) c") == 0 && stat.start_time_ticks == 5577, "stat");
	CHECK(stat.guest_ticks == 99 && stat.state == 'S', "guest ticks %llu", (unsigned long long)stat.guest_ticks);
	for (size_t length = 0; length < sizeof(stat_text) - 12; length++) {
		char *cut = strndup(stat_text, length);

		(void)stat_parse(cut, &stat);
		free(cut);
	}
	CHECK(status_parse(status_text, &status) == 0 && status.parent == 77 && status.tracer == 12, "status");
	CHECK(status.uids[3] == 4 && status.gids[0] == 5 && status.seccomp_mode == 2 && status.seccomp_filters == 3, "status");
	CHECK(status.pending == 0x11 && status.blocked == 0xffff000000000000 && status.has_shadow_stack, "signals");
	for (size_t length = 0; length < sizeof(status_text); length++) {
		char *cut = strndup(status_text, length);

		(void)status_parse(cut, &status);
		free(cut);
	}
	CHECK(mapping_next(&at, &m) == 0 && m.start == 0x200000000000 && m.end == 0x200000031000 && !m.path[0], "scratch");
	CHECK(mapping_next(&at, &m) == 0 && strcmp(m.path, "/usr/lib/a b/libc.so.6") == 0 && m.access[2] == 'x', "libc");
	CHECK(m.object.offset == 0x1000 && m.object.device_major == 0xfe && m.object.device_minor == 0 && m.object.inode == 123, "what is mapped");
	CHECK(mapping_next(&at, &m) < 0, "the end");
	CHECK(syscall_is_kvm_run("16 0xd 0xae80 0x0 0x0 0x0 0x0 0x7f 0x7f\n", 13), "KVM_RUN");
	CHECK(!syscall_is_kvm_run("running\n", 13) && !syscall_is_kvm_run("16 0xe 0xae80 0x0", 13), "no KVM_RUN");
}

/* Cut anywhere, and lines that no kernel writes. */
static void odd_mappings(void)
{
	static const char text[] = "7f0000000000-7f0000001000 r-xp 00001000 fe:00 123                        /usr/lib/a b/libc.so.6\n";
	static const char *const wrong[] = { "", "\n", "7f00-", "-7f00 r-xp 0 0 0", "7f00-7f01r-xp 0 0 0", "7f00-7f01 r-x", " 1-2 r-xp 0 0:0 0",
					     "1-2 r-xp 0 0:0", "0x1-0x2 r-xp 0 0:0 0 ", "1-2\n r-xp 0 0:0 0", "1-2 r-xp 0 0 0 ", "1-2 r-xp 0 0:0 x ", "1-2 r-xp x 0:0 0 " };
	struct mapping m;

	for (size_t length = 0; length < sizeof(text); length++) {
		char *cut = strndup(text, length);
		const char *at = cut;

		while (mapping_next(&at, &m) == 0 && *at)
			;
		free(cut);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *at = wrong[i];

		CHECK(mapping_next(&at, &m) < 0 && at == wrong[i], "\"%s\" was taken", wrong[i]);
	}
}

/* CPU time of parsing so many mappings. */
static uint64_t parsing_ns(size_t count)
{
	static const char line[] = "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n";
	char *text = malloc(count * (sizeof(line) - 1) + 1);
	const char *at = text;
	uint64_t before;
	struct mapping m;
	size_t found = 0;

	for (size_t i = 0; text && i < count; i++)
		memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
	before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (text && mapping_next(&at, &m) == 0)
		found++;
	before = now_ns(CLOCK_PROCESS_CPUTIME_ID) - before;
	CHECK(found == count, "%zu of %zu mappings", found, count);
	free(text);
	return before;
}

static void mapping_costs(void)
{
	uint64_t few, many;

	rule("sixteen times the mappings take about sixteen times as long to parse");
	odd_mappings();
	few = parsing_ns(4000);
	many = parsing_ns(64000);
	CHECK(many / (few + 1) < 100, "%llu ns against %llu ns", (unsigned long long)many, (unsigned long long)few);
}

/* A process that has a VM with one vCPU, and waits. */
static pid_t start_owner(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		int kvm = open("/dev/kvm", O_RDWR), vm = ioctl(kvm, KVM_CREATE_VM, 0);

		if (prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && ioctl(vm, KVM_CREATE_VCPU, 0) >= 0)
			(void)raise(SIGSTOP);
		_exit(1);
	}
	(void)waitpid(pid, NULL, WUNTRACED);
	return pid;
}

/* As if the frame were nearly full when the list begins: room for one record only. */
static void pages(void)
{
	pid_t owners[3], seen[3] = { 0 };
	size_t count = 0;
	struct list_head head = { 0 };

	if (access("/dev/kvm", R_OK | W_OK) < 0) {
		skip("pages of the list", "/dev/kvm is absent");
		return;
	}
	rule("a list that does not fit goes on in the next page, and nobody is left out");
	for (int i = 0; i < 3; i++)
		owners[i] = start_owner();
	do {
		struct reply reply = { .bytes = payload, .used = MAX_PAYLOAD_BYTES - 900 };
		struct target_record record;
		size_t at = reply.used + sizeof(head);

		discover_list(head.more_after_pid, &reply);
		memcpy(&head, payload, sizeof(head));
		CHECK(!reply.full, "a page that is no reply");
		for (uint32_t i = 0; i < head.target_count; i++, at += record.record_bytes) {
			memcpy(&record, payload + at, sizeof(record));
			for (int o = 0; o < 3; o++)
				if (record.pid == owners[o] && count < 3)
					seen[count++] = record.pid;
		}
	} while (head.more_after_pid);
	CHECK(count == 3 && seen[0] == owners[0] && seen[1] == owners[1] && seen[2] == owners[2], "%zu of 3 were listed", count);
	for (int i = 0; i < 3; i++) {
		(void)signal_process(owners[i], SIGKILL);
		(void)waitpid(owners[i], NULL, 0);
	}
}

static void names(void)
{
	rule("threads and descriptors are known by their names");
	CHECK(vcpu_of_thread_name("CPU 0/KVM") == 0 && vcpu_of_thread_name("CPU 12/KVM") == 12, "QEMU");
	CHECK(vcpu_of_thread_name("CPU 0/TCG") < 0 && vcpu_of_thread_name("CPU /KVM") < 0, "not KVM");
	CHECK(vcpu_of_thread_name("fc_vcpu 3") == 3 && vcpu_of_thread_name("vcpu7") == 7, "Firecracker, Cloud Hypervisor");
	CHECK(vcpu_of_thread_name("kvm-vcpu-2") == 2 && vcpu_of_thread_name("crosvm_vcpu1") == 1 && vcpu_of_thread_name("vcpu7x") < 0, "crosvm");
	CHECK(thread_is_decoy("kvm-nx-lpage-re") && thread_is_decoy("vhost-123") && !thread_is_decoy("vmm"), "decoys");
	CHECK(vcpu_of_link("anon_inode:kvm-vcpu:5") == 5 && vcpu_of_link("anon_inode:kvm-vcpu-stats:5") < 0, "links");
}

static void limits(void)
{
	static const char text[] = "Limit                     Soft Limit           Hard Limit           Units     \n"
				   "Max data size             %s            unlimited            bytes     \n"
				   "Max address space         %s            unlimited            bytes     \n";
	static const char status[] = "Name:\tMax address space 1\nVmSize:\t     100 kB\nVmData:\t      40 kB\n";
	static const struct {
		const char *data, *all;
		uint64_t bytes;
		const char *found;
	} cases[] = {
		{ "unlimited", "unlimited", 1u << 30, NULL }, { "unlimited", "106496", 4096, NULL },
		{ "unlimited", "106495", 4096, "RLIMIT_AS" }, { "45056", "unlimited", 4096, NULL },
		{ "45055", "unlimited", 4096, "RLIMIT_DATA" }, { "0", "unlimited", 4096, NULL },
	};
	struct refusal why;

	rule("the limit that a mapping would meet is named");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char limits[512];
		const char *found;

		(void)snprintf(limits, sizeof(limits), text, cases[i].data, cases[i].all);
		found = limit_in_the_way(limits, status, NULL, cases[i].bytes);
		CHECK(found == cases[i].found || (found && cases[i].found && strcmp(found, cases[i].found) == 0), "%zu: %s", i,
		      found ? found : "none");
	}
	CHECK(!limit_in_the_way(NULL, NULL, NULL, 4096) && !limit_in_the_way("", "", "", 4096), "nothing to read");
	CHECK(limit_check(getpid(), 4096, &why) == 0, "this process: %s", why.call);
	CHECK(limit_refuse(getpid(), 4096, EAGAIN, &why) < 0 && strcmp(why.call, "mmap (RLIMIT_MEMLOCK)") == 0, "%s", why.call);
	CHECK(limit_refuse(getpid(), 4096, ENOMEM, &why) < 0 && strcmp(why.call, "mmap") == 0, "%s", why.call);
}

static void groups(void)
{
	static const char text[] = "9:name=systemd:/a\n6:cpu,freezer:/machine/x:y\n2:xfreezer:/no\n0::/user.slice/z\n";
	char path[32];

	rule("a process's control groups are told apart");
	CHECK(cgroup_path(text, "freezer", path, sizeof(path)) && strcmp(path, "/machine/x:y") == 0, "%s", path);
	CHECK(cgroup_path(text, "", path, sizeof(path)) && strcmp(path, "/user.slice/z") == 0, "%s", path);
	CHECK(!cgroup_path(text, "memory", path, sizeof(path)) && !cgroup_path(NULL, "", path, sizeof(path)), "found");
	CHECK(!cgroup_path(text, "freezer", path, 8), "cut short");
	for (size_t length = 0; length < sizeof(text); length++) {
		char *cut = strndup(text, length);

		(void)cgroup_path(cut, "freezer", path, sizeof(path));
		free(cut);
	}
}

static void marks_of_mappings(void)
{
	static const char text[] = "7f0000000000-7f0000200000 rw-p 00000000 00:00 0 \nSize: 2048 kB\nAnonymous: 0 kB\nVmFlags: rd wr mr mw me ac \n"
				   "7f0000200000-7f0000400000 rw-p 00000000 00:00 0 \nVmFlags: rd wr mr mw me dc ac hg mg \n"
				   "7f0000400000-7f0000600000 rw-p 00000000 00:00 0 \n7f0000600000-7f0000800000 rw-p 00000000 00:00 0 \nVmFlags: dc\n";
	static const uint64_t base = 0x7f0000000000, size = 0x200000;

	rule("[GM7] a mapping that is kept from forks is told by its own line of marks");
	const char *at = text;

	for (uint64_t i = 0; i < 4; i++)
		CHECK(mapping_kept_from_forks(&at, base + i * size, base + (i + 1) * size) == (i == 1 || i == 3), "%d", (int)i);
	at = text;
	CHECK(!mapping_kept_from_forks(&at, base + size, base + 3 * size), "another end");
	CHECK(mapping_kept_from_forks(&at, base + 3 * size, base + 4 * size), "one behind that");
	at = "";
	CHECK(!mapping_kept_from_forks(&at, base, base + size), "no text");
	for (size_t length = 0; length < sizeof(text); length++) {
		char *cut = strndup(text, length);

		at = cut;
		(void)mapping_kept_from_forks(&at, base + 3 * size, base + 4 * size);
		CHECK(at >= cut && at <= cut + strlen(cut), "%zu: beyond the text", length);
		free(cut);
	}
}

static void room_in_groups(void)
{
	static const char stat[] = "cache 1\ninactive_file 100\nactive_file 300\ntotal_inactive_file 0\n";
	struct refusal why;

	rule("the room that a control group has is its limit without what it cannot give up");
	CHECK(group_room("max\n", "5\n", stat, "inactive_file", "active_file") == NO_GROUP_LIMIT, "no limit");
	CHECK(group_room(NULL, "5\n", stat, "inactive_file", "active_file") == NO_GROUP_LIMIT, "no such file");
	CHECK(group_room("1000\n", "900\n", stat, "inactive_file", "active_file") == 300, "half of the files' pages");
	CHECK(group_room("1000\n", "900\n", stat, "total_inactive_file", "total_active_file") == 100, "names that are another's ends");
	CHECK(group_room("1000\n", "900\n", NULL, "inactive_file", "active_file") == 100, "no stat");
	CHECK(group_room("1000\n", "1400\n", stat, "inactive_file", "active_file") == 0, "beyond it");
	CHECK(group_room("1000\n", "100\n", stat, "inactive_file", "active_file") == 1000, "more files than it uses");
	CHECK(groups_check(getpid(), 4096, &why) == 0, "this process: %s", why.call);
}

void proc_and_list(void)
{
	room_in_groups();
	marks_of_mappings();
	groups();
	limits();
	parsers();
	mapping_costs();
	pages();
	names();
}
