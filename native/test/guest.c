#include "guest.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "proc.h"

#define QEMU_COUNTER 0x7e00u
#define QEMU_MEMORY_BYTES 0x4000000u

/*
 * Instead of a BIOS, which takes seconds where KVM is nested: 64 KiB that end at 4 GiB and at 1 MiB, with a far jump at the
 * reset vector to their start. xor ax, ax; mov ds, ax; cli; again: inc dword [0x7e00]; jmp again
 */
#define ROM_BYTES 0x10000u
static const uint8_t reset_code[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 };
static const uint8_t rom_code[] = { 0x31, 0xc0, 0x8e, 0xd8, 0xfa, 0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf9 };

/*
 * The same, after INIT and SIPI to all other vCPUs through the x2APIC: mov ecx, 0x1b; rdmsr; or ax, 0xc00; wrmsr;
 * mov ecx, 0x830; xor edx, edx; mov eax, 0xc4500; wrmsr; mov eax, 0xc46f1; wrmsr. They start at 0xf1000.
 */
static const uint8_t waking_code[] = {
	0x66, 0xb9, 0x1b, 0x00, 0x00, 0x00, 0x0f, 0x32, 0x0d, 0x00, 0x0c, 0x0f, 0x30, 0x66, 0xb9, 0x30, 0x08, 0x00, 0x00,
	0x66, 0x31, 0xd2, 0x66, 0xb8, 0x00, 0x45, 0x0c, 0x00, 0x0f, 0x30, 0x66, 0xb8, 0xf1, 0x46, 0x0c, 0x00, 0x0f, 0x30,
};
#define WOKEN_OFFSET 0x1000u
/* mov ax, DEMO_VCPU_STRIDE / 16; mov ds, ax; cli; again: inc dword [0x7e00]; jmp again */
static const uint8_t woken_code[] = {
	0xb8, DEMO_VCPU_STRIDE / 16, 0x00, 0x8e, 0xd8, 0xfa, 0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf9,
};

static void nap_ms(int ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

int kvm_is_there(void)
{
	return access("/dev/kvm", R_OK | W_OK) == 0;
}

pid_t guest_spawn(const char *const *arguments)
{
	pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent) {
		int null = open("/dev/null", O_RDWR);

		(void)dup2(null, 0);
		(void)dup2(null, 1);
		execvp(arguments[0], (char *const *)(uintptr_t)arguments);
	}
	_exit(127);
}

static void *map_file(const char *path, size_t bytes)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	void *at;

	if (fd < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return NULL;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return at == MAP_FAILED ? NULL : at;
}

static int make_dir(struct guest *g)
{
	const char *folder = getenv("TMPDIR");

	memset(g, 0, sizeof(*g));
	if (!folder || strlen(folder) + sizeof("/tilescope-test-XXXXXX") > sizeof(g->dir))
		folder = "/tmp";
	(void)snprintf(g->dir, sizeof(g->dir), "%s/tilescope-test-XXXXXX", folder);
	return mkdtemp(g->dir) ? 0 : -1;
}

