/*
 * One session on a guest with AMX: tiles come, one dword is changed, IA32_XFD is armed and disarmed, tiles go. Everything is
 * checked on the guest's true state, and kept as test data (amx_talk.h).
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "amx_talk.h"
#include "check.h"
#include "same_image.h"

#define GUEST_XCR0 0x602e7ull
#define XCR0_WITHOUT_AMX 0x2e7ull
#define CHANGED_DWORD 0x5eed5eedu
#define CHANGED_OFFSET (3u * 64 + 5u * 4) /* of tmm0: row 3, column 5 */

extern const uint8_t amx_guest[], amx_guest_end[];

static volatile struct guest_area *area;
static uint8_t tiles[8][1024], zeros[8][1024];

static void discover(void)
{
	struct hello_request hello = { .version = PROTOCOL_VERSION };
	const struct list_head *list;
	size_t at = sizeof(*list);
	int found = 0;

	CHECK(client_ask(&client, MSG_HELLO, &hello, sizeof(hello)) == 1, "%s", detail());
	note_step("hello");
	CHECK(((const struct hello_reply *)(const void *)client.payload)->host_xcr0_supported == GUEST_XCR0, "host XCR0");
	CHECK(client_ask(&client, MSG_LIST_TARGETS, &(struct list_request){ 0 }, sizeof(struct list_request)) == 1, "%s", detail());
	note_step("listed");
	list = (const void *)client.payload;
	for (uint32_t i = 0; i < list->target_count; i++) {
		const struct target_record *t = (const void *)(client.payload + at);
		const struct vcpu_record *v = (const void *)(t + 1);

		at += t->record_bytes;
		if (t->pid != guest.pid)
			continue;
		found = 1;
		CHECK(t->reason == REASON_NONE && t->vcpu_count == 1 && t->vm_count == 1, "reason %u", t->reason);
		CHECK(v->tid == guest.page->vcpus[0].tid, "thread %d is not %d", v->tid, guest.page->vcpus[0].tid);
	}
	CHECK(found, "the demo VMM is not listed");
}

static void attach(void)
{
	struct attach_reply reply = { 0 };

	CHECK(client_attach(&client, guest.pid, 0, 0, &reply) == 1, "%s", detail());
	note_step("attached");
	CHECK(reply.tid == guest.page->vcpus[0].tid, "thread %d", reply.tid);
	CHECK(reply.cap_xsave2_vm == (int32_t)AMX_IMAGE_BYTES && reply.cap_xsave2_system == (int32_t)AMX_IMAGE_BYTES,
	      "KVM_CAP_XSAVE2 %d, %d", reply.cap_xsave2_vm, reply.cap_xsave2_system);
	CHECK(reply.guest_permission == GUEST_XCR0 && reply.supported_xcr0 == GUEST_XCR0, "permission %#llx of %#llx",
	      (unsigned long long)reply.guest_permission, (unsigned long long)reply.supported_xcr0);
	CHECK(!(reply.host_permission & TILEDATA), "host permission %#llx", (unsigned long long)reply.host_permission);
	CHECK(reply.image_bytes == AMX_IMAGE_BYTES && reply.known == 7, "image %u, known %u", reply.image_bytes, reply.known);
}

static void tiles_come(void)
{
	uint8_t config[64];

	rule("tiles of a running guest are the known products");
	take("before-tiles");
	CHECK(!(image_bv(seen.image) & (TILECFG | TILEDATA)) && seen.xcr0 == GUEST_XCR0, "BV %#llx, XCR0 %#llx",
	      (unsigned long long)image_bv(seen.image), (unsigned long long)seen.xcr0);
	step(STEP_LOAD);
	take("loaded");
	for (size_t i = 0; i < sizeof(config); i++)
		config[i] = area->tilecfg[i];
	CHECK((image_bv(seen.image) & (TILECFG | TILEDATA)) == (TILECFG | TILEDATA), "XSTATE_BV");
	CHECK(memcmp(seen.image + component_offset(17), config, sizeof(config)) == 0, "TILECFG is not what the guest loaded");
	expect_sources(area, tiles);
	CHECK(first_wrong_tile(seen.image, tiles) < 0, "tmm%d", first_wrong_tile(seen.image, tiles));
	step(STEP_MULTIPLY);
	take("multiplied");
	expect_products(area, tiles);
	CHECK(first_wrong_tile(seen.image, tiles) < 0, "tmm%d", first_wrong_tile(seen.image, tiles));
	step(STEP_STORE);
	CHECK(guest_stored(area, tiles), "the guest's own TILESTORED says something else");
}

