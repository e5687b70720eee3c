/* What only our own VMM can show: how many EINTRs it saw, its filters, a parked vCPU. */
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "live.h"
#include "privilege.h"

static int start(struct guest *g, const char *a, const char *b, const char *c)
{
	/* Its vector state must be what the test makes of it. */
	const char *arguments[] = { "--program", "integer", a, b, c, NULL };

	if (guest_start_demo(g, demo_program, arguments) == 0)
		return 0;
	CHECK(0, "the demo VMM did not start");
	guest_end(g);
	return -1;
}

static void plain(void)
{
	struct guest g;

	rule("demo VMM: no EINTR is seen where no signal was sent");
	if (start(&g, "--vcpus", "2", NULL) < 0)
		return;
	live_round(&g, "demo VMM", 1200);
	live_refusals(&g);
	CHECK(g.page->vcpus[0].eintr_count == 0, "the VMM saw %llu EINTRs", (unsigned long long)g.page->vcpus[0].eintr_count);
	CHECK(g.page->vcpus[0].run_count == 1, "KVM_RUN was called %llu times", (unsigned long long)g.page->vcpus[0].run_count);
	CHECK(g.page->vcpus[0].other_errors == 0 && g.page->vcpus[1].run_count == 1, "other errors");
	guest_end(&g);
}

static void two_vcpus(void)
{
	char *before, *after = NULL;
	struct client c;
	struct guest g;

	rule("demo VMM: two vCPUs of one helper");
	if (start(&g, "--vcpus", "2", NULL) < 0)
		return;
	before = guest_portrait(&g);
	CHECK(client_start(&c, helper_program) == 0, "no helper");
	for (uint32_t i = 0; i < 2; i++)
		CHECK(client_attach(&c, g.pid, i, 0, NULL) == 1, "vCPU %u: %s", i, c.refusal ? c.refusal->detail : "");
	CHECK(client_vcpu(&c, MSG_FREEZE, g.pid, 1) == 1, "freeze");
	for (int i = 0; i < 50; i++)
		CHECK(client_vcpu(&c, MSG_CAPTURE, g.pid, (uint32_t)i % 2) == 1, "capture");
	CHECK(guest_progresses(&g, 0) && guest_stands_still(&g, 1), "one runs, one is frozen");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	CHECK(guest_progresses(&g, 1), "vCPU 1 goes on");
	CHECK(portrait_returns(&g, before, &after), "not as it was:\n%s---\n%s", before, after);
	CHECK(g.page->vcpus[1].eintr_count == 0, "EINTR on vCPU 1");
	free(before);
	free(after);
	guest_end(&g);
}

/* Kicks arrive all the time, as in a VMM with timers: each must reach the handler and KVM_RUN as without us. */
static void with_signals(void)
{
	uint64_t signals;
	struct guest g;

	rule("demo VMM: a thousand signals a second");
	if (start(&g, "--signal", NULL, NULL) < 0)
		return;
	live_round(&g, "demo VMM with signals", 1000);
	signals = g.page->vcpus[0].signals;
	CHECK(COMES(g.page->vcpus[0].signals > signals), "signals no longer arrive");
	CHECK(g.page->vcpus[0].eintr_count <= g.page->vcpus[0].signals + 1, "%llu EINTRs of %llu signals",
	      (unsigned long long)g.page->vcpus[0].eintr_count, (unsigned long long)g.page->vcpus[0].signals);
	CHECK(g.page->vcpus[0].other_errors == 0, "other errors");
	guest_end(&g);
}

