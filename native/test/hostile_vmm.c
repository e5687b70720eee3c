#include "hostile.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../demo/vm.h"
#include "guest.h"
#include "loop_parts.h"
#include "proc.h"

#define KVM_PAGES_BYTES 8192u
#define KVM_RUN_USED 2352u
#define LOOP_OFFSET 0x31000u

static struct vm vm;
static struct vm_vcpu vcpu;
static struct demo_page *page;
static pthread_t runner;
static unsigned int seed;

static uint32_t rnd(unsigned int *state, uint32_t below)
{
	*state = *state * 1664525u + 1013904223u;
	return (*state >> 8) % below;
}

static void nap_us(uint32_t us)
{
	struct timespec t = { .tv_nsec = (long)us * 1000 };

	(void)nanosleep(&t, NULL);
}

/* For the test to see that it has done something at all. */
static void note_deed(void)
{
	(void)__atomic_fetch_add(&page->vcpus[0].io_count, 1, __ATOMIC_RELAXED);
}

static void on_signal(int number)
{
	(void)number;
}

static void *run_vcpu(void *unused)
{
	struct demo_vcpu *shown = &page->vcpus[0];

	shown->tid = (int32_t)syscall(SYS_gettid);
	(void)prctl(PR_SET_NAME, "vcpu0");
	for (;;) {
		shown->run_count++;
		if (ioctl(vcpu.fd, KVM_RUN, 0) < 0)
			shown->eintr_count++;
		else
			shown->other_errors++;
	}
	return unused;
}

/* By the kernel, which answers EFAULT where nothing is mapped any more. 0: all of it is written. */
static int put_bytes(uint64_t address, uint64_t word, size_t bytes)
{
	struct iovec from = { &word, bytes }, to = { (void *)(uintptr_t)address, bytes };

	return process_vm_writev(getpid(), &from, 1, &to, 1, 0) == (ssize_t)bytes ? 0 : -1;
}

static void put(uint64_t address, uint64_t word)
{
	(void)put_bytes(address, word, sizeof(word));
}

/* A helper's region that is there now, by chance one of several. 0: there is none. */
static uint64_t find_scratch(uint64_t *bytes)
{
	char *maps = proc_text("/proc/self/maps");
	uint64_t found = 0;
	struct mapping m;

	for (const char *at = maps; at && mapping_next(&at, &m) == 0;)
		if (is_scratch_region(m.start, m.end) || is_scratch_code(m.start, m.end)) {
			found = m.start;
			*bytes = m.end - m.start;
		}
	free(maps);
	return found;
}

/* Where a helper has something that it reads, or its chain goes by (session.h): each VMM that writes there has a place of its choice. */
static const struct zone {
	uint32_t offset, bytes;
} zones[] = {
	{ 0, SCRATCH_REGION_BYTES },               /* anywhere */
	{ 0, 64 },                                 /* whose it is */
	{ 0x11000, 0x2000 },                       /* frames of a chain */
	{ 0x1d000, 0x14000 },                      /* answers */
	{ LOOP_OFFSET + AT_DATA, sizeof(struct data) }, /* what the steps count in */
	{ LOOP_OFFSET, 0x20000 },                  /* steps and their records */
};

/* Words that a frame or an answer could hold, and others. */
static uint64_t any_word(unsigned int *state, uint64_t scratch)
{
	switch (rnd(state, 5)) {
	case 0: return 0;
	case 1: return ~0ull;
	case 2: return rnd(state, 512);
	case 3: return scratch + rnd(state, SCRATCH_REGION_BYTES);
	default: return (uint64_t)rnd(state, ~0u) << 32 | rnd(state, ~0u);
	}
}

static void *scribble(void *unused)
{
	const struct zone *zone = &zones[seed % (sizeof(zones) / sizeof(zones[0]))];
	unsigned int state = seed;

	for (;;) {
		uint64_t bytes = 0, scratch = find_scratch(&bytes);

		for (int i = 0; i < 400 && scratch; i++) {
			put(scratch + zone->offset + (rnd(&state, zone->bytes) & ~7u), any_word(&state, scratch));
			note_deed();
			if (zone == zones && rnd(&state, 40) == 0)
				put((uintptr_t)vcpu.run + KVM_RUN_USED + (rnd(&state, KVM_PAGES_BYTES - KVM_RUN_USED) & ~7u),
				    any_word(&state, scratch));
		}
		nap_us(scratch ? rnd(&state, 100) : 100);
	}
	return unused;
}

