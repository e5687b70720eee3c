/* A guest that uses tiles, driven: state after each instruction, #NM by IA32_XFD, the write of a TILESTORED. */
#include <linux/kvm.h>
#include <stddef.h>
#include <string.h>

#include "amx.h"
#include "check.h"

#define TILESTORED_BYTES 6u /* tilestored %tmm0, (%r8,%rbx,1) */

#define CALL_BYTES 5u /* CALL rel32 */

extern const uint8_t amx_guest[], amx_guest_nm[], amx_guest_end[];

static struct client client;
static struct guest guest;
static struct stopped_event head;

static const char *words(void)
{
	return client.refusal ? client.refusal->detail : "no answer";
}

static struct step_code code;

static int ask(struct run_request request, const struct step_lookup *lookups)
{
	static uint8_t bytes[sizeof(request) + 4 * sizeof(*lookups) + sizeof(code)];
	uint32_t count = (uint32_t)sizeof(request) + request.lookup_count * (uint32_t)sizeof(*lookups);
	int answer;

	request.vcpu = (struct vcpu_ref){ guest.pid, 0 };
	memcpy(bytes, &request, sizeof(request));
	if (request.lookup_count)
		memcpy(bytes + sizeof(request), lookups, request.lookup_count * sizeof(*lookups));
	if (request.flags & STEP_KNOWN_CODE) {
		memcpy(bytes + count, &code, sizeof(code));
		count += (uint32_t)sizeof(code);
	}
	answer = client_ask(&client, MSG_RUN, bytes, count);
	memset(&head, 0, sizeof(head));
	if (answer == 1)
		memcpy(&head, client.payload, sizeof(head));
	return answer;
}

static uint8_t *record(uint32_t number)
{
	return client.payload + sizeof(head) + (size_t)number * client.record_bytes;
}

static uint64_t rip_of(const uint8_t *from)
{
	struct kvm_regs regs;

	memcpy(&regs, from + RECORD_REGS, sizeof(regs));
	return regs.rip;
}

static uint64_t msr_of(const uint8_t *from, uint32_t index)
{
	struct kvm_msrs msrs;
	struct kvm_msr_entry entry;

	memcpy(&msrs, from + RECORD_MSRS, sizeof(msrs));
	for (uint32_t i = 0; i < msrs.nmsrs && i < 10; i++) {
		memcpy(&entry, from + RECORD_MSRS + sizeof(msrs) + i * sizeof(entry), sizeof(entry));
		if (entry.index == index)
			return entry.data;
	}
	return ~0ull;
}

/* TILEDATA is in XSTATE_BV. */
static void tiledata_in_use(struct step_lookup *lookup)
{
	memset(lookup, 0, sizeof(*lookup));
	lookup->offset = RECORD_IMAGE + BV_OFFSET + 2;
	for (uint32_t byte = 0; byte < 256; byte++)
		lookup->next[byte] = (byte & 4) ? 1 : 2;
}

/* Which of the tiles that STEP_LOAD fills hold what they must: bit n for tile n. */
static unsigned int right_tiles(uint8_t *image, uint8_t tiles[8][1024])
{
	static const uint8_t loaded[] = { 1, 2, 4, 5, 6 };
	unsigned int right = 0;

	for (size_t i = 0; i < sizeof(loaded); i++)
		if (memcmp(image_tile(image, loaded[i]), tiles[loaded[i]], 1024) == 0)
			right |= 1u << loaded[i];
	return right;
}

