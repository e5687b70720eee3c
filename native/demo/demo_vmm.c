/*
 * The smallest VMM that behaves like a real one: a guest to look at where there is none.
 *
 *	demo-vmm [--program NAME] [--vcpus N] [--held] [--shm FILE] [--host-tiles] [--small-stack] [--seccomp KIND] [--signal]
 *		 [--park] [--sync-regs] [--debug-registers]
 *
 * --program     amx, avx512, avx, general, integer, io; without it the first of them that runs here
 * --held        the guest waits for steps in its area (guest_area.h) instead of going round
 * --host-tiles  at a kick the vCPU threads load tiles of their own, at the next one they look at them and release them
 * --small-stack KVM_RUN is made on a stack of 2 KiB amid others (small_stack.h), and after each all of them are looked at
 * --seccomp     a filter on the vCPU threads: see filter.h
 * --signal      a thread kicks every vCPU thread with a real-time signal each millisecond, as VMMs do
 * --sync-regs   it has the general registers from kvm_run (KVM_CAP_SYNC_REGS), and looks whether they are the guest's
 * --debug-registers  the guest has breakpoints of its own, and after each KVM_RUN it is looked whether KVM has them still
 * --park        after a moment of running, the vCPU threads wait outside KVM_RUN, as in a paused VM
 *
 * Says `ready pid=PID program=NAME (SUMMARY)` on stdout. Where stdin is a pipe or a socket, it ends with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "filter.h"
#include "host_tiles.h"
#include "small_stack.h"
#include "vm.h"

#define MOST_WAITING_KICKS 16u

static struct {
	int vcpus, signal, park, held, host_tiles, small_stack, undumpable, sync_regs, debug_registers;
	const char *seccomp, *shm, *program, *urgent;
} options = { .vcpus = 1 };

struct vcpu {
	int index;
	struct vm_vcpu kvm;
	struct demo_vcpu *page;
	pthread_t thread;
	uint16_t io_answer;
	int io_answered;
	uint64_t kicks_seen, kicks_sent;
};

static struct vcpu vcpus[DEMO_MAX_VCPUS];
static struct demo_page *page;
static uint8_t *arena;
static struct vm vm;
static __thread struct vcpu *self;
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t park_forever = PTHREAD_COND_INITIALIZER;

/* immediate_exit closes the gap between taking the signal and entering KVM_RUN. */
static void on_kick(int number)
{
	(void)number;
	if (self) {
		self->kvm.run->immediate_exit = 1;
		self->page->signals++;
	}
}

static void on_sigsys(int number)
{
	(void)number;
	if (self)
		self->page->sigsys++;
}

static void on_urgent(int number)
{
	(void)number;
}

/* What this VMM does with SIGURG, of which others make nothing: --urgent. */
static int is_urgent(const char *how)
{
	return options.urgent && strcmp(options.urgent, how) == 0;
}

static void block_urgent(void)
{
	sigset_t urgent;

	sigemptyset(&urgent);
	sigaddset(&urgent, SIGURG);
	(void)pthread_sigmask(SIG_BLOCK, &urgent, NULL);
}

static void prepare_urgent(void)
{
	struct sigaction action = { .sa_handler = is_urgent("caught") ? on_urgent : is_urgent("ignored") ? SIG_IGN : SIG_DFL };

	(void)sigaction(SIGURG, &action, NULL);
	if (is_urgent("blocked")) /* by all its threads */
		block_urgent();
}

static void park(struct vcpu *v)
{
	pthread_mutex_lock(&park_lock);
	v->page->parked = 1;
	for (;;)
		pthread_cond_wait(&park_forever, &park_lock);
}

