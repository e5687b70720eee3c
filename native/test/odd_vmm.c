#include "odd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../demo/vm.h"

#define HIDDEN_BYTES 0x10000u
#define OWN_STACK_BYTES 0x10000u

static struct vcpu {
	int index;
	struct vm_vcpu kvm;
	pthread_t thread;
	volatile uint32_t wish; /* ODD_LEAVE, ODD_SLEEP, ODD_MOVE, ODD_HIDE: for its own thread */
} vcpus[DEMO_MAX_VCPUS];

static struct vm vm;
static int gap = 1, heir, undumpable, dispatched;
static uid_t uid;
static const char *hand, *misnamed = "";
static struct demo_page *page;
static volatile struct odd_control *control;
static volatile uint32_t done; /* by the vCPU's thread: the command that was left to it */
static char **own_arguments;
static __thread struct vcpu *self;

static void on_kick(int number)
{
	(void)number;
	if (self)
		self->kvm.run->immediate_exit = 1;
}

static void nap_ms(uint64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* The parent of a vfork child waits for its end, and no tracer can stop it there. */
static void sleep_deeply(int vcpu)
{
	pid_t pid = vfork();

	if (pid == 0) {
		done = 1;
		while (!(control->awake >> vcpu & 1))
			nap_ms(1);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

/* One that takes its time, or waits for what its tracer keeps from it. */
static void on_block(int number)
{
	(void)number;
	control->answer = 1;
	while (!(control->awake & 1))
		nap_ms(1);
	if (self)
		self->kvm.run->immediate_exit = 1;
}

static void on_call(int number)
{
	uint8_t room[4096];

	(void)number;
	if (self) {
		(void)ioctl(self->kvm.fd, (unsigned long)control->argument, room);
		control->answer = 2;
	}
}

static void catch_with(void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	control->answer = 0;
	(void)sigaction(SIGRTMIN + 2, &action, NULL);
}

static void start_thread(struct vcpu *v);

long odd_kvm_run(int fd);
__asm__(".text\n"
	"odd_kvm_run:\n\t"
	"mov $16, %eax\n\t" /* ioctl */
	"mov $0xae80, %esi\n\t"
	"xor %edx, %edx\n\t"
	"syscall\n\t"
	"ret\n");
#define ODD_KVM_RUN_BYTES 32u
static __thread char blocks; /* SYSCALL_DISPATCH_FILTER_*: all but from odd_kvm_run on */

static void dispatch_calls(void)
{
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, (uintptr_t)odd_kvm_run, ODD_KVM_RUN_BYTES, &blocks) < 0)
		vm_fail("PR_SET_SYSCALL_USER_DISPATCH");
}

static long run_dispatched(int fd)
{
	long result;

	blocks = 1;
	result = odd_kvm_run(fd);
	blocks = 0;
	return result;
}

/* KVM_RUN with a stack pointer into memory that nobody fills: whoever reads there waits, the call itself does not care. */
static void run_hidden(struct vcpu *v)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *stack = mmap(NULL, HIDDEN_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	long result;

	range.range.start = (uintptr_t)stack;
	range.range.len = HIDDEN_BYTES;
	control->answer = fd >= 0 && ioctl(fd, UFFDIO_API, &api) == 0 && ioctl(fd, UFFDIO_REGISTER, &range) == 0;
	done = 1;
	for (;;) {
		page->vcpus[v->index].run_count++;
		__asm__ volatile("movq %%rsp, %%rbx; movq %[stack], %%rsp; syscall; movq %%rbx, %%rsp"
				 : "=a"(result)
				 : "a"(SYS_ioctl), "D"(v->kvm.fd), "S"(KVM_RUN), "d"(0), [stack] "r"((char *)stack + HIDDEN_BYTES / 2)
				 : "rbx", "rcx", "r11", "memory");
		page->vcpus[v->index].eintr_count += result == -EINTR;
	}
}

static void *run_vcpu(void *argument)
{
	struct vcpu *v = argument;
	struct demo_vcpu *shown = &page->vcpus[v->index];
	stack_t own = { .ss_sp = malloc(OWN_STACK_BYTES), .ss_size = OWN_STACK_BYTES }, before;
	char name[16];

	(void)sigaltstack(&own, &before);
	self = v;
	shown->tid = (int32_t)syscall(SYS_gettid);
	(void)snprintf(name, sizeof(name), "vcpu%d", strcmp(misnamed, "swapped") == 0 ? v->index ^ 1 : v->index);
	(void)prctl(PR_SET_NAME, *misnamed && strcmp(misnamed, "swapped") != 0 ? "worker" : name);
	if (dispatched)
		dispatch_calls();
	for (;;) {
		uint32_t wish;

		shown->run_count++;
		if ((dispatched ? run_dispatched(v->kvm.fd) : ioctl(v->kvm.fd, KVM_RUN, 0)) < 0)
			shown->eintr_count++;
		else
			shown->other_errors++;
		v->kvm.run->immediate_exit = 0;
		wish = v->wish;
		v->wish = 0;
		if (wish == ODD_LEAVE) {
			/* A sanitizer has given the thread one, and takes away whatever it finds in its place. */
			(void)sigaltstack(&before, NULL);
			free(own.ss_sp);
			return NULL;
		}
		if (wish == ODD_SLEEP)
			sleep_deeply(v->index);
		if (wish == ODD_HIDE)
			run_hidden(v);
		if (wish == ODD_MOVE) {
			start_thread(v);
			while (shown->tid == (int32_t)syscall(SYS_gettid))
				nap_ms(1);
			done = 1;
			for (;;)
				nap_ms(1000);
		}
	}
}

/* Called after a vCPU, and nothing but busy, or asleep. */
static void *run_misnamed(void *argument)
{
	const struct vcpu *v = argument;
	char name[16];

	(void)snprintf(name, sizeof(name), "vcpu%d", v->index);
	(void)prctl(PR_SET_NAME, name);
	while (strcmp(misnamed, "asleep") == 0)
		nap_ms(1000);
	while (*misnamed)
		;
	return NULL;
}

/* Every second page is of another kind than its neighbours, so that each is a mapping of its own. */
static void fragment(uint64_t count)
{
	char *at = mmap(NULL, count * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	control->answer = 0;
	if (at == MAP_FAILED)
		return;
	for (uint64_t i = 1; i < count; i += 2)
		if (mprotect(at + i * 4096, 4096, PROT_READ | PROT_WRITE) < 0)
			return;
	control->answer = 1;
}

static void install_filter(uint32_t request)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request ? SYS_ioctl : SYS_munmap, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request, 0, request ? 1 : 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		vm_fail("seccomp");
}

static void start_thread(struct vcpu *v)
{
	if (pthread_create(&v->thread, NULL, run_vcpu, v) != 0)
		vm_fail("pthread_create");
}

/* 1: it is done; 0: the vCPU's thread will say so. */
static int obey(uint32_t command, struct vcpu *v)
{
	switch (command) {
	case ODD_FILTER:
		install_filter((uint32_t)control->argument);
		return 1;
	case ODD_EXEC:
		page->magic = 0;
		control->command = 0;
		(void)execv("/proc/self/exe", own_arguments);
		vm_fail("exec");
	case ODD_MAP:
		control->answer = (uint64_t)(uintptr_t)mmap((void *)(uintptr_t)control->argument, 4096, PROT_READ,
							    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		return 1;
	case ODD_LEAVE:
		v->wish = command;
		(void)pthread_kill(v->thread, SIGRTMIN + 1);
		(void)pthread_join(v->thread, NULL);
		return 1;
	case ODD_RETURN:
		start_thread(v);
		return 1;
	case ODD_FRAGMENT:
		fragment(control->argument);
		return 1;
	case ODD_BLOCK:
		catch_with(on_block, control->argument ? SA_ONSTACK : 0);
		return 1;
	case ODD_CALL:
		catch_with(on_call, 0);
		return 1;
	case ODD_SLEEP:
	case ODD_MOVE:
	case ODD_HIDE:
		v->wish = command;
		(void)pthread_kill(v->thread, SIGRTMIN + 1);
		return 0;
	default:
		return 1;
	}
}

static void *run_control(void *unused)
{
	page->magic = DEMO_MAGIC;
	for (;; nap_ms(1)) {
		if (!control->command)
			continue;
		done = 0;
		if (!obey(control->command, &vcpus[control->vcpu]))
			while (!done)
				nap_ms(1);
		control->command = 0;
	}
	return unused;
}

static void add_vcpu(int i)
{
	pthread_t other;

	vm_add_vcpu(&vm, (unsigned int)(i * gap), &vcpus[i].kvm);
	if (*misnamed && strcmp(misnamed, "swapped") != 0 && pthread_create(&other, NULL, run_misnamed, &vcpus[i]) != 0)
		vm_fail("pthread_create");
}

static void become_user(void)
{
	if (uid && (setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0))
		vm_fail("setresuid");
	if (prctl(PR_SET_DUMPABLE, !undumpable) < 0)
		vm_fail("PR_SET_DUMPABLE");
}

/* The vCPU's descriptor goes to a process whose memory the guest has not. */
static void leave_to_child(void)
{
	pid_t pid = fork();

	if (pid) {
		control->answer = (uint64_t)pid;
		return;
	}
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_NAME, "vcpu0");
	(void)fcntl(vcpus[0].kvm.fd, F_SETFD, 0);
	if (hand)
		(void)execl(hand, hand, "3600", (char *)NULL);
	for (;;)
		pause();
}

int main(int count, char **arguments)
{
	struct sigaction kick = { .sa_handler = on_kick };
	int fd = count > 2 ? open(arguments[2], O_RDWR | O_CLOEXEC) : -1, vcpu_count = 1, on_main = 0;
	pthread_t other;

	for (int i = 3; i < count; i++) {
		if (strcmp(arguments[i], "--main") == 0)
			on_main = 1;
		else if (strcmp(arguments[i], "--vcpus") == 0 && i + 1 < count)
			vcpu_count = atoi(arguments[++i]);
		else if (strcmp(arguments[i], "--gap") == 0)
			gap = 3;
		else if (strcmp(arguments[i], "--misnamed") == 0 && i + 1 < count)
			misnamed = arguments[++i];
		else if (strcmp(arguments[i], "--uid") == 0 && i + 1 < count)
			uid = (uid_t)atoi(arguments[++i]);
		else if (strcmp(arguments[i], "--undumpable") == 0)
			undumpable = 1;
		else if (strcmp(arguments[i], "--dispatched") == 0)
			dispatched = 1;
		else if (strcmp(arguments[i], "--heir") == 0)
			heir = 1;
		else if (strcmp(arguments[i], "--hand") == 0 && i + 1 < count)
			hand = arguments[++i];
	}
	own_arguments = arguments;
	(void)sigaction(SIGRTMIN + 1, &kick, NULL);
	page = mmap(NULL, DEMO_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || vcpu_count < 1 || vcpu_count > DEMO_MAX_VCPUS)
		vm_fail("shared memory");
	control = (volatile struct odd_control *)(void *)((uint8_t *)page + ODD_OFFSET);
	vm.program = guest_program_named("integer");
	vm.memory = (uint8_t *)page + DEMO_MEMORY_AT;
	vm_make(&vm);
	for (int i = 0; i < vcpu_count; i++) {
		vcpus[i].index = i;
		add_vcpu(i);
	}
	become_user();
	if (heir || hand)
		leave_to_child();
	for (int i = on_main; i < vcpu_count; i++)
		start_thread(&vcpus[i]);
	if (!on_main) {
		(void)run_control(NULL);
	} else {
		vcpus[0].thread = pthread_self();
		if (pthread_create(&other, NULL, run_control, NULL) != 0)
			vm_fail("pthread_create");
		(void)run_vcpu(&vcpus[0]);
		pthread_exit(NULL);
	}
	return 1;
}