static void *unmap(void *unused)
{
	unsigned int state = seed ^ 1;

	for (;; nap_us(rnd(&state, 20000))) {
		uint64_t bytes = 0, scratch = find_scratch(&bytes);
		uint64_t at = scratch + (rnd(&state, (uint32_t)bytes + 1) & ~4095u);

		if (!scratch)
			continue;
		note_deed();
		if (rnd(&state, 2))
			(void)munmap((void *)(uintptr_t)at, 4096);
		else
			(void)mmap((void *)(uintptr_t)at, 4096, rnd(&state, 2) ? PROT_READ : PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return unused;
}

#define MOST_AIMS 4
static struct aim {
	unsigned long long offset, value;
	unsigned int bytes;
} aims[MOST_AIMS];
static int aim_count;

static void take_aim(const char *text)
{
	struct aim *a = &aims[aim_count];

	if (aim_count < MOST_AIMS && sscanf(text, "%llx:%u:%llx", &a->offset, &a->bytes, &a->value) == 3 && a->bytes <= sizeof(uint64_t))
		aim_count++;
}

static void *aim(void *unused)
{
	for (;; nap_us(20)) {
		uint64_t bytes = 0, scratch = find_scratch(&bytes);
		int is_there = scratch != 0;

		while (is_there) {
			note_deed();
			for (int i = 0; i < aim_count; i++)
				is_there = is_there && put_bytes(scratch + aims[i].offset, aims[i].value, aims[i].bytes) == 0;
		}
	}
	return unused;
}

static void *end_at_once(void *unused)
{
	return unused;
}

static void *churn(void *unused)
{
	unsigned int state = seed ^ 2;
	pthread_t other;

	for (;; nap_us(rnd(&state, 500))) {
		pid_t pid;

		if (pthread_create(&other, NULL, end_at_once, NULL) == 0)
			(void)pthread_join(other, NULL);
		pid = vfork();
		if (pid == 0)
			_exit(0);
		(void)waitpid(pid, NULL, 0);
		note_deed();
	}
	return unused;
}

static void *send_signals(void *unused)
{
	unsigned int state = seed ^ 3;

	for (;; nap_us(rnd(&state, 2000))) {
		(void)pthread_kill(runner, rnd(&state, 2) ? SIGRTMIN + 1 : SIGUSR1);
		note_deed();
	}
	return unused;
}

static void *fake_descriptors(void *unused)
{
	unsigned int state = seed ^ 4;

	for (;; nap_us(rnd(&state, 1000))) {
		int empty = ioctl(vm.kvm, KVM_CREATE_VM, 0), other = ioctl(empty, KVM_CREATE_VCPU, rnd(&state, 3));
		int same = dup(vcpu.fd), number = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

		/* A vCPU that outlives its VM, and a number that is another thing a moment later. */
		(void)close(empty);
		nap_us(rnd(&state, 1000));
		(void)dup2(number, same);
		(void)close(other);
		nap_us(rnd(&state, 200));
		(void)close(same);
		(void)close(number);
		note_deed();
	}
	return unused;
}

static void start_thread(void *(*deed)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, deed, NULL) != 0)
		vm_fail("pthread_create");
}

int main(int count, char **arguments)
{
	static void *(*const deeds[])(void *) = { scribble, unmap, churn, send_signals, fake_descriptors, aim };
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT };
	struct sigaction action = { .sa_handler = on_signal };
	unsigned int does;
	int fd;

	if (count < 7)
		return 64;
	fd = open(arguments[2], O_RDWR | O_CLOEXEC);
	does = (unsigned int)atoi(arguments[4]);
	seed = (unsigned int)atoi(arguments[6]);
	for (int i = 8; i < count; i += 2)
		take_aim(arguments[i]);
	(void)sigaction(SIGRTMIN + 1, &action, NULL);
	(void)sigaction(SIGUSR1, &action, NULL);
	/* Its end by its own doing is nothing that a sanitizer has to tell. */
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		(void)signal(fatal[i], SIG_DFL);
	page = mmap(NULL, DEMO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		vm_fail("shared memory");
	vm.program = guest_program_named("integer");
	vm.memory = (uint8_t *)page + DEMO_MEMORY_AT;
	vm_make(&vm);
	vm_add_vcpu(&vm, 0, &vcpu);
	if (pthread_create(&runner, NULL, run_vcpu, NULL) != 0)
		vm_fail("pthread_create");
	for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		if (does & 1u << i)
			start_thread(deeds[i]);
	page->magic = DEMO_MAGIC;
	for (;;)
		pause();
}
