/* Single steps of a guest whose instructions are known: test-step HELPER STEPPED-HELPER DEMO-VMM */
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "client.h"
#include "guest.h"
#include "privilege.h"
#include "step_driven.h"
#include "step_fault.h"
#include "step_flags.h"
#include "own_vm.h"

#define MOST_EMPTY_REQUESTS 100u

static const char *helper, *stepped, *demo;
struct guest guest;
struct client client;
struct stopped_event head;
struct kvm_regs stops[MOST_STEPS_AT_ONCE];
static uint32_t irqs_blocked_here; /* this KVM can */
static const struct way ways[] = {
	{ .name = "machine code, which knows the guest's", .known = 1 },
	{ .name = "machine code, where the VMM synchronizes registers itself", .known = 1, .syncs = 1 },
	{ .name = "frames", .frames = 1 },
	{ .name = "frames, which know the guest's code", .frames = 1, .known = 1 },
	{ .name = "machine code" },
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))
const struct way *way = &ways[WAYS - 1];

const char *words(void)
{
	return client.refusal ? client.refusal->detail : "no answer";
}

static void read_reply(void)
{
	memcpy(&head, client.payload, sizeof(head));
	for (uint32_t i = 0; i < head.record_count; i++)
		memcpy(&stops[i], client.payload + sizeof(head) + (size_t)i * client.record_bytes, sizeof(stops[0]));
}

int ask_steps(struct run_request *request, const struct step_lookup *lookups)
{
	static uint8_t bytes[sizeof(*request) + MOST_LOOKUPS * sizeof(*lookups) + sizeof(struct step_code)];
	uint32_t size = sizeof(*request) + request->lookup_count * (uint32_t)sizeof(*lookups);
	int answer;

	request->vcpu = (struct vcpu_ref){ guest.pid, 0 };
	if (way->known && !request->dr7)
		request->flags |= STEP_KNOWN_CODE;
	memcpy(bytes, request, sizeof(*request));
	if (request->lookup_count)
		memcpy(bytes + sizeof(*request), lookups, request->lookup_count * sizeof(*lookups));
	if (request->flags & STEP_KNOWN_CODE) {
		struct step_code all = { 0 };

		memset(all.may_be_stepped, 0xff, sizeof(all.may_be_stepped));
		memcpy(bytes + size, &all, sizeof(all));
		size += sizeof(all);
	}
	answer = client_ask(&client, MSG_RUN, bytes, size);
	memset(&head, 0, sizeof(head));
	if (answer == 1)
		read_reply();
	return answer;
}

int step(uint32_t count)
{
	struct run_request request = { .count = count };

	return ask_steps(&request, NULL);
}

int start(const char *const *arguments)
{
	const char *all[16] = { NULL };
	size_t count = 0;

	for (; arguments[count]; count++)
		all[count] = arguments[count];
	/* A filter of a test may forbid the VMM to look at them. */
	if (count < 3 || strcmp(arguments[2], "--seccomp") != 0)
		all[count++] = "--debug-registers";
	if (way->syncs)
		all[count++] = "--sync-regs";
	if (way->frames) {
		all[count++] = "--seccomp";
		all[count++] = "no-code";
	}
	if (guest_start_demo(&guest, demo, all) == 0 && guest_progresses(&guest, 0) && client_start(&client, helper) == 0 &&
	    client_attach(&client, guest.pid, 0, 0, NULL) == 1)
		return 1;
	CHECK(0, "the VMM or the helper did not start: %s", words());
	guest_end(&guest);
	return 0;
}

void end(void)
{
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];

	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the guest does not go on");
	CHECK(v->other_errors == 0 && v->io_errors == 0 && v->stack_errors == 0, "%llu errors, %llu answers lost, %llu bytes changed",
	      (unsigned long long)v->other_errors, (unsigned long long)v->io_errors, (unsigned long long)v->stack_errors);
	CHECK(v->debug_register_errors == 0, "the guest's own debug registers were changed, seen %llu times", (unsigned long long)v->debug_register_errors);
	CHECK(guest_scratch_regions(&guest) == 0 && guest_scratch_code(&guest) == 0, "scratch is left");
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
}

