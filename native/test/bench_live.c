/*
 * What looking at a live vCPU and driving it cost, each beside its floor in the same run: bench-live HELPER DEMO-VMM
 *
 * The floor of a pause is a bare interrupt and go-on of the same thread, and the calls' own cost on a VM of this process. That of a
 * step is KVM's own, on such a VM.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "signal_process.h"
#include "client.h"
#include "guest.h"
#include "kernel.h"
#include "proc.h"

#define CALLS 6u /* of a capture after the first */

static const char *helper, *demo;
static struct guest guest;
static struct client client;

uint64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

double percentile(uint64_t *values, size_t count, unsigned int percent)
{
	qsort(values, count, sizeof(values[0]), by_size);
	return (double)values[(count - 1) * percent / 100] / 1000.0;
}

void give_up(const char *what)
{
	fprintf(stderr, "bench-live: %s: %s\n", what, client.refusal ? client.refusal->detail : strerror(errno));
	guest_end(&guest);
	exit(1);
}

static void row(const char *name, double ratio, const char *goal, const char *format, ...) __attribute__((format(printf, 4, 5)));
#include <stdarg.h>
static void row(const char *name, double ratio, const char *goal, const char *format, ...)
{
	va_list values;

	printf("bench: %s: %.3g (goal %s), ", name, ratio, goal);
	va_start(values, format);
	vprintf(format, values);
	va_end(values);
	printf("\n");
}

static pid_t seized(void)
{
	pid_t tid = guest.page->vcpus[0].tid;

	return syscall(SYS_ptrace, PTRACE_SEIZE, (long)tid, 0L, 0L) < 0 ? -1 : tid;
}

/* Stopped, let go with the restart of KVM_RUN set up, and its guest running again: what no reader can do without. */
static void bare_stops(uint64_t *times)
{
	for (size_t i = 0; i < ROUNDS; i++) {
		pid_t tid = seized();
		struct user_regs_struct regs;
		uint64_t from = now(CLOCK_MONOTONIC);
		uint32_t counted;
		int status;

		if (tid < 0 || sys_ptrace(PTRACE_INTERRUPT, tid, 0, NULL) < 0 || waitpid(tid, &status, __WALL) != tid ||
		    sys_ptrace(PTRACE_GETREGS, tid, 0, &regs) < 0)
			give_up("a bare stop");
		/* Elsewhere than in KVM_RUN nothing is to be restarted by hand. */
		if (regs.orig_rax == SYS_ioctl && (int64_t)regs.rax == -EINTR) {
			regs.rip -= 2;
			regs.rax = regs.orig_rax;
			regs.orig_rax = (uint64_t)-1;
		}
		counted = *guest.counter;
		if (sys_ptrace(PTRACE_SETREGS, tid, 0, &regs) < 0 || sys_ptrace(PTRACE_DETACH, tid, 0, NULL) < 0)
			give_up("a bare stop");
		/* No more than the thread itself gets of a busy machine. */
		while (*guest.counter == counted)
			(void)nanosleep(&(struct timespec){ .tv_nsec = 5000 }, NULL);
		times[i] = now(CLOCK_MONOTONIC) - from;
		(void)usleep(500);
	}
}

/* Two stops for each call of a child: what a reader pays that drives each call by PTRACE_SYSCALL. */
static double two_stops_us(void)
{
	pid_t child = fork();
	uint64_t from;
	int status;

	if (child == 0)
		for (;;)
			(void)syscall(SYS_getppid);
	(void)usleep(1000);
	if (sys_ptrace(PTRACE_SEIZE, child, 0, NULL) < 0 || sys_ptrace(PTRACE_INTERRUPT, child, 0, NULL) < 0 || waitpid(child, &status, 0) != child)
		give_up("a child");
	from = now(CLOCK_MONOTONIC);
	for (int i = 0; i < 2 * ROUNDS; i++)
		if (sys_ptrace(PTRACE_SYSCALL, child, 0, NULL) < 0 || waitpid(child, &status, 0) != child)
			give_up("PTRACE_SYSCALL");
	from = now(CLOCK_MONOTONIC) - from;
	(void)signal_process(child, SIGKILL);
	(void)waitpid(child, &status, 0);
	return (double)from / 1000.0 / ROUNDS;
}