static uint64_t stepped_rip(void)
{
	struct stopped_event head;
	struct kvm_regs regs;

	memcpy(&head, client.payload, sizeof(head));
	memcpy(&regs, client.payload + sizeof(head), sizeof(regs));
	return head.record_count ? regs.rip : 0;
}

/* The guest's code as it was put into its memory. */
static int is_next(uint64_t rip, const uint8_t *code, size_t bytes)
{
	size_t room = (size_t)(amx_guest_end - amx_guest);

	return rip >= GUEST_CODE && rip - GUEST_CODE + bytes <= room && memcmp(amx_guest + (rip - GUEST_CODE), code, bytes) == 0;
}

/* [TP2] The state before TDPBSSD and after it, TILEZERO and TDPBF16PS: what a trace keeps. */
static void traced_products(void)
{
	static const uint8_t tdpbssd[] = { 0xc4, 0xe2, 0x6b, 0x5e, 0xc1 };
	struct run_request one = { .vcpu = { guest.pid, 0 }, .count = 1 };
	struct run_request three = { .vcpu = { guest.pid, 0 }, .count = 3, .flags = STEP_KEEP_STATE };
	struct stopped_event head;
	int at_it = 0;

	rule("[TP2] two tile products, instruction by instruction");
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", detail());
	note_step("froze-to-trace");
	guest_start_step(&guest, 0, STEP_MULTIPLY);
	for (int steps = 0; steps < 64 && !at_it; steps++) {
		char name[32];

		if (client_ask(&client, MSG_RUN, &one, sizeof(one)) != 1)
			break;
		(void)snprintf(name, sizeof(name), "step-%d-to-products", steps);
		note_step(name);
		at_it = is_next(stepped_rip(), tdpbssd, sizeof(tdpbssd));
	}
	CHECK(at_it, "the guest does not come to its TDPBSSD: %s", detail());
	take("before-products");
	CHECK(client_ask(&client, MSG_RUN, &three, sizeof(three)) == 1, "%s", detail());
	note_step("products");
	memcpy(&head, client.payload, sizeof(head));
	CHECK(head.steps == 3 && head.record_count == 3, "%u steps, %u records", head.steps, head.record_count);
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1, "%s", detail());
	note_step("resumed-from-trace");
	CHECK(guest_has_done(&guest, 0, STEP_MULTIPLY), "the guest has not gone on");
}

static void frozen(void)
{
	struct thread_reply reply;
	uint32_t before;

	rule("a frozen guest with tiles");
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", detail());
	note_step("froze");
	before = *guest.counter;
	take("frozen");
	CHECK(seen.head.frozen == 1 && first_wrong_tile(seen.image, tiles) < 0, "tmm%d", first_wrong_tile(seen.image, tiles));
	(void)usleep(2000);
	CHECK(*guest.counter == before, "a frozen guest counts");
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1, "%s", detail());
	note_step("resumed");
	memcpy(&reply, client.payload, sizeof(reply));
	CHECK(reply.frozen == 0 && guest_progresses(&guest, 0), "the guest does not go on");
}

static void change_a_tile(void)
{
	static uint8_t image[32768];
	static const uint32_t dword = CHANGED_DWORD;
	struct write_reply reply;

	rule("a dword of tmm0 changed by us is stored to memory by the guest");
	memcpy(image, seen.image, AMX_IMAGE_BYTES);
	memcpy(image_tile(image, 0) + CHANGED_OFFSET, &dword, sizeof(dword));
	memcpy(&tiles[0][CHANGED_OFFSET], &dword, sizeof(dword));
	CHECK(set_image("changed", image) == 1, "%s", detail());
	CHECK(same_image(read_back(&reply), image, AMX_IMAGE_BYTES) && reply.image_bytes == AMX_IMAGE_BYTES, "read back differs");
	take("after-change");
	CHECK(first_wrong_tile(seen.image, tiles) < 0, "tmm%d", first_wrong_tile(seen.image, tiles));
	step(STEP_STORE);
	CHECK(guest_stored(area, tiles), "the guest's TILESTORED did not write the changed dword");
}

