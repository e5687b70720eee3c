/*
 * The smallest VMM that behaves like a real one: a guest to look at where there is none.
 *
 *	demo-vmm [--vcpus N] [--guest NAME] [--shm FILE] [--seccomp KIND] [--signal] [--park]
 *
 * --seccomp  allow, trap-set, kill-set (KVM_SET_XSAVE), trap-get (KVM_GET_XSAVE2), errno (KVM_GET_SREGS), no-clock
 * --signal   a thread kicks every vCPU thread with a real-time signal each millisecond, as VMMs do
 * --park     after a moment of running, the vCPU threads wait outside KVM_RUN, as in a paused VM
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"
#include "guests.h"

#ifndef KVM_GET_XSAVE2
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xcf, struct kvm_xsave)
#endif

static struct {
	int vcpus, signal, park;
	const char *seccomp, *shm;
	const struct guest_program *guest;
} options = { .vcpus = 1 };

struct vcpu {
	int index, fd;
	struct kvm_run *run;
	struct demo_vcpu *page;
	pthread_t thread;
};

static struct vcpu vcpus[DEMO_MAX_VCPUS];
static struct demo_page *page;
static uint8_t *memory;
static __thread struct vcpu *self;
static pthread_mutex_t park_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t park_forever = PTHREAD_COND_INITIALIZER;

static void fail(const char *what)
{
	fprintf(stderr, "demo-vmm: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* immediate_exit closes the gap between taking the signal and entering KVM_RUN. */
static void on_kick(int number)
{
	(void)number;
	if (self) {
		self->run->immediate_exit = 1;
		self->page->signals++;
	}
}

static void on_sigsys(int number)
{
	(void)number;
	if (self)
		self->page->sigsys++;
}

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value) BPF_STMT(BPF_RET | BPF_K, value)

/* One system call, perhaps with one value of its second argument, gets this answer; everything else is allowed. */
static void install_filter(uint32_t number, int64_t second, uint32_t answer)
{
	struct sock_filter code[] = {
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		LOAD(args[1]),
		BPF_JUMP(BPF_JMP | (second < 0 ? BPF_JGE : BPF_JEQ) | BPF_K, second < 0 ? 0 : (uint32_t)second, 0, 1),
		ANSWER(answer),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		fail("seccomp");
}

static void seccomp_as_asked(void)
{
	static const struct {
		const char *kind;
		uint32_t number;
		int64_t second;
		uint32_t answer;
	} kinds[] = {
		{ "allow", SYS_swapoff, -1, SECCOMP_RET_KILL_PROCESS },
		{ "trap-set", SYS_ioctl, KVM_SET_XSAVE, SECCOMP_RET_TRAP },
		{ "kill-set", SYS_ioctl, KVM_SET_XSAVE, SECCOMP_RET_KILL_PROCESS },
		{ "trap-get", SYS_ioctl, KVM_GET_XSAVE2, SECCOMP_RET_TRAP },
		{ "errno", SYS_ioctl, KVM_GET_SREGS, SECCOMP_RET_ERRNO | EPERM },
		{ "no-clock", SYS_clock_gettime, -1, SECCOMP_RET_KILL_PROCESS },
	};

	if (!options.seccomp)
		return;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].kind, options.seccomp) == 0) {
			install_filter(kinds[i].number, kinds[i].second, kinds[i].answer);
			return;
		}
	errno = EINVAL;
	fail(options.seccomp);
}

static void park(struct vcpu *v)
{
	pthread_mutex_lock(&park_lock);
	v->page->parked = 1;
	for (;;)
		pthread_cond_wait(&park_forever, &park_lock);
}

static void *vcpu_thread(void *argument)
{
	struct vcpu *v = argument;
	char name[16];

	self = v;
	v->page->tid = (int32_t)syscall(SYS_gettid);
	(void)snprintf(name, sizeof(name), "vcpu%d", v->index);
	(void)prctl(PR_SET_NAME, name);
	seccomp_as_asked();
	for (;;) {
		v->page->run_count++;
		if (ioctl(v->fd, KVM_RUN, 0) == 0) {
			fprintf(stderr, "demo-vmm: vCPU %d left with exit %u\n", v->index, v->run->exit_reason);
			exit(2);
		}
		if (errno == EINTR)
			v->page->eintr_count++;
		else if (errno != EAGAIN)
			v->page->other_errors++;
		v->run->immediate_exit = 0;
		if (options.park && v->page->eintr_count)
			park(v);
	}
	return NULL;
}