static uint64_t timed(const char *command)
{
	uint64_t from = now(CLOCK_MONOTONIC);

	return system(command) < 0 ? 0 : now(CLOCK_MONOTONIC) - from;
}

/* How long it stopped the vCPU. */
static uint64_t capture(void)
{
	struct capture_head head;

	if (client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) != 1)
		give_up("a capture");
	memcpy(&head, client.payload, sizeof(head));
	return head.pause_ns;
}

static void pauses(const struct vm_vcpu *own)
{
	static uint64_t stops[ROUNDS], pause[ROUNDS];
	double calls = own_calls_us(own), floor_50, floor_99, mine_50, mine_99, each;
	char command[160];
	uint64_t gdb, none;

	bare_stops(stops);
	for (size_t i = 0; i < ROUNDS; i++) {
		pause[i] = capture();
		(void)usleep(500);
	}
	floor_50 = percentile(stops, ROUNDS, 50) + calls;
	floor_99 = percentile(stops, ROUNDS, 99) + calls;
	mine_50 = percentile(pause, ROUNDS, 50);
	mine_99 = percentile(pause, ROUNDS, 99);
	row("pause of a capture to its floor, p50", mine_50 / floor_50, "<= 1.5", "%.0f us to %.0f, of which %.0f are the calls", mine_50, floor_50, calls);
	row("pause of a capture to its floor, p99", mine_99 / floor_99, "<= 3", "%.0f us to %.0f", mine_99, floor_99);
	each = floor_50 + CALLS * two_stops_us();
	row("pause of a capture to two stops for each call", mine_50 / each, "<= 0.5", "%.0f us to %.0f (reckoned)", mine_50, each);
	if (system("gdb --version > /dev/null 2>&1") != 0) {
		printf("skipped: pause of gdb -p: gdb is not here\n");
		return;
	}
	(void)snprintf(command, sizeof(command), "gdb -q -nx -batch -p %d -ex detach > /dev/null 2>&1", guest.pid);
	none = timed("gdb -q -nx -batch > /dev/null 2>&1");
	gdb = timed(command);
	if (gdb <= none) {
		printf("skipped: pause of gdb -p: it took no longer than gdb alone\n");
		return;
	}
	gdb -= none;
	row("pause of a capture to gdb -p, attached and detached", mine_50 / ((double)gdb / 1000), "<= 0.01", "%.0f us to %.0f", mine_50, (double)gdb / 1000);
}

/* As live refresh asks at its fastest: one after another at its rate, and none is made up for. */
static void refresh(void)
{
	uint64_t begun = now(CLOCK_MONOTONIC), due = begun, at;
	double stopped = 0, took;

	for (int i = 0; i < 2 * REFRESH_HZ; i++) {
		if ((at = now(CLOCK_MONOTONIC)) < due)
			(void)usleep((useconds_t)((due - at) / 1000u));
		due = (at > due ? at : due) + 1000000000u / REFRESH_HZ;
		stopped += (double)capture();
	}
	took = (double)(now(CLOCK_MONOTONIC) - begun);
	row("live refresh of one vCPU to 30 a second", 2e9 / took, ">= 1", "%.1f a second", 2e9 * REFRESH_HZ / took);
	row("percent of its time that it stops the vCPU", 100 * stopped / took, "<= 1, by backing off", "%.0f us each", stopped / 2000 / REFRESH_HZ);
}

static double capture_us(void)
{
	uint64_t from = now(CLOCK_MONOTONIC);

	(void)capture();
	return (double)(now(CLOCK_MONOTONIC) - from);
}