/* An instruction breakpoint, for up to a second. */
static int run_to(uint64_t address)
{
	struct run_request request = {
		.vcpu = { guest.pid, 0 }, .count = 1, .wait_ms = 1000, .dr0 = address, .dr7 = 0x401,
	};
	int answer = client_ask(&client, MSG_RUN, &request, sizeof(request));

	memset(&head, 0, sizeof(head));
	if (answer == 1)
		read_reply();
	return answer;
}

/* After each instruction RIP stands at the next one of the program, which goes round. */
static void check_round(uint64_t code, const uint32_t *at, uint32_t count, const char *name)
{
	uint32_t place = 0;

	while (place < count && stops[0].rip != code + at[place])
		place++;
	for (uint32_t i = 0; i < head.steps; i++)
		CHECK(stops[i].rip == code + at[(place + i) % count], "%s, step %u: rip %#llx", name, i, (unsigned long long)stops[i].rip);
}

/*
 * So many steps, all checked: a request is answered when its time is over, with the steps that it made. 1: all are made.
 * *detours: of all requests.
 */
static int step_all(uint32_t count, const uint32_t *at, uint32_t places, uint64_t code, const char *name, uint32_t *detours)
{
	uint32_t made = 0, empty = 0;

	*detours = 0;
	while (made < count && empty < MOST_EMPTY_REQUESTS) {
		if (step(count - made) != 1)
			return 0;
		check_round(code, at, places, name);
		made += head.steps;
		empty += head.steps == 0;
		*detours += head.detours;
	}
	return made == count;
}

static void counting_guest(void)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", NULL };
	static const uint32_t at[] = { 0, 5 };
	volatile struct demo_vcpu *v;
	uint32_t before, detours;

	rule("each step is one instruction, and the guest stands still between requests");
	if (!start(arguments))
		return;
	v = &guest.page->vcpus[0];
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	CHECK(step(1) == 1 && head.steps == 1 && head.reason == STOPPED_DONE, "%s", words());
	for (int round = 0; round < 5; round++) {
		before = *guest.counter;
		CHECK(step_all(240, at, 2, CODE, "integer", &detours), "%u steps: %s", head.steps, words());
		CHECK(*guest.counter == before + 120, "%u times counted in 120 rounds", *guest.counter - before);
	}
	CHECK(head.exit_reason == KVM_EXIT_DEBUG && head.detours == 0, "exit %u, %u detours", head.exit_reason, head.detours);
	CHECK(guest_stands_still(&guest, 0), "it runs on");
	CHECK(guest_scratch_code(&guest) == !way->frames, "%s: memory that can be executed: %u", way->name, guest_scratch_code(&guest));
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s", words());
	CHECK(v->eintr_count == 0 && v->run_count == 1, "the VMM saw %llu EINTRs", (unsigned long long)v->eintr_count);
	irqs_blocked_here = head.irqs_blocked;
	printf("# interrupts blocked: %u\n", head.irqs_blocked);
	end();
}

static void leaving_guest(const char *program, const uint32_t *at, uint32_t places)
{
	const char *const arguments[] = { "--program", program, "--small-stack", NULL };
	uint32_t detours, expected = 2 * 200 / places;
	uint64_t exits;

	rule("exits on the way are the VMM's: each once, with its answer");
	if (!start(arguments))
		return;
	/* Between two requests it would run on. */
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	exits = guest.page->vcpus[0].io_count;
	CHECK(step_all(200, at, places, CODE, program, &detours), "%u steps: %s", head.steps, words());
	printf("# %s: 200 steps, %u detours, %llu exits\n", program, detours, (unsigned long long)(guest.page->vcpus[0].io_count - exits));
	CHECK(detours >= expected - 2 && detours <= expected + 2, "%u detours in %u rounds with two exits each", detours, 200 / places);
	end();
}

