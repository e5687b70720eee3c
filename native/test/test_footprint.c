/*
 * [W14] Not a byte of a VMM is changed by looking: test-footprint HELPER DEMO-VMM GO-VMM [ROUNDS]
 *
 * VMMs whose stacks are small and lie amid others: the demo VMM with --small-stack, with a guest that never leaves and with one
 * that leaves all the time, and one written in Go, whose collector and goroutines share one heap. Each is attached to, captured,
 * written, driven and detached from, ROUNDS times, and helpers are killed in between.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "client.h"
#include "footprint.h"
#include "footprint_groups.h"
#include "guest.h"

#define IMAGE_BYTES 32768u
#define KILLS 60
#define NEVER_HIT 0x4000u /* no guest of these has code there */

static const char *helper;
static struct guest guest;
static const char *words(const struct client *c)
{
	return c->refusal ? c->refusal->detail : "no answer";
}

/* A guest that leaves all the time may not be found in KVM_RUN at once: what a write then says is no fault. */
static int is_elsewhere(const struct client *c)
{
	return c->refusal && c->refusal->reason == REASON_OUTSIDE_KVM_RUN;
}

/*
 * Each of what a drive can be: steps, of code that is known too, with the whole state, with a condition that holds of nothing, and to a breakpoint
 * that is never hit. Returns the request's bytes.
 */
#define DRIVES 5u
#define DRIVEN_STEPS 40u
static struct {
	struct run_request head;
	union {
		struct step_lookup lookup;
		struct step_code code;
	} more;
} drive;

static size_t make_drive(unsigned int which)
{
	memset(&drive, 0, sizeof(drive));
	drive.head = (struct run_request){ .vcpu = { guest.pid, 0 }, .count = DRIVEN_STEPS };
	if (which == 1) {
		drive.head.flags = STEP_KNOWN_CODE;
		memset(drive.more.code.may_be_stepped, 0xff, sizeof(drive.more.code.may_be_stepped));
		return sizeof(drive.head) + sizeof(drive.more.code);
	}
	if (which == 2)
		drive.head.flags = STEP_KEEP_STATE;
	if (which == 3) {
		drive.head.flags = STEP_KEEP_STATE | STEP_KEEP_LAST;
		drive.head.lookup_count = 1;
		return sizeof(drive.head) + sizeof(drive.more.lookup);
	}
	if (which == 4) {
		drive.head.count = 1;
		drive.head.wait_ms = 10;
		drive.head.dr0 = NEVER_HIT;
		drive.head.dr7 = 0x401;
	}
	return sizeof(drive.head);
}

/* A VMM that is driven sees its own exits alone; nothing of it may be refused. */
static void drive_it(struct client *c, unsigned int which)
{
	size_t bytes = make_drive(which);

	CHECK(client_ask(c, MSG_RUN, &drive, bytes) == 1, "drive %u: %s", which, words(c));
}

static void round_of(struct client *c, unsigned int round, int is_last)
{
	static uint8_t image[IMAGE_BYTES];
	uint32_t bytes = 0;
	const void *found;

	CHECK(client_attach(c, guest.pid, 0, 0, NULL) == 1, "attach: %s", words(c));
	CHECK(client_vcpu(c, MSG_CAPTURE, guest.pid, 0) == 1, "capture: %s", words(c));
	found = capture_section(c, SECTION_IMAGE, &bytes);
	if (found && bytes <= sizeof(image)) {
		memcpy(image, found, bytes);
		CHECK(client_set_image(c, guest.pid, 0, image, bytes) == 1 || is_elsewhere(c), "write: %s", words(c));
	}
	drive_it(c, round % DRIVES);
	if (is_last) {
		CHECK(client_vcpu(c, MSG_FREEZE, guest.pid, 0) == 1, "freeze: %s", words(c));
		CHECK(client_vcpu(c, MSG_CAPTURE, guest.pid, 0) == 1, "capture: %s", words(c));
	}
	CHECK(client_vcpu(c, MSG_DETACH, guest.pid, 0) == 1, "detach: %s", words(c));
}