static void lives(void)
{
	static uint64_t attach[ATTACHMENTS], first[ATTACHMENTS], detach[ATTACHMENTS], later[ATTACHMENTS * 10];
	double attached, begun, usual, gone;

	for (size_t i = 0; i < ATTACHMENTS; i++) {
		uint64_t from = now(CLOCK_MONOTONIC);

		if (client_attach(&client, guest.pid, 0, 0, NULL) != 1)
			give_up("attach");
		attach[i] = now(CLOCK_MONOTONIC) - from;
		first[i] = (uint64_t)capture_us();
		for (size_t l = 0; l < 10; l++)
			later[i * 10 + l] = (uint64_t)capture_us();
		from = now(CLOCK_MONOTONIC);
		if (client_vcpu(&client, MSG_DETACH, guest.pid, 0) != 1)
			give_up("detach");
		detach[i] = now(CLOCK_MONOTONIC) - from;
	}
	attached = percentile(attach, ATTACHMENTS, 10);
	begun = percentile(first, ATTACHMENTS, 10);
	usual = percentile(later, ATTACHMENTS * 10, 10);
	gone = percentile(detach, ATTACHMENTS, 10);
	row("a capture to the first of an attachment", usual / begun, "<= 0.5", "%.0f us to %.0f", usual, begun);
	row("attach and first picture, in captures", (attached + begun) / usual, "printed", "%.0f us", attached + begun);
	row("detach, in captures", gone / usual, "printed", "%.0f us", gone);
	if (client_attach(&client, guest.pid, 0, 0, NULL) != 1)
		give_up("attach");
}

/* The time that a thread has had of a CPU. */
static uint64_t cpu_ns(pid_t pid, pid_t tid)
{
	char *text = proc_text("/proc/%d/task/%d/schedstat", pid, tid);
	uint64_t ns = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	return ns;
}

/* With STEP_KNOWN_CODE as `step` and `trace` ask where memory is proved: all of these guests' may be stepped. How many were made. */
static uint32_t make_steps(uint32_t flags)
{
	struct {
		struct run_request head;
		struct step_code code;
	} request = { .head = { .vcpu = { guest.pid, 0 }, .count = flags & STEP_KEEP_STATE ? STATES_KEPT : STEPS, .flags = flags } };
	uint32_t made = 0;

	memset(request.code.may_be_stepped, 0xff, sizeof(request.code.may_be_stepped));
	while (made < STEPS) {
		struct stopped_event head;

		if (client_ask(&client, MSG_RUN, &request, flags & STEP_KNOWN_CODE ? sizeof(request) : sizeof(request.head)) != 1)
			give_up("steps");
		memcpy(&head, client.payload, sizeof(head));
		made += head.steps;
	}
	return made;
}

/* Of a step, what the vCPU's thread and the helper had of a CPU: so much it takes on a machine of its own, for one waits for the other. */
static double steps_us(pid_t tid, uint32_t flags)
{
	uint64_t from = cpu_ns(guest.pid, tid) + cpu_ns(client.pid, client.pid);
	uint32_t made = make_steps(flags);

	return (double)(cpu_ns(guest.pid, tid) + cpu_ns(client.pid, client.pid) - from) / 1000.0 / made;
}

/* By the clock a machine that is busy with others shows: the shortest of some times. */
#define TIMES 5

static uint64_t shortest(const char *command)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < TIMES; i++) {
		uint64_t this = timed(command);

		if (this < least)
			least = this;
	}
	return least;
}

static double gdb_us(void)
{
	char command[256];
	uint64_t whole, none;

	(void)snprintf(command, sizeof(command), "gdb -q -nx -batch -ex 'target remote %s/gdb' -ex 'stepi %d' > /dev/null 2>&1", guest.dir, GDB_STEPS);
	whole = shortest(command);
	(void)snprintf(command, sizeof(command), "gdb -q -nx -batch -ex 'target remote %s/gdb' > /dev/null 2>&1", guest.dir);
	none = shortest(command);
	return whole <= none ? 0 : (double)(whole - none) / 1000.0 / GDB_STEPS;
}

