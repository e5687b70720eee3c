/*
 * What single steps would store with the TF that they are made by: a guest of PUSHF, INT, SYSCALL and SYSRET, stepped as a
 * debugger does that knows its code, comes to the same as one that runs freely.
 */
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>

#include "step_flags.h"

#include "check.h"

extern const uint8_t flags_guest[], flags_guest_int[];

#define OUT_BYTES 192u
#define TRAP_FLAG 0x100u
#define RESUME_FLAG 0x10000ull
#define FRAME_AT 32u /* of an interrupt: an emulated CPU (Bochs 3.0) leaves RF as it finds it there */
#define MOST_ROUNDS 4000

static struct client client;
static struct guest guest;
static struct stopped_event head;
static struct kvm_regs last;
static struct step_code code;

static const char *words(void)
{
	return client.refusal ? client.refusal->detail : "no answer";
}

static int ask(struct run_request request)
{
	static uint8_t bytes[sizeof(request) + sizeof(code)];
	uint32_t count = sizeof(request) + (request.flags & STEP_KNOWN_CODE ? (uint32_t)sizeof(code) : 0);
	int answer;

	request.vcpu = (struct vcpu_ref){ guest.pid, 0 };
	memcpy(bytes, &request, sizeof(request));
	memcpy(bytes + sizeof(request), &code, sizeof(code));
	answer = client_ask(&client, MSG_RUN, bytes, count);
	memset(&head, 0, sizeof(head));
	if (answer != 1)
		return answer;
	memcpy(&head, client.payload, sizeof(head));
	if (head.record_count)
		memcpy(&last, client.payload + sizeof(head) + (size_t)(head.record_count - 1) * client.record_bytes, sizeof(last));
	return answer;
}

static uint8_t *memory(uint64_t at)
{
	return (uint8_t *)(uintptr_t)guest.page + DEMO_MEMORY_AT + at;
}

static uint8_t *out(void)
{
	return memory(GUEST_AREAS + AREA_OUT);
}

static int done(void)
{
	return guest_area(&guest, 0)->done == STEP_TOUCH;
}

/* Where the instruction at RIP goes without a step: PUSHF and PUSHFW, INT 7, SYSRET. 0: it is stepped. */
static uint64_t goes_to(uint64_t rip)
{
	const uint8_t *at = memory(rip);

	if (at[0] == 0x9c)
		return rip + 1;
	if (at[0] == 0x66 && at[1] == 0x9c)
		return rip + 2;
	if (at[0] == 0xcd)
		return GUEST_CODE + (uint64_t)(flags_guest_int - flags_guest);
	if (at[0] == 0x48 && at[1] == 0x0f && at[2] == 0x07)
		return last.rcx;
	return 0;
}

static void know_the_code(void)
{
	memset(&code, 0, sizeof(code));
	for (uint64_t at = GUEST_CODE; at < GUEST_CODE + 0x1000; at++)
		if (!goes_to(at))
			code.may_be_stepped[at / 8] |= (uint8_t)(1 << at % 8);
}

/* Through one round, `count` steps at once. -1: it did not come there. */
static int drive(uint32_t flags, uint32_t count, unsigned int *around)
{
	struct run_request steps = { .count = count, .flags = flags };
	struct run_request over = { .count = 1, .wait_ms = 2000, .dr7 = 0x401, .flags = STEP_NOT_THERE | STEP_NO_INTERRUPTS };

	*around = 0;
	for (int i = 0; i < MOST_ROUNDS; i++) {
		if (done())
			return 0;
		over.dr0 = flags & STEP_KNOWN_CODE && i ? goes_to(last.rip) : 0;
		if (over.dr0) {
			if (ask(over) != 1 || head.steps != 1)
				return -1;
			*around += 1;
		} else if (ask(steps) != 1 || head.steps == 0) {
			return -1;
		}
	}
	return -1;
}

static int same(const uint8_t *expected, const char *how, int is_checked)
{
	unsigned int differ = 0;

	for (uint32_t at = 0; at < OUT_BYTES; at += 8) {
		uint64_t is, to;

		memcpy(&is, out() + at, 8);
		memcpy(&to, expected + at, 8);
		if (at == FRAME_AT) {
			is &= ~RESUME_FLAG;
			to &= ~RESUME_FLAG;
		}
		differ += is != to;
		if (is_checked)
			CHECK(is == to, "%s: %#llx is stored at %u, not %#llx", how, (unsigned long long)is, at, (unsigned long long)to);
	}
	return (int)differ;
}