static void breakpoints(const char *program, uint32_t at, int is_kicked)
{
	const char *const arguments[] = { "--program", program, "--small-stack", is_kicked ? "--signal" : NULL, NULL };
	uint64_t eintrs;

	rule("a breakpoint stops the guest before its instruction, and the VMM sees nothing of it");
	if (!start(arguments))
		return;
	eintrs = guest.page->vcpus[0].eintr_count;
	if (!breakpoints_are_hit())
		skip("breakpoints that are hit", "a VM of the test's own hits none here: this KVM's CPU is emulated");
	for (int round = 0; round < (breakpoints_are_hit() ? 5 : 0); round++) {
		CHECK(run_to(CODE + at) == 1 && head.reason == STOPPED_DONE && head.steps == 1, "%s: not hit: %s", program, words());
		CHECK(stops[0].rip == CODE + at && (head.dr6 & 1), "%s: rip %#llx, DR6 %#llx", program, (unsigned long long)stops[0].rip,
		      (unsigned long long)head.dr6);
	}
	CHECK(run_to(CODE + 0x800) == 1 && head.steps == 0 && head.reason != STOPPED_DONE, "%s: hit where nothing is: %s", program, words());
	CHECK(is_kicked || guest.page->vcpus[0].eintr_count == eintrs, "%s: the VMM saw EINTRs", program);
	end();
}

static void kicked_guest(void)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", "--signal", NULL };
	static const uint32_t at[] = { 0, 5 };
	uint64_t before;
	uint32_t detours;

	rule("kicks get through while the guest is stepped");
	if (!start(arguments))
		return;
	before = guest.page->vcpus[0].eintr_count;
	CHECK(step_all(240, at, 2, CODE, "integer", &detours), "%u steps: %s", head.steps, words());
	printf("# 240 steps, %u detours, %llu EINTRs\n", detours, (unsigned long long)(guest.page->vcpus[0].eintr_count - before));
	end();
}

static void qemu_guest(void)
{
	static const uint32_t at[] = { 5, 10 };
	uint32_t before, detours;

	rule("a guest of QEMU is stepped, and QEMU does not know");
	if (guest_start_qemu(&guest, 1) < 0) {
		skip("single steps in QEMU", "qemu-system-x86_64 is absent or does not start");
		guest_end(&guest);
		return;
	}
	CHECK(client_start(&client, helper) == 0 && client_attach(&client, guest.pid, 0, 0, NULL) == 1, "%s", words());
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	before = *guest.counter;
	CHECK(step_all(240, at, 2, 0, "QEMU", &detours) && head.reason == STOPPED_DONE, "%u steps: %s", head.steps, words());
	CHECK(*guest.counter == before + 120, "%u times counted in 120 rounds", *guest.counter - before);
	/* Its vCPUs' threads block all signals but their kick: the chain's timer gets through nevertheless. */
	CHECK(head.irqs_blocked == irqs_blocked_here, "QEMU: interrupts blocked: %u", head.irqs_blocked);
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the guest does not go on");
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
}