int guest_start_demo(struct guest *g, const char *program, const char *const *arguments)
{
	const char *all[16] = { program, "--shm" };
	char path[96];
	int count = 3;

	if (make_dir(g) < 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/shm", g->dir);
	all[2] = path;
	while (arguments && *arguments && count < 15)
		all[count++] = *arguments++;
	g->page = map_file(path, DEMO_BYTES);
	if (!g->page)
		return -1;
	g->counter = (volatile uint32_t *)((uintptr_t)g->page + DEMO_MEMORY_AT + QEMU_COUNTER);
	g->pid = guest_spawn(all);
	(void)COMES(g->page->magic == DEMO_MAGIC || !guest_lives(g));
	return g->page->magic == DEMO_MAGIC ? 0 : -1;
}

static const volatile uint8_t *guest_arena(const struct guest *g)
{
	return (const volatile uint8_t *)(uintptr_t)g->page + DEMO_PAGE_BYTES;
}

uint32_t guest_arena_changes(const struct guest *g)
{
	uint32_t changes = 0;

	for (uint32_t at = 0; at < DEMO_ARENA_BYTES; at++)
		changes += guest_arena(g)[at] != DEMO_CANARY(at);
	return changes;
}

int is_scratch_region(uint64_t start, uint64_t end)
{
	return start >> 45 == 1 && (end - start == SCRATCH_REGION_BYTES || end - start == SCRATCH_REGION_BYTES - SCRATCH_CODE_BYTES);
}

int is_scratch_code(uint64_t start, uint64_t end)
{
	return start >> 45 == 1 && end - start == SCRATCH_CODE_BYTES;
}

unsigned int guest_scratch_regions(const struct guest *g)
{
	char *maps = proc_text("/proc/%d/maps", g->pid);
	unsigned int count = 0;
	struct mapping m;

	for (const char *at = maps; at && mapping_next(&at, &m) == 0;)
		count += (unsigned int)is_scratch_region(m.start, m.end);
	free(maps);
	return count;
}

unsigned int guest_scratch_code(const struct guest *g)
{
	char *maps = proc_text("/proc/%d/maps", g->pid);
	unsigned int count = 0;
	struct mapping m;

	for (const char *at = maps; at && mapping_next(&at, &m) == 0;)
		count += (unsigned int)(is_scratch_code(m.start, m.end) && strcmp(m.access, "r-xp") == 0);
	free(maps);
	return count;
}

/* QEMU's guest may run while QEMU itself still starts and its heap grows: wait for half a second without a change. */
static void settle(const struct guest *g)
{
	char *before = guest_portrait(g);

	for (int quiet = 0, i = 0; quiet < 5 && i < 100; i++) {
		char *now;

		nap_ms(100);
		now = guest_portrait(g);
		quiet = strcmp(before, now) == 0 ? quiet + 1 : 0;
		free(before);
		before = now;
	}
	free(before);
}

static int start_qemu(struct guest *g, int vcpus, int wake, int stub)
{
	char image[96], memory_path[96], memory[160], smp[16], chardev[128];
	const char *arguments[] = {
		"qemu-system-x86_64", "-accel", "kvm", "-cpu", "host,-arch-capabilities", "-m", "64", "-smp", smp, "-display",
		"none", "-nodefaults", "-serial", "none", "-object", memory, "-machine", "pc,memory-backend=m", "-bios", image,
		stub ? "-chardev" : NULL, chardev, "-gdb", "chardev:g", NULL,
	};
	static uint8_t rom[ROM_BYTES];
	uint8_t *ram;
	int fd;

	if (make_dir(g) < 0)
		return -1;
	(void)snprintf(smp, sizeof(smp), "%d", vcpus);
	(void)snprintf(chardev, sizeof(chardev), "socket,id=g,path=%s/gdb,server=on,wait=off", g->dir);
	(void)snprintf(image, sizeof(image), "%s/rom", g->dir);
	(void)snprintf(memory_path, sizeof(memory_path), "%s/ram", g->dir);
	(void)snprintf(memory, sizeof(memory), "memory-backend-file,id=m,size=64M,mem-path=%s,share=on", memory_path);
	memset(rom, 0, sizeof(rom));
	if (wake)
		memcpy(rom, waking_code, sizeof(waking_code));
	memcpy(rom + (wake ? sizeof(waking_code) : 0), rom_code, sizeof(rom_code));
	memcpy(rom + WOKEN_OFFSET, woken_code, sizeof(woken_code));
	memcpy(rom + ROM_BYTES - 16, reset_code, sizeof(reset_code));
	fd = open(image, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, rom, sizeof(rom)) != (ssize_t)sizeof(rom))
		return -1;
	close(fd);
	ram = map_file(memory_path, QEMU_MEMORY_BYTES);
	if (!ram)
		return -1;
	g->counter = (volatile uint32_t *)(void *)(ram + QEMU_COUNTER);
	g->pid = guest_spawn(arguments);
	if (!COMES(*g->counter >= 1000 || !guest_lives(g)) || !guest_lives(g))
		return -1;
	for (int i = 1; wake && i < vcpus; i++)
		if (!guest_progresses(g, i))
			return -1;
	settle(g);
	return 0;
}

int guest_start_qemu(struct guest *g, int vcpus)
{
	return start_qemu(g, vcpus, 0, 0);
}

int guest_start_busy_qemu(struct guest *g, int vcpus)
{
	return start_qemu(g, vcpus, 1, 0);
}

int guest_start_stubbed_qemu(struct guest *g)
{
	return start_qemu(g, 1, 0, 1);
}

void guest_end(struct guest *g)
{
	char command[128];

	if (g->pid > 0) {
		(void)signal_process(g->pid, SIGKILL);
		(void)waitpid(g->pid, NULL, 0);
	}
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "shm", "rom", "ram", "gdb" };

		(void)snprintf(command, sizeof(command), "%s/%s", g->dir, names[i]);
		(void)unlink(command);
	}
	(void)rmdir(g->dir);
}