static void each_instruction(void)
{
	static uint8_t tiles[8][1024];
	const struct run_request until = { .count = MOST_STEPS_AT_ONCE, .flags = STEP_KEEP_STATE | STEP_KEEP_LAST, .lookup_count = 1 };
	const struct run_request few = { .count = 12, .flags = STEP_KEEP_STATE };
	struct step_lookup lookup;
	unsigned int right, before;
	uint64_t first_rip;

	rule("tiles, TILECFG and IA32_XFD right after each instruction of a tile loop");
	CHECK(guest_step(&guest, 0, STEP_RELEASE), "the guest has not released its tiles");
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	guest_start_step(&guest, 0, STEP_LOAD);
	tiledata_in_use(&lookup);
	CHECK(ask(until, &lookup) == 1 && head.holds && head.record_count == 1, "TILEDATA does not come into use in %u steps: %s", head.steps, words());
	if (!head.holds)
		return;
	/* It is the first TILELOADD, and the tile it loads is there. */
	expect_sources(guest_area(&guest, 0), tiles);
	before = right_tiles(record(0) + RECORD_IMAGE, tiles);
	first_rip = rip_of(record(0));
	CHECK(image_bv(record(0) + RECORD_IMAGE) & TILECFG, "TILECFG is not in use");
	CHECK(before == 1u << 1, "tiles %#x after the first load", before);
	CHECK(memcmp(record(0) + RECORD_IMAGE + component_offset(17), (const uint8_t *)(uintptr_t)guest_area(&guest, 0) + AREA_TILECFG, 64) == 0, "TILECFG");
	CHECK(msr_of(record(0), MSR_XFD) == 0, "IA32_XFD %#llx", (unsigned long long)msr_of(record(0), MSR_XFD));
	CHECK(ask(few, NULL) == 1 && head.steps == 12 && head.record_count == 12, "%u steps: %s", head.steps, words());
	for (uint32_t i = 0; i < head.record_count; i++) {
		right = right_tiles(record(i) + RECORD_IMAGE, tiles);
		/* At most one more, and those before it stay. */
		CHECK((right & before) == before && (right ^ before) == ((right ^ before) & -(right ^ before)), "tiles %#x after %#x", right, before);
		CHECK(rip_of(record(i)) != first_rip, "RIP stands still at %#llx", (unsigned long long)first_rip);
		before = right;
	}
	CHECK(before == 0x76, "tiles %#x at the end of the loads", before);
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && guest_has_done(&guest, 0, STEP_LOAD), "the guest has not done its step");
	printf("# tiles %#x right after their own instructions; first RIP %#llx\n", before, (unsigned long long)first_rip);
}

static void until_nm(void)
{
	struct set_msr_request arm = { .vcpu = { guest.pid, 0 }, .index = MSR_XFD, .value = TILEDATA, .flags = MSR_PUT_TO_INIT_FIRST };
	struct run_request request = { .count = 1, .wait_ms = 2000, .dr0 = GUEST_CODE + (uint64_t)(amx_guest_nm - amx_guest), .dr7 = 0x401 };
	const struct run_request one = { .count = 1, .flags = STEP_KEEP_STATE };
	int answer;

	rule("run until #NM: the breakpoint at its handler is hit, IA32_XFD_ERR says TILEDATA");
	CHECK(client_ask(&client, MSG_SET_MSR, &arm, sizeof(arm)) == 1, "%s", words());
	/* It must not be there before the breakpoint is. */
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	guest_start_step(&guest, 0, STEP_LOAD);
	answer = ask(request, NULL);
	CHECK(answer == 1 && head.steps == 1 && (head.dr6 & 1) && rip_of(record(0)) == request.dr0, "%u steps, rip %#llx: %s", head.steps,
	      head.record_count ? (unsigned long long)rip_of(record(0)) : 0, words());
	CHECK(ask(one, NULL) == 1 && head.steps == 1, "%s", words());
	CHECK(msr_of(record(0), MSR_XFD) == TILEDATA && msr_of(record(0), MSR_XFD_ERR) == TILEDATA, "XFD %#llx, XFD_ERR %#llx",
	      (unsigned long long)msr_of(record(0), MSR_XFD), (unsigned long long)msr_of(record(0), MSR_XFD_ERR));
	CHECK(guest_area(&guest, 0)->nm_count == 0, "the handler has gone further");
	arm.value = 0;
	arm.flags = 0;
	CHECK(client_ask(&client, MSG_SET_MSR, &arm, sizeof(arm)) == 1, "%s", words());
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && guest_has_done(&guest, 0, STEP_LOAD), "the guest has not gone on");
	CHECK(guest_area(&guest, 0)->nm_count == 1, "%u times #NM", guest_area(&guest, 0)->nm_count);
}