static void one(const uint8_t *expected, uint32_t flags, uint32_t count, const char *how)
{
	unsigned int around;
	struct kvm_regs regs;
	const void *section;
	uint32_t bytes = 0;

	memset(out(), 0, OUT_BYTES);
	guest_area(&guest, 0)->done = 0;
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	guest_start_step(&guest, 0, STEP_TOUCH);
	CHECK(drive(flags, count, &around) == 0, "%s: the round did not end: %u steps, rip %#llx: %s", how, head.steps, (unsigned long long)last.rip, words());
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s", words());
	section = capture_section(&client, SECTION_REGS, &bytes);
	memset(&regs, 0, sizeof(regs));
	if (section && bytes == sizeof(regs))
		memcpy(&regs, section, sizeof(regs));
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1, "%s", words());
	CHECK(guest_progresses(&guest, 0), "%s: the guest does not go on", how);
	if (flags & STEP_KNOWN_CODE) {
		(void)same(expected, how, 1);
		CHECK(!(regs.r11 & TRAP_FLAG) && !(regs.rflags & TRAP_FLAG), "%s: TF is in r11 %#llx, rflags %#llx", how,
		      (unsigned long long)regs.r11, (unsigned long long)regs.rflags);
		CHECK(around == 14, "%s: %u instructions were not stepped", how, around);
	} else {
		printf("# %s: %d of %u numbers differ\n", how, same(expected, how, 0), OUT_BYTES / 8);
	}
}

/* 1: this KVM's guests stop at breakpoints. */
static int has_breakpoints(void)
{
	struct run_request to_the_loop = { .count = 1, .wait_ms = 1000, .dr7 = 0x401, .flags = STEP_NOT_THERE };

	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	CHECK(ask((struct run_request){ .count = 1 }) == 1 && head.steps == 1, "%s", words());
	to_the_loop.dr0 = last.rip;
	CHECK(ask((struct run_request){ .count = 1 }) == 1 && head.steps == 1, "%s", words());
	CHECK(ask(to_the_loop) == 1, "%s", words());
	return client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && head.steps == 1;
}

void step_flags(const char *helper, const char *demo)
{
	static const char *const arguments[] = { "--program", "flags", "--held", NULL };
	static uint8_t expected[OUT_BYTES];

	rule("what a stepped guest stores of its flags is what a free one stores: no TF in memory, nor in R11");
	if (guest_start_demo(&guest, demo, arguments) < 0) {
		CHECK(0, "the guest did not start");
		guest_end(&guest);
		return;
	}
	/* Nobody but its VMM has touched it. A KVM whose CPU is software may not run INT and SYSRET, and the VMM then ends. */
	if (!guest_step(&guest, 0, STEP_TOUCH) && !guest_lives(&guest)) {
		skip("what a stepped guest stores of its flags", "this KVM does not run the program by itself");
		guest_end(&guest);
		return;
	}
	if (client_start(&client, helper) < 0 || client_attach(&client, guest.pid, 0, 0, NULL) != 1) {
		CHECK(0, "the helper did not start: %s", words());
	} else if (!has_breakpoints()) {
		skip("what a stepped guest stores of its flags", "this KVM hits no breakpoint: it is one whose CPU is emulated");
	} else {
		CHECK(guest_step(&guest, 0, STEP_TOUCH), "the guest does not do its round");
		memcpy(expected, out(), sizeof(expected));
		know_the_code();
		one(expected, STEP_KNOWN_CODE, 40, "stepped");
		one(expected, STEP_KNOWN_CODE, 1, "stepped one by one");
		one(expected, STEP_KNOWN_CODE | STEP_KEEP_STATE, 40, "traced");
		one(expected, STEP_KNOWN_CODE | STEP_KEEP_STATE | STEP_KEEP_LAST, 40, "the last state kept");
		one(expected, 0, 40, "stepped without its code being known");
		CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	}
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
}