int guest_lives(const struct guest *g)
{
	struct stat_facts facts;

	return proc_stat(g->pid, 0, &facts) == 0 && facts.state != 'Z';
}

static int counter_moves(const struct guest *g, int vcpu, int ms)
{
	const volatile uint32_t *counter = g->counter + (size_t)vcpu * DEMO_VCPU_STRIDE / 4;
	uint32_t before = *counter;

	for (int i = 0; i < ms; i++) {
		if (*counter != before)
			return 1;
		if (!guest_lives(g))
			return 0;
		nap_ms(1);
	}
	return 0;
}

int guest_progresses(const struct guest *g, int vcpu)
{
	return counter_moves(g, vcpu, HANGS_MS);
}

int guest_stands_still(const struct guest *g, int vcpu)
{
	return !counter_moves(g, vcpu, 1000) && guest_lives(g);
}

volatile struct guest_area *guest_area(const struct guest *g, int vcpu)
{
	uintptr_t areas = (uintptr_t)g->page + DEMO_MEMORY_AT + GUEST_AREAS;

	return (volatile struct guest_area *)(areas + (size_t)vcpu * GUEST_AREA_BYTES);
}

void guest_start_step(const struct guest *g, int vcpu, uint32_t step)
{
	guest_area(g, vcpu)->done = 0;
	guest_area(g, vcpu)->step = step;
}

int guest_has_done(const struct guest *g, int vcpu, uint32_t step)
{
	return COMES(guest_area(g, vcpu)->done == step || !guest_lives(g)) && guest_area(g, vcpu)->done == step;
}

int guest_step(const struct guest *g, int vcpu, uint32_t step)
{
	guest_start_step(g, vcpu, step);
	return guest_has_done(g, vcpu, step);
}

static int kick_until(const struct guest *g, const volatile uint64_t *count)
{
	uint64_t before = *count;

	(void)syscall(SYS_tgkill, g->pid, g->page->vcpus[0].tid, SIGRTMIN + 1);
	return COMES(*count != before) && *count == before + 1;
}

int guest_load_host_tiles(const struct guest *g)
{
	return kick_until(g, &g->page->vcpus[0].tile_loads);
}

int guest_check_host_tiles(const struct guest *g)
{
	return kick_until(g, &g->page->vcpus[0].tile_checks) && g->page->vcpus[0].tile_errors == 0;
}

static void add(char **text, size_t *used, const char *line)
{
	size_t bytes = strlen(line);
	char *bigger = realloc(*text, *used + bytes + 1);

	if (!bigger)
		abort();
	memcpy(bigger + *used, line, bytes + 1);
	*text = bigger;
	*used += bytes;
}

static void add_threads(const struct guest *g, char **text, size_t *used)
{
	struct numbers tids = { 0 };
	char line[128];

	(void)proc_numbers(&tids, "/proc/%d/task", g->pid);
	for (size_t i = 0; i < tids.count; i++) {
		struct status_facts facts = { 0 };

		(void)proc_status(g->pid, tids.all[i], &facts);
		(void)snprintf(line, sizeof(line), "thread %d blocked %lx tracer %d\n", tids.all[i], (unsigned long)facts.blocked,
			       facts.tracer);
		add(text, used, line);
	}
	free(tids.all);
}

char *guest_portrait(const struct guest *g)
{
	struct numbers fds = { 0 };
	char *maps = proc_text("/proc/%d/maps", g->pid), *text = NULL;
	char link[128], line[512];
	size_t used = 0;
	struct mapping m;

	add_threads(g, &text, &used);
	(void)proc_numbers(&fds, "/proc/%d/fd", g->pid);
	for (size_t i = 0; i < fds.count; i++) {
		if (proc_link(link, sizeof(link), "/proc/%d/fd/%d", g->pid, fds.all[i]) < 0)
			continue;
		(void)snprintf(line, sizeof(line), "fd %d %s\n", fds.all[i], link);
		add(&text, &used, line);
	}
	free(fds.all);
	for (const char *at = maps; at && mapping_next(&at, &m) == 0;) {
		(void)snprintf(line, sizeof(line), "map %lx-%lx %s %s\n", (unsigned long)m.start, (unsigned long)m.end, m.access,
			       m.path);
		add(&text, &used, line);
	}
	free(maps);
	return text;
}

int portrait_returns(const struct guest *g, const char *before, char **last)
{
	*last = NULL;
	return COMES((free(*last), *last = guest_portrait(g), strcmp(*last, before) == 0));
}