static void guard_arming(void)
{
	static uint8_t before[32768];

	rule("IA32_XFD is not armed over stored tiles");
	memcpy(before, seen.image, sizeof(before));
	CHECK(set_msr("arming-refused", MSR_XFD, TILEDATA, 0) == 0 && refused_for(REASON_GUARD_ARMING_OVER_STATE, TILEDATA), "%s",
	      detail());
	CHECK(set_msr("xfd-of-tilecfg-refused", MSR_XFD, TILECFG, MSR_PUT_TO_INIT_FIRST) == 0 &&
	      refused_for(REASON_CALL_FAILED, 0) && client.refusal->errno_value == EINVAL, "%s", detail());
	CHECK(guest_progresses(&guest, 0), "the guest stands still");
	take("after-refusals");
	CHECK(msr(MSR_XFD) == 0 && (image_bv(seen.image) & (TILECFG | TILEDATA)) == (TILECFG | TILEDATA) &&
	      first_wrong_tile(seen.image, tiles) < 0, "IA32_XFD %#llx, XSTATE_BV %#llx", (unsigned long long)msr(MSR_XFD),
	      (unsigned long long)image_bv(seen.image));
	CHECK(memcmp(seen.image + component_offset(17), before + component_offset(17), 64) == 0, "a refused write changed TILECFG");
}

static void arm(void)
{
	struct write_reply reply;
	static uint8_t image[32768];
	const uint8_t *back;

	rule("the safe order arms, and gives the tiles up");
	memcpy(image, seen.image, AMX_IMAGE_BYTES);
	CHECK(set_msr("armed", MSR_XFD, TILEDATA, MSR_PUT_TO_INIT_FIRST) == 1, "%s", detail());
	back = read_back(&reply);
	CHECK(reply.value == TILEDATA && !(image_bv(back) & TILEDATA), "IA32_XFD %#llx, XSTATE_BV %#llx",
	      (unsigned long long)reply.value, (unsigned long long)image_bv(back));
	CHECK(guest_progresses(&guest, 0) && area->nm_count == 0, "#NM without a use of tiles");
	take("after-arming");
	CHECK(msr(MSR_XFD) == TILEDATA && msr(MSR_XFD_ERR) == 0, "IA32_XFD_ERR %#llx", (unsigned long long)msr(MSR_XFD_ERR));
	CHECK((image_bv(seen.image) & (TILECFG | TILEDATA)) == TILECFG, "XSTATE_BV");
	rule("an image with a component that IA32_XFD covers is not written");
	image_set_bv(image, image_bv(image) | TILECFG | TILEDATA);
	CHECK(set_image("image-refused", image) == 0 && refused_for(REASON_GUARD_XFD_COVERS_IMAGE, TILEDATA), "%s", detail());
	CHECK(guest_progresses(&guest, 0) && area->nm_count == 0, "the guest noticed");
	image_set_bv(image, image_bv(image) & ~TILEDATA);
	CHECK(set_image("image-without-tiledata", image) == 1, "%s", detail());
	back = read_back(&reply);
	CHECK(reply.value == TILEDATA && !(image_bv(back) & TILEDATA), "read back");
}