static void left_guest(const struct vcpu *v)
{
	fprintf(stderr, "demo-vmm: vCPU %d left with exit %u", v->index, v->kvm.run->exit_reason);
	if (v->kvm.run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		fprintf(stderr, ", internal error %u: KVM does not run what program %s executes", v->kvm.run->internal.suberror,
			vm.program->name);
	fprintf(stderr, "\n");
	exit(2);
}

/* Each answer is another one, and comes back once. */
static void serve(struct vcpu *v, int is_read, uint8_t *data)
{
	v->page->io_count++;
	if (is_read) {
		v->page->io_errors += (uint64_t)(v->io_answered != 0);
		v->io_answer++;
		v->io_answered = 1;
		memcpy(data, &v->io_answer, sizeof(v->io_answer));
	} else {
		v->page->io_errors += (uint64_t)(!v->io_answered || memcmp(data, &v->io_answer, sizeof(v->io_answer)) != 0);
		v->io_answered = 0;
	}
}

static void serve_exit(struct vcpu *v)
{
	struct kvm_run *run = v->kvm.run;

	if (run->exit_reason == KVM_EXIT_IO)
		serve(v, run->io.direction == KVM_EXIT_IO_IN, (uint8_t *)run + run->io.data_offset);
	else if (run->exit_reason == KVM_EXIT_MMIO)
		serve(v, !run->mmio.is_write, run->mmio.data);
	else if (run->exit_reason != KVM_EXIT_HLT) /* nothing wakes it: it goes on */
		left_guest(v);
}

static void change_host_tiles(struct vcpu *v)
{
	if (v->kicks_seen == v->page->signals)
		return;
	v->kicks_seen = v->page->signals;
	if (v->page->tile_loads == v->page->tile_checks) {
		host_tiles_load();
		v->page->tile_loads++;
	} else {
		v->page->tile_errors += !host_tiles_intact();
		host_tiles_release();
		v->page->tile_checks++;
	}
}

static void check_small_stack(const struct vcpu *v)
{
	for (uint32_t at = 0; at < DEMO_ARENA_BYTES; at++)
		v->page->stack_errors += arena[at] != DEMO_CANARY(at);
	v->page->stack_checks++;
	v->page->register_errors += (uint64_t)small_stack_lost_registers();
}

/* Of kvm_run's synchronized registers what it has asked for, which is the guest's, or nothing at all; and what is the guest's alone. */
static void check_registers(const struct vcpu *v)
{
	const struct kvm_run *run = v->kvm.run;
	struct kvm_regs regs;

	v->page->debug_register_errors += (uint64_t)(options.debug_registers && vm_lost_debug_registers(&v->kvm));
	v->page->other_errors += run->kvm_dirty_regs != 0 || run->kvm_valid_regs != (options.sync_regs ? KVM_SYNC_X86_REGS : 0);
	if (options.sync_regs)
		v->page->other_errors += ioctl(v->kvm.fd, KVM_GET_REGS, &regs) < 0 || memcmp(&regs, &run->s.regs.regs, sizeof(regs)) != 0;
	for (size_t at = options.sync_regs ? sizeof(regs) : 0; at < sizeof(run->s); at++)
		v->page->other_errors += ((const uint8_t *)&run->s)[at] != 0;
}

/* 0, or -1 with errno. */
static int run_guest(const struct vcpu *v)
{
	long result;

	if (!options.small_stack)
		return ioctl(v->kvm.fd, KVM_RUN, 0);
	result = small_stack_run(arena, v->index, v->kvm.fd);
	errno = result < 0 ? (int)-result : 0;
	check_small_stack(v);
	errno = result < 0 ? (int)-result : 0;
	return result < 0 ? -1 : 0;
}

static int begun; /* threads that have mapped and unblocked what they need */
static void *vcpu_thread(void *argument)
{
	struct vcpu *v = argument;
	char name[16];

	self = v;
	v->page->tid = (int32_t)syscall(SYS_gettid);
	(void)snprintf(name, sizeof(name), "vcpu%d", v->index);
	(void)prctl(PR_SET_NAME, name);
	if (is_urgent("blocked-by-vcpus"))
		block_urgent();
	if (options.seccomp)
		filter_install(options.seccomp);
	if (options.small_stack && small_stack_prepare() < 0)
		vm_fail("sigaltstack");
	v->kvm.run->kvm_valid_regs = options.sync_regs ? KVM_SYNC_X86_REGS : 0;
	(void)__atomic_fetch_add(&begun, 1, __ATOMIC_RELEASE);
	for (;;) {
		int result, why;

		v->page->run_count++;
		result = run_guest(v);
		why = errno;
		check_registers(v);
		if (result == 0) {
			serve_exit(v);
			continue;
		}
		errno = why;
		if (errno == EINTR)
			v->page->eintr_count++;
		else if (errno != EAGAIN)
			v->page->other_errors++;
		v->kvm.run->immediate_exit = 0;
		if (options.host_tiles)
			change_host_tiles(v);
		if (options.park && v->page->eintr_count)
			park(v);
	}
	return NULL;
}

static void map_shared(void)
{
	int fd = options.shm ? open(options.shm, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : memfd_create("demo", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, DEMO_BYTES) < 0)
		vm_fail("shared memory");
	page = mmap(NULL, DEMO_OWN_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	vm.memory = mmap(NULL, DEMO_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, DEMO_MEMORY_AT);
	if (page == MAP_FAILED || vm.memory == MAP_FAILED)
		vm_fail("mmap");
	close(fd);
	arena = (uint8_t *)page + DEMO_PAGE_BYTES;
	small_stack_fill(arena);
	page->vcpu_count = (uint32_t)options.vcpus;
	page->pid = getpid();
	(void)snprintf(page->program, sizeof(page->program), "%s", vm.program->name);
}

static void usage(void)
{
	fprintf(stderr, "demo-vmm: 1 to %d vCPUs; programs:\n", DEMO_MAX_VCPUS);
	for (size_t i = 0; i < guest_program_count; i++)
		fprintf(stderr, "  %-8s %s\n", guest_programs[i].name, guest_programs[i].summary);
	exit(64);
}

static void read_options(int count, char **arguments)
{
	static const struct option known[] = {
		{ "vcpus", required_argument, NULL, 'n' }, { "program", required_argument, NULL, 'g' },
		{ "shm", required_argument, NULL, 's' }, { "seccomp", required_argument, NULL, 'f' },
		{ "urgent", required_argument, NULL, 'r' },
		{ "signal", no_argument, &options.signal, 1 }, { "park", no_argument, &options.park, 1 },
		{ "held", no_argument, &options.held, 1 }, { "host-tiles", no_argument, &options.host_tiles, 1 },
		{ "small-stack", no_argument, &options.small_stack, 1 }, { "undumpable", no_argument, &options.undumpable, 1 },
		{ "sync-regs", no_argument, &options.sync_regs, 1 }, { "debug-registers", no_argument, &options.debug_registers, 1 },
		{ 0 },
	};
	int letter;

	while ((letter = getopt_long(count, arguments, "", known, NULL)) != -1) {
		switch (letter) {
		case 'n': options.vcpus = atoi(optarg); break;
		case 'g': options.program = optarg; break;
		case 's': options.shm = optarg; break;
		case 'f': options.seccomp = optarg; break;
		case 'r': options.urgent = optarg; break;
		case 0: break;
		default: usage();
		}
	}
	if (options.vcpus < 1 || options.vcpus > DEMO_MAX_VCPUS || (options.program && !guest_program_named(options.program)))
		usage();
}

static int stdin_is_leash(void)
{
	struct stat st;

	return fstat(STDIN_FILENO, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}

/* A millisecond, or until something is to be read. Returns only while whoever started us holds the other end of stdin. */
static void wait_on_leash(int leashed)
{
	struct pollfd leash = { .fd = leashed ? STDIN_FILENO : -1, .events = POLLIN };
	char bytes[256];

	if (poll(&leash, 1, options.signal ? 1 : -1) <= 0)
		return;
	if (read(STDIN_FILENO, bytes, sizeof(bytes)) == 0)
		exit(0);
}

static void start_vcpus(void)
{
	vm_make(&vm);
	for (int i = 0; i < options.vcpus; i++) {
		vcpus[i].index = i;
		vcpus[i].page = &page->vcpus[i];
		vm_add_vcpu(&vm, (unsigned int)i, &vcpus[i].kvm);
		if (options.debug_registers)
			vm_set_debug_registers(&vcpus[i].kvm);
		vm_area(&vm, (unsigned int)i)->step = options.held ? STEP_HOLD : STEP_FREE;
	}
	for (int i = 0; i < options.vcpus; i++)
		if (pthread_create(&vcpus[i].thread, NULL, vcpu_thread, &vcpus[i]) != 0)
			vm_fail("pthread_create");
}

/* A kick that comes before its thread has begun is nothing to it, so each is kicked until it has parked. */
static void park_all(int kick_signal)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };

	for (int i = 0; i < options.vcpus; i++)
		while (!__atomic_load_n(&page->vcpus[i].parked, __ATOMIC_ACQUIRE)) {
			(void)pthread_kill(vcpus[i].thread, kick_signal);
			(void)nanosleep(&millisecond, NULL);
		}
}

/* Real-time signals queue up, and the user's limit of them is for all his processes: a thread that takes none gets no more. */
static void kick_all(int kick_signal)
{
	for (int i = 0; i < options.vcpus; i++) {
		struct vcpu *v = &vcpus[i];

		if (!__atomic_load_n(&v->page->tid, __ATOMIC_ACQUIRE) ||
		    v->kicks_sent - __atomic_load_n(&v->page->signals, __ATOMIC_RELAXED) >= MOST_WAITING_KICKS)
			continue;
		v->kicks_sent++;
		(void)pthread_kill(v->thread, kick_signal);
	}
}

int main(int count, char **arguments)
{
	const struct timespec millisecond = { .tv_nsec = 1000000 };
	struct sigaction kick = { .sa_handler = on_kick, .sa_flags = SA_ONSTACK }, trap = { .sa_handler = on_sigsys };
	int kick_signal = SIGRTMIN + 1, leashed = stdin_is_leash();

	read_options(count, arguments);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a demo guest does not outlive whoever started it */
	if (options.undumpable)
		(void)prctl(PR_SET_DUMPABLE, 0);
	if (access("/dev/kvm", R_OK | W_OK) < 0)
		vm_fail("/dev/kvm");
	vm.program = options.program ? guest_program_named(options.program) : guest_program_chosen();
	if (options.host_tiles && host_tiles_permit() < 0)
		vm_fail("ARCH_REQ_XCOMP_PERM");
	(void)sigaction(kick_signal, &kick, NULL);
	(void)sigaction(SIGSYS, &trap, NULL);
	prepare_urgent();
	map_shared();
	start_vcpus();
	while (__atomic_load_n(&begun, __ATOMIC_ACQUIRE) < options.vcpus)
		(void)nanosleep(&millisecond, NULL);
	if (options.park)
		park_all(kick_signal);
	printf("ready pid=%d program=%s (%s)\n", getpid(), vm.program->name, vm.program->summary);
	(void)fflush(stdout);
	page->magic = DEMO_MAGIC; /* last: whoever waits for it compares the mappings from now on */
	for (;;) {
		wait_on_leash(leashed);
		if (options.signal)
			kick_all(kick_signal);
	}
}