static void parked(void)
{
	static uint8_t image[32768];
	struct capture_head head;
	uint32_t bytes = 0;
	const void *found;
	struct client c;
	struct guest g;

	rule("demo VMM: a vCPU parked outside KVM_RUN is read, not written");
	if (start(&g, "--park", NULL, NULL) < 0)
		return;
	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(client_vcpu(&c, MSG_CAPTURE, g.pid, 0) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	memcpy(&head, c.payload, sizeof(head));
	CHECK(head.in_kvm_run == 0, "it is said to be in KVM_RUN");
	found = capture_section(&c, SECTION_IMAGE, &bytes);
	if (found)
		memcpy(image, found, bytes);
	CHECK(client_set_image(&c, g.pid, 0, image, bytes) == 0 && c.refusal->reason == REASON_OUTSIDE_KVM_RUN, "written");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	CHECK(guest_lives(&g), "the VMM ended");
	guest_end(&g);
}

const struct verdict *live_verdict(const struct client *c, const char *call)
{
	const struct verdicts_head *head = (const void *)c->payload;
	const struct verdict *v = (const void *)(c->payload + sizeof(*head));

	for (uint32_t i = 0; i < head->count; i++)
		if (strcmp(v[i].call, call) == 0)
			return &v[i];
	return NULL;
}

/* What each filter must lead to. */
static const struct filter_case {
	const char *kind;
	int capture, write;      /* 1: works */
	const char *call;        /* with this verdict */
	uint32_t action;
	uint32_t failed_section; /* left out of the capture */
} filter_cases[] = {
	{ "allow", 1, 1, "KVM_SET_XSAVE", SECCOMP_RET_ALLOW, 0 },
	{ "trap-set", 1, 0, "KVM_SET_XSAVE", SECCOMP_RET_TRAP, 0 },
	{ "kill-set", 1, 0, "KVM_SET_XSAVE", SECCOMP_RET_KILL_PROCESS, 0 },
	{ "trap-get", 0, 0, "KVM_GET_XSAVE2", SECCOMP_RET_TRAP, 0 },
	{ "trap-get2", 1, 1, "KVM_GET_XSAVE2", SECCOMP_RET_TRAP, 0 },
	{ "errno", 1, 1, "KVM_GET_SREGS", SECCOMP_RET_ERRNO, SECTION_SREGS },
	{ "no-clock", 1, 1, "clock_gettime", SECCOMP_RET_KILL_PROCESS, 0 },
};

static void one_filter(const struct filter_case *f, uint32_t flags)
{
	static uint8_t image[32768];
	const struct failed_call *failed;
	const struct verdict *v;
	uint32_t bytes = 0;
	struct client c;
	struct guest g;

	if (start(&g, "--seccomp", f->kind, NULL) < 0)
		return;
	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, flags, NULL) == 1, "%s: %s", f->kind, c.refusal ? c.refusal->detail : "");
	CHECK(client_vcpu(&c, MSG_VERDICTS, g.pid, 0) == 1, "verdicts refused");
	v = live_verdict(&c, f->call);
	CHECK(v && v->known && (v->action & SECCOMP_RET_ACTION_FULL) == f->action, "%s: verdict on %s", f->kind, f->call);
	CHECK(client_vcpu(&c, MSG_CAPTURE, g.pid, 0) == (f->capture || flags), "%s: capture", f->kind);
	if (c.refusal) {
		CHECK(c.refusal->reason == REASON_SECCOMP && strcmp(c.refusal->call, f->call) == 0, "%s", c.refusal->detail);
	} else {
		const void *found = capture_section(&c, SECTION_IMAGE, &bytes);

		failed = capture_section(&c, SECTION_FAILED, NULL);
		CHECK((failed ? failed->section : 0) == (flags ? 0 : f->failed_section), "%s: left out", f->kind);
		if (found)
			memcpy(image, found, bytes);
		CHECK(client_set_image(&c, g.pid, 0, image, bytes) == (f->write || flags), "%s: write", f->kind);
		CHECK(!c.refusal || (c.refusal->reason == REASON_SECCOMP && c.refusal->seccomp_action == f->action), "%s",
		      c.refusal->detail);
	}
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	CHECK(guest_lives(&g) && guest_progresses(&g, 0), "%s: the guest does not go on", f->kind);
	CHECK(g.page->vcpus[0].sigsys == 0 && g.page->vcpus[0].eintr_count == 0, "%s: the VMM noticed", f->kind);
	guest_end(&g);
}

static void filters(void)
{
	if (!can_read_filters("seccomp verdicts on the demo VMM"))
		return;
	rule("demo VMM: seccomp verdicts are known before a call is made");
	for (size_t i = 0; i < sizeof(filter_cases) / sizeof(filter_cases[0]); i++)
		one_filter(&filter_cases[i], 0);
	rule("demo VMM: with seccomp suspended by explicit word");
	for (size_t i = 0; i < sizeof(filter_cases) / sizeof(filter_cases[0]); i++)
		one_filter(&filter_cases[i], ATTACH_SUSPEND_SECCOMP);
}

/* The program that is started unasked must be the first that KVM runs here, and must run. */
static void chosen_program(void)
{
	static const char *const names[] = { "amx", "avx512", "avx", "general", "integer" };
	int chosen = -1;
	struct guest g;

	rule("demo VMM: the program is chosen by trying");
	if (guest_start_demo(&g, demo_program, NULL) < 0) {
		CHECK(0, "the demo VMM did not start");
		guest_end(&g);
		return;
	}
	for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
		if (strcmp((const char *)(uintptr_t)g.page->program, names[i]) == 0)
			chosen = i;
	printf("# it runs %s\n", chosen < 0 ? "nothing known" : names[chosen]);
	CHECK(chosen >= 0 && guest_lives(&g) && guest_progresses(&g, 0), "it does not run");
	guest_end(&g);
	for (int i = 0; i < chosen; i++) {
		const char *arguments[] = { "--program", names[i], NULL };

		/* Started in spite of it, it either does not come up or leaves the guest at once. */
		(void)guest_start_demo(&g, demo_program, arguments);
		CHECK(COMES(!guest_lives(&g)), "%s runs here and was not chosen", names[i]);
		guest_end(&g);
	}
}