static void set_registers(struct vcpu *v)
{
	struct kvm_regs regs = { .rip = GUEST_CODE_ADDRESS, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0)
		fail("KVM_GET_SREGS");
	sregs.cs.base = sregs.cs.selector = 0;
	sregs.ds.selector = (uint16_t)((unsigned int)v->index * DEMO_VCPU_STRIDE / 16);
	sregs.ds.base = (uint64_t)v->index * DEMO_VCPU_STRIDE;
	if (ioctl(v->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(v->fd, KVM_SET_REGS, &regs) < 0)
		fail("KVM_SET_REGS");
}

static void make_vcpu(int kvm, int vm, struct vcpu *v)
{
	int run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };

	v->fd = ioctl(vm, KVM_CREATE_VCPU, v->index);
	if (v->fd < 0 || run_bytes < 0)
		fail("KVM_CREATE_VCPU");
	v->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED)
		fail("mmap of kvm_run");
	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 || ioctl(v->fd, KVM_SET_CPUID2, &cpuid) < 0)
		fail("KVM_SET_CPUID2");
	(void)ioctl(v->fd, KVM_SET_MP_STATE, &runnable);
	set_registers(v);
	v->page = &page->vcpus[v->index];
}

static void map_shared(void)
{
	int fd = options.shm ? open(options.shm, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : memfd_create("demo", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, DEMO_PAGE_BYTES + DEMO_MEMORY_BYTES) < 0)
		fail("shared memory");
	page = mmap(NULL, DEMO_PAGE_BYTES + DEMO_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		fail("mmap");
	close(fd);
	memory = (uint8_t *)page + DEMO_PAGE_BYTES;
	page->vcpu_count = (uint32_t)options.vcpus;
	page->pid = getpid();
}

static int make_vm(int kvm)
{
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = DEMO_MEMORY_BYTES, .userspace_addr = (uint64_t)(uintptr_t)memory,
	};

	if (vm < 0)
		fail("KVM_CREATE_VM");
	/* Intel CPUs without unrestricted guest need a page for real mode; the address only has to be free. */
	(void)ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000u);
	if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		fail("KVM_SET_USER_MEMORY_REGION");
	memcpy(memory + GUEST_CODE_ADDRESS, options.guest->code, options.guest->bytes);
	return vm;
}

static void read_options(int count, char **arguments)
{
	static const struct option known[] = {
		{ "vcpus", required_argument, NULL, 'n' }, { "guest", required_argument, NULL, 'g' },
		{ "shm", required_argument, NULL, 's' },   { "seccomp", required_argument, NULL, 'f' },
		{ "signal", no_argument, NULL, 'k' },	   { "park", no_argument, NULL, 'p' },
		{ 0 },
	};
	int letter;

	options.guest = guest_program_named("count");
	while ((letter = getopt_long(count, arguments, "", known, NULL)) != -1) {
		switch (letter) {
		case 'n': options.vcpus = atoi(optarg); break;
		case 'g': options.guest = guest_program_named(optarg); break;
		case 's': options.shm = optarg; break;
		case 'f': options.seccomp = optarg; break;
		case 'k': options.signal = 1; break;
		case 'p': options.park = 1; break;
		default: exit(64);
		}
	}
	if (options.vcpus < 1 || options.vcpus > DEMO_MAX_VCPUS || !options.guest) {
		fprintf(stderr, "demo-vmm: 1 to %d vCPUs; guests:", DEMO_MAX_VCPUS);
		for (size_t i = 0; i < guest_program_count; i++)
			fprintf(stderr, " %s", guest_programs[i].name);
		fprintf(stderr, "\n");
		exit(64);
	}
}

int main(int count, char **arguments)
{
	struct timespec millisecond = { .tv_nsec = 1000000 }, start = { .tv_nsec = 50000000 };
	struct sigaction kick = { .sa_handler = on_kick }, trap = { .sa_handler = on_sigsys };
	int kvm, vm, kick_signal = SIGRTMIN + 1;

	read_options(count, arguments);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a demo guest does not outlive whoever started it */
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0)
		fail("/dev/kvm");
	(void)sigaction(kick_signal, &kick, NULL);
	(void)sigaction(SIGSYS, &trap, NULL);
	map_shared();
	vm = make_vm(kvm);
	for (int i = 0; i < options.vcpus; i++) {
		vcpus[i].index = i;
		make_vcpu(kvm, vm, &vcpus[i]);
	}
	for (int i = 0; i < options.vcpus; i++)
		if (pthread_create(&vcpus[i].thread, NULL, vcpu_thread, &vcpus[i]) != 0)
			fail("pthread_create");
	(void)nanosleep(&start, NULL);
	for (int i = 0; options.park && i < options.vcpus; i++)
		(void)pthread_kill(vcpus[i].thread, kick_signal);
	page->magic = DEMO_MAGIC;
	printf("ready pid=%d\n", getpid());
	(void)fflush(stdout);
	for (;;) {
		(void)nanosleep(&millisecond, NULL);
		if (options.signal)
			for (int i = 0; i < options.vcpus; i++)
				(void)pthread_kill(vcpus[i].thread, kick_signal);
		else
			(void)pause();
	}
}