static void one_kill(unsigned int number)
{
	struct attach_request attach = { .vcpu = { guest.pid, 0 } };
	struct vcpu_ref ref = { guest.pid, 0 };
	struct timespec pause = { .tv_nsec = (long)(number * 7919u % 1000u) * 1000 };
	struct client c;

	CHECK(client_start(&c, helper) == 0, "no helper");
	if (number % 3 == 0) {
		(void)client_ask(&c, MSG_LIST_TARGETS, NULL, 0); /* so that it has started */
		(void)client_send(&c, MSG_ATTACH, &attach, sizeof(attach));
	} else {
		CHECK(client_attach(&c, guest.pid, 0, 0, NULL) == 1, "attach: %s", words(&c));
		if (number % 2)
			(void)client_send(&c, MSG_RUN, &drive, make_drive(number / 2 % DRIVES));
		else
			(void)client_send(&c, number % 3 == 1 ? MSG_CAPTURE : MSG_DETACH, &ref, sizeof(ref));
	}
	(void)nanosleep(&pause, NULL);
	(void)client_kill(&c);
	CHECK(guest_lives(&guest), "the VMM died of kill %u", number);
}

static void check_own_sight(const char *name)
{
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];

	CHECK(guest_arena_changes(&guest) == 0, "%s: %u bytes of stacks are changed", name, guest_arena_changes(&guest));
	CHECK(v->stack_errors == 0 && v->register_errors == 0, "%s: %llu bytes of stacks, %llu times registers", name,
	      (unsigned long long)v->stack_errors, (unsigned long long)v->register_errors);
	CHECK(v->io_errors == 0 && v->other_errors == 0, "%s: %llu answers of ports lost, %llu errors", name,
	      (unsigned long long)v->io_errors, (unsigned long long)v->other_errors);
}

static int start(const char *demo, const char *program)
{
	const char *const arguments[] = { "--program", program, "--small-stack", NULL };

	if (guest_start_demo(&guest, demo, arguments) == 0 && guest_progresses(&guest, 0))
		return 1;
	CHECK(0, "the demo VMM does not start");
	guest_end(&guest);
	return 0;
}

/* Its guest never leaves KVM_RUN, so nothing of the VMM moves but by us. */
static void still_vmm(const char *demo, int rounds)
{
	struct footprint *before, *after;
	uint64_t eintrs = 0;
	char where[128] = "";
	struct client c;
	size_t changes;

	rule("no byte of a VMM's memory is changed by looking, writing, driving and leaving");
	if (!start(demo, "integer"))
		return;
	CHECK(client_start(&c, helper) == 0, "no helper");
	before = footprint_take(guest.pid, "/shm");
	for (int i = 0; i < rounds && is_fine(); i++)
		round_of(&c, (unsigned int)i, i == rounds - 1);
	after = footprint_take(guest.pid, "/shm");
	changes = footprint_differences(before, after, 1, where, sizeof(where));
	CHECK(changes == 0, "%zu bytes, the first one at %s", changes, where);
	footprint_free(after);
	rule("nor by helpers that are killed");
	for (unsigned int i = 0; i < KILLS && is_fine(); i++) {
		one_kill(i);
		round_of(&c, i, 0); /* what was left behind is taken away */
		after = footprint_take(guest.pid, "/shm");
		changes = footprint_differences(before, after, 0, where, sizeof(where));
		/* A VMM that has seen an EINTR has run, and used its stack, by itself. */
		CHECK(changes == 0 || guest.page->vcpus[0].eintr_count != eintrs, "%zu bytes after kill %u, the first one at %s",
		      changes, i, where);
		eintrs = guest.page->vcpus[0].eintr_count;
		footprint_free(before);
		before = after;
	}
	check_own_sight("a guest that never leaves");
	CHECK(guest_scratch_regions(&guest) == 0, "scratch is left");
	(void)client_end(&c);
	footprint_free(before);
	guest_end(&guest);
}