static int is_forbidden(const char *call)
{
	const struct verdicts_head *of;
	const struct verdict *v;

	if (client_vcpu(&client, MSG_VERDICTS, guest.pid, 0) != 1)
		return -1;
	of = (const void *)client.payload;
	v = (const void *)(client.payload + sizeof(*of));
	for (uint32_t i = 0; i < of->count; i++)
		if (strcmp(v[i].call, call) == 0)
			return v[i].known && (v[i].action & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_KILL_PROCESS;
	return -1;
}

/* Each filter kills the VMM at one call: said beforehand; and made is all that can be without it. */
static void filtered(void)
{
	static const struct {
		const char *kind, *call;
		int goes_on;
	} filters[] = {
		{ "no-copy", "process_vm_readv", 0 }, { "no-debug", "KVM_SET_GUEST_DEBUG", 0 }, { "no-wait", "futex", 0 },
		{ "kill-regs", "KVM_SET_REGS", 1 },   { "no-msrs", "KVM_GET_MSRS", 1 },		{ "no-timer", "timer_create", 1 },
	};
	struct run_request run = { .count = 1, .wait_ms = 20, .dr0 = CODE + 0x800, .dr7 = 0x401 };

	rule("what the filter forbids is said beforehand, and not made: neither steps that need it, nor, in others, that call");
	if (!can_read_filters("steps under a seccomp filter"))
		return;
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		const char *const arguments[] = { "--program", "integer", "--seccomp", filters[i].kind, NULL };
		const char *call = filters[i].call;
		uint32_t blocked;

		if (!start(arguments))
			return;
		CHECK(is_forbidden(call) == 1, "%s: the verdict on %s", filters[i].kind, call);
		if (filters[i].goes_on) {
			CHECK(step(16) == 1 && head.steps == 16, "%s: %u steps: %s", filters[i].kind, head.steps, words());
			blocked = strcmp(call, "timer_create") != 0 ? irqs_blocked_here : 0;
			CHECK(head.irqs_blocked == blocked, "%s: interrupts blocked: %u", filters[i].kind, head.irqs_blocked);
			CHECK(ask_steps(&run, NULL) == 1 && head.steps == 0, "%s: %s", filters[i].kind, words());
		} else {
			CHECK(step(1) == 0 && client.refusal->reason == REASON_SECCOMP && strcmp(client.refusal->call, call) == 0, "%s: %s", filters[i].kind,
			      words());
			CHECK(step(0) == 0 && step(MOST_STEPS_AT_ONCE + 1) == 0, "a count that cannot be");
		}
		end();
	}
}

/* Where the instructions of their loops begin. */
static const uint32_t port_code[] = { 0, 2, 5, 7, 12 }, device_code[] = { 5, 9, 13, 18 };

static void stepped_so(void)
{
	printf("# steps by %s\n", way->name);
	if (way->frames && !can_read_filters("steps by frames"))
		return;
	counting_guest();
	leaving_guest("io", port_code, sizeof(port_code) / sizeof(port_code[0]));
	leaving_guest("mmio", device_code, sizeof(device_code) / sizeof(device_code[0]));
	kicked_guest();
	conditions();
	whole_states("integer");
	whole_states("io");
	whole_states("mmio");
	same_as_free_run();
}

int main(int count, char **arguments)
{
	if (count != 4) {
		fprintf(stderr, "usage: test-step HELPER STEPPED-HELPER DEMO-VMM\n");
		return 64;
	}
	helper = arguments[1];
	stepped = arguments[2];
	demo = arguments[3];
	if (!kvm_is_there()) {
		skip("single steps", "/dev/kvm is absent");
		return summary();
	}
	for (way = ways; way < ways + WAYS; way++)
		stepped_so();
	way = &ways[WAYS - 1];
	breakpoints_as_said();
	alarms(irqs_blocked_here);
	breakpoints("integer", 5, 0);
	breakpoints("integer", 0, 1);
	breakpoints("io", 7, 0);
	watchpoints();
	asked_to_stop();
	step_flags(helper, demo);
	step_fault(helper, stepped, demo);
	filtered();
	qemu_guest();
	killed(stepped, "integer", 0);
	if (can_read_filters("kills of steps that frames make")) {
		way = &ways[2];
		killed(stepped, "io", 0);
		way = &ways[WAYS - 1];
	}
	killed(stepped, "io", 0);
	killed(stepped, "mmio", 0);
	killed(stepped, "integer", 1);
	killed(stepped, "io", 1);
	drive_storm(helper);
	return summary();
}
