/* What a request for steps can ask beside steps: a condition, the whole state, watchpoints. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "step_driven.h"

#include "check.h"
#include "own_vm.h"

#define TRIES 1000

/* How many steps one request makes depends on what else the machine does: it is made again until they are enough. */
static int made_few(int answer, uint32_t few, int *tries)
{
	return answer == 1 && !head.holds && head.steps <= few && ++*tries < TRIES;
}

void conditions(void)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", NULL };
	static struct step_lookup lookups[MOST_LOOKUPS];
	struct run_request request = { .count = MOST_STEPS_AT_ONCE, .lookup_count = 2 };
	uint32_t counted;
	int answer, tries = 0;

	rule("a condition ends the steps at the instruction after which it holds");
	if (!start(arguments))
		return;
	CHECK(step(1) == 1, "%s", words());
	/* RIP's two low bytes: 0x1000 is the instruction that counts. */
	for (uint32_t i = 0; i < 2; i++) {
		lookups[i].offset = RECORD_REGS + offsetof(struct kvm_regs, rip) + 1 - i;
		memset(lookups[i].next, 2, sizeof(lookups[i].next));
	}
	lookups[0].next[CODE >> 8] = 0;
	lookups[1].next[CODE & 0xff] = 1;
	for (int round = 0; round < 3; round++) {
		CHECK(ask_steps(&request, lookups) == 1 && head.holds && head.reason == STOPPED_DONE, "%s", words());
		CHECK(head.steps == head.record_count && head.steps <= 2 && stops[head.steps - 1].rip == CODE, "%u steps, rip %#llx", head.steps,
		      (unsigned long long)stops[head.steps ? head.steps - 1 : 0].rip);
	}
	lookups[1].next[CODE & 0xff] = 2;
	request.flags = STEP_KEEP_LAST;
	do
		counted = *guest.counter;
	while (made_few(answer = ask_steps(&request, lookups), 100, &tries));
	CHECK(answer == 1 && !head.holds && head.steps > 100 && head.record_count == 1, "%u steps: %s", head.steps, words());
	/* One of two instructions counts; an odd number of steps may begin and end with that one. */
	CHECK(*guest.counter - counted - head.steps / 2 <= head.steps % 2, "%u counted in %u steps", *guest.counter - counted, head.steps);
	/* All lookups that there may be, none of which holds. */
	for (uint32_t i = 0; i < MOST_LOOKUPS; i++) {
		lookups[i].offset = i;
		memset(lookups[i].next, 3, sizeof(lookups[i].next));
	}
	request.lookup_count = MOST_LOOKUPS;
	for (tries = 0; made_few(answer = ask_steps(&request, lookups), 50, &tries);)
		;
	CHECK(answer == 1 && !head.holds && head.steps > 50, "%u steps: %s", head.steps, words());
	lookups[0].offset = RECORD_SREGS;
	CHECK(ask_steps(&request, lookups) == 0, "a byte that is not in the record");
	end();
}

void whole_states(const char *program)
{
	const char *const arguments[] = { "--program", program, "--small-stack", NULL };
	struct run_request request = { .count = 500, .flags = STEP_KEEP_STATE }; /* of which no chain has room for all */
	struct kvm_regs last;
	int answer, tries = 0;

	rule("with the whole state, each record is what a capture would have said");
	if (!start(arguments))
		return;
	while (made_few(answer = ask_steps(&request, NULL), 10, &tries))
		;
	CHECK(answer == 1 && head.steps > 10 && head.steps == head.record_count && client.record_bytes > RECORD_IMAGE,
	      "%u steps: %s", head.steps, words());
	last = stops[head.steps - 1];
	for (uint32_t i = 0; i < head.record_count; i++) {
		const uint8_t *record = client.payload + sizeof(head) + (size_t)i * client.record_bytes;
		struct kvm_sregs sregs;
		struct kvm_xcrs xcrs;

		memcpy(&sregs, record + RECORD_SREGS, sizeof(sregs));
		memcpy(&xcrs, record + RECORD_XCRS, sizeof(xcrs));
		CHECK(sregs.tr.present && xcrs.nr_xcrs == 1 && (xcrs.xcrs[0].value & 1), "record %u", i);
		CHECK(record[RECORD_IMAGE + 24] || record[RECORD_IMAGE + 25], "record %u: no MXCSR", i);
	}
	request.count = 1;
	CHECK(ask_steps(&request, NULL) == 1 && head.steps == 1 && stops[0].rip != last.rip, "%s", words());
	end();
}

/* An access of four bytes. */
void watchpoints(void)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", NULL };
	struct run_request request = { .count = 1, .wait_ms = 1000, .dr0 = 0x7e00, .dr7 = 0xd0401 };
	uint32_t before;

	rule("a watchpoint stops the guest after the instruction that writes");
	if (!start(arguments))
		return;
	CHECK(step(1) == 1, "%s", words());
	before = *guest.counter;
	if (!watchpoints_are_hit()) {
		skip("watchpoints", "a VM of the test's own hits none here: this KVM's CPU is emulated");
		end();
		return;
	}
	CHECK(ask_steps(&request, NULL) == 1, "%s", words());
	for (int round = 0; round < 3; round++) {
		CHECK(head.steps == 1 && head.reason == STOPPED_DONE && (head.dr6 & 1) && stops[0].rip == CODE + 5, "%u steps, DR6 %#llx: %s", head.steps,
		      (unsigned long long)head.dr6, words());
		CHECK(*guest.counter == before + 1, "%u times counted", *guest.counter - before);
		before = *guest.counter;
		CHECK(ask_steps(&request, NULL) == 1, "%s", words());
	}
	/* With an instruction's breakpoint as well, whichever comes first. */
	request.dr1 = CODE + 5;
	request.dr7 |= 4;
	CHECK(ask_steps(&request, NULL) == 1 && head.steps == 1 && head.dr6, "DR6 %#llx: %s", (unsigned long long)head.dr6, words());
	request.dr0 = 0x7d00;
	request.dr7 &= ~4ull;
	request.wait_ms = 20;
	CHECK(ask_steps(&request, NULL) == 1 && head.steps == 0, "hit where nothing is written");
	end();
}

/* What the helper says of a VM of its own is what a VM of the test's own does, and is asked of KVM once. */
void breakpoints_as_said(void)
{
	static const char *const arguments[] = { "--program", "integer", NULL };
	struct breakpoints_reply said = { 0 }, again = { 0 };

	rule("[RC14] whether a guest stops at breakpoints here is known beforehand");
	if (!start(arguments))
		return;
	CHECK(client_ask(&client, MSG_BREAKPOINTS, NULL, 0) == 1, "%s", words());
	memcpy(&said, client.payload, sizeof(said));
	CHECK(client_ask(&client, MSG_BREAKPOINTS, NULL, 0) == 1, "%s", words());
	memcpy(&again, client.payload, sizeof(again));
	printf("# breakpoints %u, watchpoints %u, faults end behind their handler %u; known %u\n", said.instructions, said.data, said.faults,
	       said.known);
	CHECK((said.known & KNOWS_BREAKPOINTS) && memcmp(&said, &again, sizeof(said)) == 0, "known %u", said.known);
	CHECK((int)said.instructions == breakpoints_are_hit() && (int)said.data == watchpoints_are_hit(), "a VM of the test's own: %d, %d",
	      breakpoints_are_hit(), watchpoints_are_hit());
	end();
}