static void watched_store(void)
{
	struct run_request request = { .count = 1, .wait_ms = 2000, .dr0 = GUEST_AREAS + AREA_OUT, .dr7 = 0x90401 };
	uint64_t touch_rip = guest_area(&guest, 0)->touch_rip;
	int answer;

	rule("a watchpoint on what TILESTORED writes");
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	guest_start_step(&guest, 0, STEP_TOUCH);
	answer = ask(request, NULL);
	CHECK(answer == 1, "%s", words());
	if (answer == 1 && !head.steps)
		skip("a watchpoint on what TILESTORED writes", "this CPU does not report the store to its debug registers");
	else
		CHECK((head.dr6 & 1) && rip_of(record(0)) == touch_rip + TILESTORED_BYTES, "DR6 %#llx, rip %#llx, TILESTORED at %#llx",
		      (unsigned long long)head.dr6, head.record_count ? (unsigned long long)rip_of(record(0)) : 0, (unsigned long long)touch_rip);
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && guest_has_done(&guest, 0, STEP_TOUCH), "the guest has not gone on");
}

static const uint8_t *code_at(uint64_t rip)
{
	return amx_guest + (rip - GUEST_CODE);
}

static struct kvm_regs regs_of(const uint8_t *from)
{
	struct kvm_regs regs;

	memcpy(&regs, from + RECORD_REGS, sizeof(regs));
	return regs;
}

/* A held guest that is at its STEP_LOAD, single-stepped to the CALL that does it. 0: it does not come there. */
static struct kvm_regs at_the_call(void)
{
	const struct run_request one = { .count = 1 };
	struct kvm_regs regs = { 0 };

	CHECK(guest_step(&guest, 0, STEP_RELEASE), "the guest has not released its tiles");
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	guest_start_step(&guest, 0, STEP_LOAD);
	for (int i = 0; i < 40; i++) {
		if (ask(one, NULL) != 1 || head.steps != 1)
			break;
		regs = regs_of(record(0));
		if (*code_at(regs.rip) == 0xe8)
			return regs;
	}
	CHECK(0, "it does not come to its CALL: %s", words());
	return (struct kvm_regs){ 0 };
}

static void let_on(void)
{
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && guest_has_done(&guest, 0, STEP_LOAD), "the guest has not gone on");
}

/* As the app does both: to a breakpoint where it comes back. */
static void over_and_out(void)
{
	struct run_request to = { .count = 1, .wait_ms = 2000, .dr7 = 0x401, .flags = STEP_NOT_THERE | STEP_KEEP_STATE };
	const struct run_request one = { .count = 1 };
	static uint8_t tiles[8][1024];
	struct kvm_regs call, inside, back;
	uint64_t slot;

	rule("over a call in one step, and out of it by the address on the stack");
	call = at_the_call();
	to.dr0 = call.rip + CALL_BYTES;
	CHECK(ask(to, NULL) == 1 && head.steps == 1 && head.reason == STOPPED_DONE, "over: %s", words());
	back = regs_of(record(0));
	expect_sources(guest_area(&guest, 0), tiles);
	CHECK(back.rip == to.dr0 && back.rsp == call.rsp && right_tiles(record(0) + RECORD_IMAGE, tiles) == 0x76, "rip %#llx, rsp %#llx, tiles %#x",
	      (unsigned long long)back.rip, (unsigned long long)back.rsp, right_tiles(record(0) + RECORD_IMAGE, tiles));
	let_on();
	call = at_the_call();
	CHECK(ask(one, NULL) == 1 && head.steps == 1, "%s", words());
	inside = regs_of(record(0));
	memcpy(&slot, (const uint8_t *)(uintptr_t)guest.page + DEMO_MEMORY_AT + inside.rsp, sizeof(slot));
	CHECK(inside.rip != call.rip + CALL_BYTES && slot == call.rip + CALL_BYTES, "rip %#llx, %#llx on the stack", (unsigned long long)inside.rip,
	      (unsigned long long)slot);
	to.dr0 = slot;
	CHECK(ask(to, NULL) == 1 && head.steps == 1, "out: %s", words());
	back = regs_of(record(0));
	CHECK(back.rip == slot && back.rsp == call.rsp, "rip %#llx, rsp %#llx", (unsigned long long)back.rip, (unsigned long long)back.rsp);
	let_on();
}