/* Whoever starts a demo guest holds its stdin; it must not outlive them. */
static void leash(void)
{
	int in[2], out[2], status = -1;
	char line[128] = "";
	pid_t pid;

	rule("demo VMM: it says what it runs, and ends with its stdin");
	if (pipe(in) < 0 || pipe(out) < 0)
		return;
	pid = fork();
	if (pid == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		for (int fd = 3; fd < 64; fd++)
			close(fd);
		execl(demo_program, demo_program, "--program", "integer", (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	CHECK(read(out[0], line, sizeof(line) - 1) > 0, "it says nothing");
	{
		char expected[64];

		(void)snprintf(expected, sizeof(expected), "ready pid=%d program=integer (", pid);
		CHECK(strncmp(line, expected, strlen(expected)) == 0, "it says %s", line);
	}
	CHECK(write(in[1], "x", 1) == 1, "its stdin is closed");
	(void)usleep(20000);
	CHECK(waitpid(pid, &status, WNOHANG) == 0, "it ended before its stdin");
	close(in[1]);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x", status);
	close(out[0]);
}

#define SHARED_AT 0x7000u /* the guest has nothing there */

static int read_bytes(struct client *c, const struct guest *g, uint64_t address, uint8_t *bytes, uint32_t count)
{
	const struct read_memory_request request = { .vcpu = { g->pid, 0 }, .address = address, .bytes = count };

	if (client_ask(c, MSG_READ_MEMORY, &request, sizeof(request)) != 1 || c->header.payload_bytes != count)
		return 0;
	memcpy(bytes, c->payload, count);
	return 1;
}

/* Where the VMM has what it shares with the test, by the bytes there. 0: it is not among the mappings. */
static uint64_t find_shared(struct client *c, const struct guest *g, const volatile uint8_t *shared)
{
	static struct mapping_record all[MAX_MAPPINGS];
	struct mappings_head head;
	uint8_t bytes[16];

	if (client_vcpu(c, MSG_MAPPINGS, g->pid, 0) != 1)
		return 0;
	memcpy(&head, c->payload, sizeof(head));
	memcpy(all, c->payload + sizeof(head), head.count * sizeof(all[0]));
	for (uint32_t i = 0; i < head.count; i++)
		if (all[i].end - all[i].start == DEMO_MEMORY_BYTES && read_bytes(c, g, all[i].start + SHARED_AT, bytes, sizeof(bytes)) &&
		    memcmp(bytes, (const uint8_t *)(uintptr_t)shared, sizeof(bytes)) == 0)
			return all[i].start + SHARED_AT;
	return 0;
}

/* Somebody else is this test, which shares the guest's memory. */
static void memory_changed(void)
{
	static const char *const arguments[] = { "--program", "integer", NULL };
	static const uint8_t wanted[16] = { 0x5a, 0xa5 };
	struct {
		struct write_memory_request head;
		uint8_t before[sizeof(wanted)], after[sizeof(wanted)];
	} write = { .head.bytes = sizeof(wanted) };
	volatile uint8_t *shared;
	struct client c;
	struct guest g;

	rule("[C66] memory that somebody changed in between is not written; read and tried again it is");
	CHECK(guest_start_demo(&g, demo_program, arguments) == 0, "the demo VMM did not start");
	CHECK(client_start(&c, helper_program) == 0 && client_attach(&c, g.pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	shared = (volatile uint8_t *)(uintptr_t)g.page + DEMO_MEMORY_AT + SHARED_AT;
	write.head.vcpu = (struct vcpu_ref){ g.pid, 0 };
	shared[0] = 0x17;
	write.head.address = find_shared(&c, &g, shared);
	memcpy(write.after, wanted, sizeof(wanted));
	CHECK(read_bytes(&c, &g, write.head.address, write.before, sizeof(write.before)), "%s", c.refusal ? c.refusal->detail : "no answer");
	shared[sizeof(wanted) - 1] ^= 1;
	CHECK(client_ask(&c, MSG_WRITE_MEMORY, &write, sizeof(write)) == 0 && c.refusal->reason == REASON_MEMORY_CHANGED, "written");
	CHECK(memcmp((const uint8_t *)(uintptr_t)shared, write.before, sizeof(wanted) - 1) == 0, "something of it was");
	CHECK(read_bytes(&c, &g, write.head.address, write.before, sizeof(write.before)), "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(client_ask(&c, MSG_WRITE_MEMORY, &write, sizeof(write)) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(memcmp((const uint8_t *)(uintptr_t)shared, wanted, sizeof(wanted)) == 0, "not written");
	CHECK(client_end(&c) == 0 && guest_progresses(&g, 0), "the helper did not end with 0, or the guest does not go on");
	guest_end(&g);
}

void live_demo(void)
{
	chosen_program();
	leash();
	plain();
	two_vcpus();
	with_signals();
	parked();
	filters();
	memory_changed();
	live_demo_regs();
	live_demo_helpers();
}