static void not_available(void)
{
	struct write_reply reply;

	rule("the next AMX instruction takes #NM at itself; disarmed, it is retried");
	guest_start_step(&guest, 0, STEP_TOUCH);
	CHECK(COMES(area->nm_count != 0) && area->nm_count == 1 && area->done == 0, "%u #NM", area->nm_count);
	CHECK(area->nm_rip == area->touch_rip, "#NM at %#llx, not at %#llx", (unsigned long long)area->nm_rip,
	      (unsigned long long)area->touch_rip);
	CHECK(area->nm_xfd == TILEDATA && area->nm_xfd_err == TILEDATA, "the guest read IA32_XFD %#llx, IA32_XFD_ERR %#llx",
	      (unsigned long long)area->nm_xfd, (unsigned long long)area->nm_xfd_err);
	take("in-nm-handler");
	CHECK(msr(MSR_XFD) == TILEDATA && msr(MSR_XFD_ERR) == TILEDATA, "IA32_XFD_ERR %#llx",
	      (unsigned long long)msr(MSR_XFD_ERR));
	CHECK(seen.rip > area->touch_rip, "rip %#llx is not in the handler", (unsigned long long)seen.rip);
	CHECK(!(image_bv(seen.image) & TILEDATA), "XSTATE_BV");
	CHECK(set_msr("xfd-err-cleared", MSR_XFD_ERR, 0, 0) == 1, "%s", detail());
	(void)read_back(&reply);
	CHECK(reply.value == 0, "IA32_XFD_ERR %#llx", (unsigned long long)reply.value);
	CHECK(set_msr("disarmed", MSR_XFD, 0, 0) == 1, "%s", detail());
	(void)read_back(&reply);
	CHECK(reply.value == 0, "IA32_XFD %#llx", (unsigned long long)reply.value);
	CHECK(guest_has_done(&guest, 0, STEP_TOUCH), "the guest did not retry");
	take("after-disarming");
	CHECK(area->nm_count == 1 && msr(MSR_XFD) == 0 && msr(MSR_XFD_ERR) == 0, "%u #NM", area->nm_count);
	step(STEP_STORE);
	CHECK(guest_stored(area, zeros), "the tiles that were given up are not zero");
}

static void tiles_go(void)
{
	rule("tiles come back, and TILERELEASE puts both components to init");
	step(STEP_LOAD);
	step(STEP_MULTIPLY);
	take("multiplied-again");
	expect_products(area, tiles);
	CHECK(first_wrong_tile(seen.image, tiles) < 0, "tmm%d", first_wrong_tile(seen.image, tiles));
	step(STEP_RELEASE);
	take("released");
	CHECK(!(image_bv(seen.image) & (TILECFG | TILEDATA)), "XSTATE_BV %#llx", (unsigned long long)image_bv(seen.image));
}

static void xcr0_writes(void)
{
	struct write_reply reply;

	rule("XCR0 is written, read back, and given back");
	CHECK(set_xcr0("xcr0-without-amx", XCR0_WITHOUT_AMX) == 1, "%s", detail());
	(void)read_back(&reply);
	CHECK(reply.value == XCR0_WITHOUT_AMX && reply.image_bytes == AMX_IMAGE_BYTES, "XCR0 %#llx",
	      (unsigned long long)reply.value);
	take("after-xcr0");
	CHECK(seen.xcr0 == XCR0_WITHOUT_AMX && guest_progresses(&guest, 0), "XCR0 %#llx", (unsigned long long)seen.xcr0);
	CHECK(set_xcr0("xcr0-refused", GUEST_XCR0 & ~TILEDATA) == 0 && refused_for(REASON_CALL_FAILED, 0) &&
	      client.refusal->errno_value == EINVAL, "%s", detail());
	CHECK(set_xcr0("xcr0-back", GUEST_XCR0) == 1, "%s", detail());
	(void)read_back(&reply);
	CHECK(reply.value == GUEST_XCR0, "XCR0 %#llx", (unsigned long long)reply.value);
}

static void story(void)
{
	char *before = guest_portrait(&guest), *after = NULL;

	rule("discovery, sizes and permission of a VMM with AMX");
	discover();
	attach();
	tiles_come();
	traced_products();
	frozen();
	change_a_tile();
	guard_arming();
	arm();
	not_available();
	amx_tile_memory();
	amx_spoilt_product();
	tiles_go();
	xcr0_writes();
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", detail());
	note_step("detached");
	CHECK(portrait_returns(&guest, before, &after), "not as it was:\n%s---\n%s", before, after);
	CHECK(guest_progresses(&guest, 0), "the guest stands still");
	CHECK(guest.page->vcpus[0].eintr_count == 0 && guest.page->vcpus[0].run_count == 1, "the VMM saw %llu EINTRs",
	      (unsigned long long)guest.page->vcpus[0].eintr_count);
	free(before);
	free(after);
}

void amx_session(const char *helper, const char *demo, const char *folder)
{
	if (talk_start(helper, demo, folder) == 0) {
		area = guest_area(&guest, 0);
		story();
	}
	talk_end();
}
