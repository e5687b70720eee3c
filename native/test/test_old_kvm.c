/* KVM without KVM_GET_XSAVE2, as before Linux 5.17: images of 4096 bytes by KVM_GET_XSAVE, read, written and read back. */
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#include "check.h"
#include "live.h"
#include "same_image.h"

#define XMM1_OFFSET 176
#define BV_OFFSET 512
#define IMAGE_BYTES 4096

static const uint8_t *image_of(struct client *c, const struct guest *g, uint32_t *bytes)
{
	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	return c->refusal ? NULL : capture_section(c, SECTION_IMAGE, bytes);
}

/* What a helper that knows KVM_GET_XSAVE2 finds in the same guest, which stands still in these registers. */
static void same_to_another(const struct guest *g, const uint8_t *expected)
{
	const uint8_t *image;
	uint32_t bytes = 0;
	struct client c;

	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g->pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	image = image_of(&c, g, &bytes);
	CHECK(image && bytes >= IMAGE_BYTES && same_image(image, expected, IMAGE_BYTES), "KVM_GET_XSAVE2 shows other values");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

static void written(struct client *c, const struct guest *g, uint8_t *image)
{
	struct write_reply reply;

	memset(image + XMM1_OFFSET, 0x5b, 16);
	image[BV_OFFSET] |= 2;
	CHECK(client_set_image(c, g->pid, 0, image, IMAGE_BYTES) == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	if (c->refusal)
		return;
	memcpy(&reply, c->payload, sizeof(reply));
	CHECK(reply.image_bytes == IMAGE_BYTES && same_image(c->payload + sizeof(reply), image, IMAGE_BYTES), "read back differs");
	CHECK(client_set_image(c, g->pid, 0, image, IMAGE_BYTES + 64) == 0 && c->refusal->reason == REASON_BAD_SIZE, "too long");
}

void live_old_kvm(const char *helper)
{
	static const char *const arguments[] = { "--program", "integer", NULL };
	static uint8_t image[IMAGE_BYTES + 64]; /* as much as is sent where too much is */
	struct attach_reply attached = { 0 };
	struct capture_head head;
	const struct verdict *v;
	uint32_t bytes = 0;
	const uint8_t *found;
	struct client c;
	struct guest g;

	rule("demo VMM: KVM without KVM_GET_XSAVE2");
	if (guest_start_demo(&g, demo_program, arguments) < 0 || client_start(&c, helper) < 0) {
		CHECK(0, "the demo VMM or the helper did not start");
		guest_end(&g);
		return;
	}
	CHECK(client_attach(&c, g.pid, 0, 0, &attached) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(attached.cap_xsave2_vm == 0 && attached.cap_xsave2_system == 0, "KVM_CAP_XSAVE2 %d, %d", attached.cap_xsave2_vm,
	      attached.cap_xsave2_system);
	CHECK(attached.known == 0 && attached.image_bytes == IMAGE_BYTES, "known %#x, %u bytes", attached.known,
	      attached.image_bytes);
	CHECK(client_vcpu(&c, MSG_VERDICTS, g.pid, 0) == 1, "verdicts refused");
	v = live_verdict(&c, "KVM_GET_XSAVE");
	CHECK(v && v->action == SECCOMP_RET_ALLOW, "no verdict on KVM_GET_XSAVE");
	for (int i = 0; i < 100; i++)
		CHECK(client_vcpu(&c, MSG_CAPTURE, g.pid, 0) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	memcpy(&head, c.payload, sizeof(head));
	CHECK(head.image_call == (uint32_t)KVM_GET_XSAVE && head.written_bytes == IMAGE_BYTES && head.legacy_errno == 0,
	      "call %#x, %u bytes, errno %d", head.image_call, head.written_bytes, head.legacy_errno);
	found = capture_section(&c, SECTION_IMAGE, &bytes);
	CHECK(found && bytes == IMAGE_BYTES, "an image of %u bytes", bytes);
	if (found && bytes == IMAGE_BYTES) {
		memcpy(image, found, IMAGE_BYTES);
		written(&c, &g, image);
	}
	CHECK(client_vcpu(&c, MSG_DETACH, g.pid, 0) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	same_to_another(&g, image);
	CHECK(guest_lives(&g) && guest_progresses(&g, 0) && g.page->vcpus[0].eintr_count == 0, "the VMM noticed");
	guest_end(&g);
}