/* VEX.0F38 49, 4B, 5C, 5E: LDTILECFG to TDP*. */
static int is_tile(const uint8_t *at)
{
	return at[0] == 0xc4 && (at[1] & 0x1f) == 2 && (at[3] == 0x49 || at[3] == 0x4b || at[3] == 0x5c || at[3] == 0x5e);
}

static void next_is_tile(void)
{
	const struct run_request until = { .count = MOST_STEPS_AT_ONCE, .flags = STEP_KEEP_STATE | STEP_KEEP_LAST | STEP_KNOWN_CODE };
	static const uint8_t opcodes[] = { 0x49, 0x4b, 0x4b };

	rule("until the next instruction is one of tiles: the chain ends before it");
	memset(&code, 0, sizeof(code));
	for (uint64_t at = GUEST_CODE; at < GUEST_CODE + (uint64_t)(amx_guest_end - amx_guest) - 4; at++)
		if (!is_tile(code_at(at)))
			code.may_be_stepped[at / 8] |= (uint8_t)(1 << at % 8);
	CHECK(guest_step(&guest, 0, STEP_RELEASE), "the guest has not released its tiles");
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	guest_start_step(&guest, 0, STEP_LOAD);
	for (size_t i = 0; i < sizeof(opcodes); i++) {
		int answer = ask(until, NULL);
		const uint8_t *next = answer == 1 && head.steps ? code_at(rip_of(record(0))) : amx_guest;

		CHECK(answer == 1 && head.reason == STOPPED_DONE && head.steps < MOST_STEPS_AT_ONCE && is_tile(next) && next[3] == opcodes[i],
		      "stop %zu: %u steps, opcode %#x: %s", i, head.steps, next[3], words());
		if (answer != 1 || !head.steps)
			break;
		/* What is next has not been done. */
		CHECK(!(image_bv(record(0) + RECORD_IMAGE) & TILEDATA) == (i < 2) && !(image_bv(record(0) + RECORD_IMAGE) & TILECFG) == (i < 1),
		      "stop %zu: XSTATE_BV %#llx", i, (unsigned long long)image_bv(record(0) + RECORD_IMAGE));
	}
	let_on();
}

void amx_drive(const char *helper, const char *demo)
{
	static const char *const arguments[] = { "--program", "amx", "--held", NULL };

	if (guest_start_demo(&guest, demo, arguments) == 0 && client_start(&client, helper) == 0 &&
	    client_attach(&client, guest.pid, 0, 0, NULL) == 1) {
		each_instruction();
		until_nm();
		watched_store();
		over_and_out();
		next_is_tile();
		CHECK(guest.page->vcpus[0].other_errors == 0 && guest.page->vcpus[0].eintr_count == 0, "the VMM saw %llu EINTRs",
		      (unsigned long long)guest.page->vcpus[0].eintr_count);
		CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
		CHECK(client_end(&client) == 0, "the helper did not end with 0");
	} else {
		CHECK(0, "the VMM or the helper did not start: %s", words());
	}
	guest_end(&guest);
}