static void busy_vmm(const char *demo, int rounds)
{
	struct client c;

	rule("a guest that leaves for ports all the time gets each answer once");
	if (!start(demo, "io"))
		return;
	CHECK(client_start(&c, helper) == 0, "no helper");
	for (int i = 0; i < rounds && is_fine(); i++)
		round_of(&c, (unsigned int)i, 0);
	for (unsigned int i = 0; i < KILLS && is_fine(); i++)
		one_kill(i);
	round_of(&c, 0, 0);
	check_own_sight("a guest that leaves all the time");
	CHECK(guest.page->vcpus[0].io_count > 100 && guest.page->vcpus[0].stack_checks > 100, "it was not looked at");
	printf("# %llu exits, %llu looks at the stacks\n", (unsigned long long)guest.page->vcpus[0].io_count,
	       (unsigned long long)guest.page->vcpus[0].stack_checks);
	(void)client_end(&c);
	guest_end(&guest);
}

static void go_vmm(const char *program, int rounds)
{
	char path[96];
	int fd;
	struct client c;

	rule("a VMM written in Go lives on");
	if (access(program, X_OK) < 0) {
		skip("a VMM written in Go", "go is not installed");
		return;
	}
	memset(&guest, 0, sizeof(guest));
	(void)snprintf(guest.dir, sizeof(guest.dir), "/tmp/tilescope-test-XXXXXX");
	CHECK(mkdtemp(guest.dir) != NULL, "no folder");
	(void)snprintf(path, sizeof(path), "%s/ram", guest.dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 0x10000) == 0, "no memory");
	guest.counter = (volatile uint32_t *)((uintptr_t)mmap(NULL, 0x10000, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) + 0x7e00);
	close(fd);
	guest.pid = guest_spawn((const char *const[]){ program, path, NULL });
	if (!guest_progresses(&guest, 0)) {
		CHECK(0, "it does not run");
		guest_end(&guest);
		return;
	}
	CHECK(client_start(&c, helper) == 0, "no helper");
	for (int i = 0; i < rounds && is_fine(); i++) {
		round_of(&c, (unsigned int)i, 0);
		CHECK(guest_lives(&guest), "it died in round %d", i);
	}
	for (unsigned int i = 0; i < KILLS && is_fine(); i++)
		one_kill(i);
	if (is_fine())
		round_of(&c, 0, 0);
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "it does not go on");
	/* counter + 1: sums of its goroutines' own stacks and heaps that were wrong; + 2: rounds in which they were made. */
	CHECK(guest.counter[1] == 0 && guest.counter[2] > 0, "%u of %u of its own sums are wrong", guest.counter[1], guest.counter[2]);
	printf("# %d rounds, %u sums of its own right\n", rounds, guest.counter[2]);
	(void)client_end(&c);
	guest_end(&guest);
}

int main(int count, char **arguments)
{
	int rounds = count > 4 ? atoi(arguments[4]) : 100;

	if (count < 4 || rounds < 1) {
		fprintf(stderr, "usage: test-footprint HELPER DEMO-VMM GO-VMM [ROUNDS]\n");
		return 64;
	}
	helper = arguments[1];
	/* The kernel writes the number of the CPU into a thread's rseq area whenever it has moved. */
	(void)setenv("GLIBC_TUNABLES", "glibc.pthread.rseq=0", 1);
	if (!kvm_is_there()) {
		skip("footprints", "/dev/kvm is absent");
		return summary();
	}
	still_vmm(arguments[2], rounds < 50 ? rounds : 50);
	footprint_groups(helper, arguments[2]);
	busy_vmm(arguments[2], rounds < 50 ? rounds : 50);
	go_vmm(arguments[3], rounds);
	return summary();
}
