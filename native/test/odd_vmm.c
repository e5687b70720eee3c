#include "odd.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
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

static struct vcpu {
	int index;
	struct vm_vcpu kvm;
	pthread_t thread;
	volatile uint32_t wish; /* ODD_LEAVE, ODD_SLEEP: for its own thread */
} vcpus[DEMO_MAX_VCPUS];

static struct vm vm;
static struct demo_page *page;
static volatile struct odd_control *control;
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
static void sleep_deeply(uint64_t ms)
{
	pid_t pid = vfork();

	if (pid == 0) {
		control->command = 0;
		nap_ms(ms);
		_exit(0);
	}
	(void)waitpid(pid, NULL, 0);
}

static void *run_vcpu(void *argument)
{
	struct vcpu *v = argument;
	struct demo_vcpu *shown = &page->vcpus[v->index];
	char name[16];

	self = v;
	shown->tid = (int32_t)syscall(SYS_gettid);
	(void)snprintf(name, sizeof(name), "vcpu%d", v->index);
	(void)prctl(PR_SET_NAME, name);
	for (;;) {
		shown->run_count++;
		if (ioctl(v->kvm.fd, KVM_RUN, 0) < 0)
			shown->eintr_count++;
		else
			shown->other_errors++;
		v->kvm.run->immediate_exit = 0;
		if (v->wish == ODD_LEAVE) {
			v->wish = 0;
			return NULL;
		}
		if (v->wish == ODD_SLEEP) {
			v->wish = 0;
			sleep_deeply(control->argument);
		}
	}
}

static void install_filter(uint32_t request)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, request, 0, 1),
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
	case ODD_SLEEP:
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
		if (obey(control->command, &vcpus[control->vcpu]))
			control->command = 0;
		while (control->command)
			nap_ms(1);
	}
	return unused;
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
	}
	own_arguments = arguments;
	(void)sigaction(SIGRTMIN + 1, &kick, NULL);
	page = mmap(NULL, DEMO_PAGE_BYTES + DEMO_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED || vcpu_count < 1 || vcpu_count > DEMO_MAX_VCPUS)
		vm_fail("shared memory");
	control = (volatile struct odd_control *)(void *)((uint8_t *)page + ODD_OFFSET);
	vm.program = guest_program_named("integer");
	vm.memory = (uint8_t *)page + DEMO_PAGE_BYTES;
	vm_make(&vm);
	for (int i = 0; i < vcpu_count; i++) {
		vcpus[i].index = i;
		vm_add_vcpu(&vm, (unsigned int)i, &vcpus[i].kvm);
	}
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