static void stepping(const struct vm_vcpu *own_vcpu)
{
	double own = own_step_us(own_vcpu, STEP_ALONE), armed = own_step_us(own_vcpu, STEP_ARMED), read = own_step_us(own_vcpu, STEP_READ);
	pid_t tid = guest.page->vcpus[0].tid;
	double bare, unknown, whole;

	if (client_vcpu(&client, MSG_FREEZE, guest.pid, 0) != 1)
		give_up("freeze");
	bare = steps_us(tid, STEP_KNOWN_CODE);
	unknown = steps_us(tid, 0);
	whole = steps_us(tid, STEP_KEEP_STATE | STEP_KNOWN_CODE);
	row("steps to KVM's own", own / bare, ">= 0.75", "%.0f a second to %.0f", 1e6 / bare, 1e6 / own);
	row("steps of code that is not known to KVM's own, armed each time", armed / unknown, "printed", "%.0f a second to %.0f", 1e6 / unknown,
	    1e6 / armed);
	row("steps with the whole state kept to KVM's own", own / whole, ">= 0.5", "%.0f a second to %.0f", 1e6 / whole, 1e6 / own);
	row("the most that this can be: KVM's own with the state read to KVM's own", own / read, "printed", "%.0f a second to %.0f", 1e6 / read,
	    1e6 / own);
	row("steps with the whole state kept to KVM's own with the state read", read / whole, "printed", "%.0f a second to %.0f", 1e6 / whole,
	    1e6 / read);
	if (client_vcpu(&client, MSG_RESUME, guest.pid, 0) != 1)
		give_up("resume");
}

/* By the clock, as gdb is measured. */
static double clocked_steps_us(void)
{
	double least = 0;

	for (int i = 0; i < TIMES; i++) {
		uint64_t from = now(CLOCK_MONOTONIC);
		uint32_t made = make_steps(STEP_KNOWN_CODE);
		double this = (double)(now(CLOCK_MONOTONIC) - from) / 1000.0 / made;

		if (i == 0 || this < least)
			least = this;
	}
	return least;
}

/* The same guest in QEMU, stepped by gdb over QEMU's own stub, and by the helper. */
static void beside_gdb(void)
{
	double gdb, bare;

	if (system("gdb --version > /dev/null 2>&1") != 0 || guest_start_stubbed_qemu(&guest) < 0) {
		printf("skipped: steps to QEMU's gdbstub: gdb or QEMU is not here\n");
		guest_end(&guest);
		return;
	}
	gdb = gdb_us();
	if (gdb == 0 || client_start(&client, helper) < 0 || client_attach(&client, guest.pid, 0, 0, NULL) != 1 ||
	    client_vcpu(&client, MSG_FREEZE, guest.pid, 0) != 1) {
		printf("skipped: steps to QEMU's gdbstub: it does not step\n");
	} else {
		bare = clocked_steps_us();
		row("steps to those of gdb over QEMU's stub", gdb / bare, ">= 20", "%.0f a second to %.0f", 1e6 / bare, 1e6 / gdb);
		(void)client_vcpu(&client, MSG_DETACH, guest.pid, 0);
		(void)client_end(&client);
	}
	guest_end(&guest);
}

int main(int count, char **arguments)
{
	static const char *const program[] = { "--program", "integer", NULL };
	struct vm vm;
	struct vm_vcpu own;

	if (count != 3) {
		fprintf(stderr, "usage: bench-live HELPER DEMO-VMM\n");
		return 64;
	}
	helper = arguments[1];
	demo = arguments[2];
	if (!kvm_is_there()) {
		printf("skipped: live vCPUs: /dev/kvm is absent\n");
		return 0;
	}
	own_vm_start(&vm, &own);
	if (guest_start_demo(&guest, demo, program) < 0 || client_start(&client, helper) < 0)
		give_up("the VMM or the helper did not start");
	lives();
	pauses(&own);
	refresh();
	stepping(&own);
	(void)client_vcpu(&client, MSG_DETACH, guest.pid, 0);
	(void)client_end(&client);
	guest_end(&guest);
	beside_gdb();
	return 0;
}
