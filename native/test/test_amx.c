/*
 * The helper where a CPU has AMX and KVM gives it to guests: test-amx HELPER DEMO-VMM FOLDER
 *
 * FOLDER receives the recorded session (amx_talk.h).
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "amx.h"
#include "check.h"
#include "step_fault.h"
#include "step_flags.h"

#define HI16_ZMM (1ull << 7)
#define ZMM_HI256 (1ull << 6)
#define OPMASK (1ull << 5)
#define HOST_TILE_CAPTURES 40
#define ARMING_KILLS 16
#define ARMING_SPAN_US 1600u

static const char *helper, *demo;

static int start(struct guest *g, const char *const *arguments)
{
	if (guest_start_demo(g, demo, arguments) == 0)
		return 0;
	CHECK(0, "the demo VMM did not start");
	guest_end(g);
	return -1;
}

static const uint8_t *image_of(struct client *c, struct guest *g, uint32_t *bytes)
{
	int answer = client_vcpu(c, MSG_CAPTURE, g->pid, 0);

	CHECK(answer == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	return answer == 1 ? capture_section(c, SECTION_IMAGE, bytes) : NULL;
}

static void without_permission(void)
{
	static const char *const arguments[] = { "--program", "integer", NULL };
	struct set_msr_request arm = { .index = MSR_XFD, .value = TILEDATA };
	struct attach_reply reply = { 0 };
	struct capture_head head;
	uint32_t bytes = 0;
	struct client c;
	struct guest g;

	rule("a VMM without permission: 4096 bytes");
	if (start(&g, arguments) < 0)
		return;
	CHECK(client_start(&c, helper) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, 0, &reply) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(reply.cap_xsave2_vm == 4096 && reply.cap_xsave2_system == 4096 && reply.image_bytes == 4096, "sizes %d %d %u",
	      reply.cap_xsave2_vm, reply.cap_xsave2_system, reply.image_bytes);
	CHECK(!(reply.guest_permission & TILEDATA) && (reply.supported_xcr0 & TILEDATA), "permission %#llx of %#llx",
	      (unsigned long long)reply.guest_permission, (unsigned long long)reply.supported_xcr0);
	CHECK(image_of(&c, &g, &bytes) && bytes == 4096, "%u bytes", bytes);
	memcpy(&head, c.payload, sizeof(head));
	CHECK(head.written_bytes == 4096 && head.legacy_errno == 0, "KVM_GET_XSAVE says %d", head.legacy_errno);
	arm.vcpu = (struct vcpu_ref){ g.pid, 0 };
	CHECK(client_ask(&c, MSG_SET_MSR, &arm, sizeof(arm)) == 0 && c.refusal->reason == REASON_CALL_FAILED, "IA32_XFD was armed");
	CHECK(client_vcpu(&c, MSG_DETACH, g.pid, 0) == 1 && client_end(&c) == 0, "detach");
	CHECK(guest_progresses(&g, 0), "the guest stands still");
	guest_end(&g);
}

/* Without --held and --program: what the product starts for a user. */
static void chosen_program(void)
{
	static uint8_t tiles[8][1024], image[32768];
	uint32_t bytes = 0, changes = 0;
	uint8_t first[1024];
	struct client c;
	struct guest g;

	rule("the demo guest that is started unasked runs tiles");
	if (start(&g, NULL) < 0)
		return;
	CHECK(strcmp((const char *)(uintptr_t)g.page->program, "amx") == 0, "it runs %s", (const char *)(uintptr_t)g.page->program);
	CHECK(client_start(&c, helper) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	for (int i = 0; i < 5; i++) {
		const uint8_t *found = image_of(&c, &g, &bytes);

		if (!found || bytes != AMX_IMAGE_BYTES)
			break;
		memcpy(image, found, bytes);
		changes += i && memcmp(first, image_tile(image, 1), sizeof(first)) != 0;
		memcpy(first, image_tile(image, 1), sizeof(first));
		(void)usleep(20000);
	}
	CHECK(bytes == AMX_IMAGE_BYTES && (image_bv(image) & TILEDATA), "%u bytes, XSTATE_BV %#llx", bytes,
	      (unsigned long long)image_bv(image));
	CHECK(changes > 0, "its tiles never change");
	expect_sources(guest_area(&g, 0), tiles);
	CHECK(memcmp(image_tile(image, 6), tiles[6], 1024) == 0, "tmm6");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	guest_end(&g);
}

static void avx512(void)
{
	static const char *const arguments[] = { "--program", "avx512", NULL };
	const uint8_t *image;
	uint32_t bytes = 0;
	struct client c;
	struct guest g;

	rule("the AVX-512 program");
	if (start(&g, arguments) < 0)
		return;
	CHECK(client_start(&c, helper) == 0, "no helper");
	CHECK(client_attach(&c, g.pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	image = image_of(&c, &g, &bytes);
	if (image && bytes == 4096) {
		uint64_t k1;
		uint32_t lanes[16], ones = 1;

		CHECK((image_bv(image) & (OPMASK | ZMM_HI256 | HI16_ZMM)) == (OPMASK | ZMM_HI256 | HI16_ZMM), "XSTATE_BV %#llx",
		      (unsigned long long)image_bv(image));
		memcpy(&k1, image + component_offset(5) + 8, sizeof(k1));
		CHECK(k1 == 0xff, "k1 %#llx", (unsigned long long)k1);
		memcpy(lanes, image + component_offset(7) + 15 * 64, sizeof(lanes));
		for (int i = 0; i < 16; i++)
			CHECK(lanes[i] == ones, "zmm31[%d] %u", i, lanes[i]);
		/* zmm0 is 0, 1 … 15 plus the same number everywhere. */
		memcpy(lanes, image + 160, 16);
		memcpy(lanes + 4, image + component_offset(2), 16);
		memcpy(lanes + 8, image + component_offset(6), 32);
		for (uint32_t i = 1; i < 16; i++)
			CHECK(lanes[i] == lanes[0] + i, "zmm0[%u] %u", i, lanes[i]);
	} else {
		CHECK(0, "image of %u bytes", bytes);
	}
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	guest_end(&g);
}

/*
 * The thread's own 8 KiB of tiles go through every frame of every chain in scratch memory. The first and the last chain have no
 * room for them: refused, with nothing touched, until the thread has released them.
 */
static void host_tiles(void)
{
	static const char *const arguments[] = { "--program", "amx", "--held", "--host-tiles", NULL };
	static uint8_t image[32768], tiles[8][1024];
	struct attach_reply reply = { 0 };
	volatile struct demo_vcpu *v;
	uint32_t bytes = 0;
	uint64_t eintrs;
	struct client c;
	struct guest g;

	rule("a VMM whose own thread uses tiles keeps them");
	if (start(&g, arguments) < 0)
		return;
	v = &g.page->vcpus[0];
	CHECK(guest_step(&g, 0, STEP_LOAD) && guest_step(&g, 0, STEP_MULTIPLY), "the guest has not done its steps");
	CHECK(client_start(&c, helper) == 0, "no helper");
	CHECK(guest_load_host_tiles(&g), "the thread has no tiles");
	CHECK(client_attach(&c, g.pid, 0, 0, NULL) == 0 && c.refusal->reason == REASON_NO_MEMORY, "attached over tiles");
	CHECK(guest_check_host_tiles(&g), "the VMM's tiles are lost");
	CHECK(client_attach(&c, g.pid, 0, 0, &reply) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(reply.host_permission & TILEDATA, "host permission %#llx", (unsigned long long)reply.host_permission);
	CHECK(guest_load_host_tiles(&g), "the thread has no tiles");
	eintrs = v->eintr_count;
	expect_products(guest_area(&g, 0), tiles);
	for (int i = 0; i < HOST_TILE_CAPTURES; i++) {
		const uint8_t *found = image_of(&c, &g, &bytes);

		if (!found || bytes != AMX_IMAGE_BYTES)
			break;
		memcpy(image, found, bytes);
		CHECK(first_wrong_tile(image, tiles) < 0, "the guest's tmm%d", first_wrong_tile(image, tiles));
		if (i % 8 == 0) {
			CHECK(client_set_image(&c, g.pid, 0, image, bytes) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
			CHECK(client_vcpu(&c, MSG_FREEZE, g.pid, 0) == 1 && client_vcpu(&c, MSG_RESUME, g.pid, 0) == 1, "freeze");
		}
	}
	CHECK(v->eintr_count == eintrs, "the VMM saw %llu EINTRs", (unsigned long long)(v->eintr_count - eintrs));
	CHECK(client_vcpu(&c, MSG_DETACH, g.pid, 0) == 0 && c.refusal->reason == REASON_NO_MEMORY, "detached over tiles");
	CHECK(guest_check_host_tiles(&g), "the VMM's tiles are lost");
	CHECK(client_vcpu(&c, MSG_DETACH, g.pid, 0) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(guest_scratch_regions(&g) == 0, "scratch is left");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	guest_end(&g);
}

static uint64_t xfd_of(const struct client *c)
{
	uint32_t bytes = 0;
	const struct msr_value *msrs = capture_section(c, SECTION_MSRS, &bytes);

	for (uint32_t i = 0; msrs && i < bytes / sizeof(*msrs); i++)
		if (msrs[i].index == MSR_XFD && msrs[i].errno_value == 0)
			return msrs[i].value;
	return ~0ull;
}

/* After a kill: armed or not, but never armed over tiles, which the host would not survive. Leaves IA32_XFD disarmed. */
static int look_after_kill(struct guest *g, unsigned int *armed, unsigned int *kept)
{
	struct set_msr_request disarm = { .vcpu = { g->pid, 0 }, .index = MSR_XFD };
	const uint8_t *image;
	uint32_t bytes = 0;
	struct client c;
	int result = -1;
	uint64_t xfd;

	if (client_start(&c, helper) < 0 || client_attach(&c, g->pid, 0, 0, NULL) != 1)
		goto out;
	image = image_of(&c, g, &bytes);
	xfd = xfd_of(&c);
	if (!image || bytes != AMX_IMAGE_BYTES || (xfd != 0 && xfd != TILEDATA))
		goto out;
	CHECK(!(image_bv(image) & xfd), "IA32_XFD %#llx over XSTATE_BV %#llx", (unsigned long long)xfd,
	      (unsigned long long)image_bv(image));
	*armed += xfd != 0;
	*kept += (image_bv(image) & TILEDATA) != 0;
	result = client_ask(&c, MSG_SET_MSR, &disarm, sizeof(disarm)) == 1 ? 0 : -1;
out:
	CHECK(result == 0, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	return result;
}

static void killed_while_arming(void)
{
	static const char *const arguments[] = { "--program", "amx", "--held", NULL };
	struct set_msr_request arm = { .index = MSR_XFD, .value = TILEDATA, .flags = MSR_PUT_TO_INIT_FIRST };
	unsigned int armed = 0, kept = 0;
	struct guest g;

	rule("a helper killed while it arms IA32_XFD leaves a host that lives");
	if (start(&g, arguments) < 0)
		return;
	arm.vcpu = (struct vcpu_ref){ g.pid, 0 };
	for (unsigned int i = 0; i < ARMING_KILLS; i++) {
		struct client c;

		CHECK(guest_step(&g, 0, STEP_LOAD), "the guest has not loaded tiles");
		CHECK(client_start(&c, helper) == 0 && client_attach(&c, g.pid, 0, 0, NULL) == 1, "attach");
		CHECK(client_send(&c, MSG_SET_MSR, &arm, sizeof(arm)) == 0, "send");
		/* From at once to after the answer, however fast the machine is. */
		if (i + 1 < ARMING_KILLS)
			(void)usleep(ARMING_SPAN_US * i / ARMING_KILLS);
		else
			CHECK(client_receive(&c) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
		(void)client_kill(&c);
		CHECK(guest_progresses(&g, 0), "the guest stands still after kill %u", i);
		if (look_after_kill(&g, &armed, &kept) < 0)
			break;
	}
	printf("# %d kills: %u times IA32_XFD was armed, %u times the tiles were kept\n", ARMING_KILLS, armed, kept);
	CHECK(armed > 0 && kept > 0, "the kills did not come at different moments");
	CHECK(guest_area(&g, 0)->nm_count == 0, "#NM without a use of tiles");
	guest_end(&g);
}

int main(int count, char **arguments)
{
	if (count != 5) {
		fprintf(stderr, "usage: test-amx HELPER STEPPED-HELPER DEMO-VMM FOLDER\n");
		return 64;
	}
	helper = arguments[1];
	demo = arguments[3];
	without_permission();
	amx_session(helper, demo, arguments[4]);
	amx_drive(helper, demo);
	step_flags(helper, demo);
	step_fault(helper, arguments[2], demo);
	host_tiles();
	killed_while_arming();
	chosen_program();
	avx512();
	return summary();
}
