#include "kill_scenes.h"

#include <stdio.h>
#include <string.h>

#include "same_image.h"

#define XCR0_WITH_AVX 7u
#define MSR_XFD 0x1c4u
#define GENERAL_BYTES offsetof(struct kvm_regs, rip) /* RIP and RFLAGS are the guest's to move */

struct guest guest;
struct state old;
int arming;
uint32_t attach_flags;

static volatile uint8_t *scene_memory(void)
{
	return (volatile uint8_t *)guest.page + DEMO_MEMORY_AT + SCENE_MEMORY;
}

int read_state(struct client *c, struct state *s)
{
	const struct xcr_value *xcrs;
	const struct msr_value *msrs;
	uint32_t bytes = 0;
	const void *image, *regs;

	if (client_vcpu(c, MSG_CAPTURE, guest.pid, 0) != 1)
		return -1;
	memset(s, 0, sizeof(*s));
	image = capture_section(c, SECTION_IMAGE, &s->image_bytes);
	xcrs = capture_section(c, SECTION_XCRS, NULL);
	msrs = capture_section(c, SECTION_MSRS, &bytes);
	regs = capture_section(c, SECTION_REGS, NULL);
	if (!image || !xcrs || !msrs || !regs)
		return -1;
	memcpy(s->image, image, s->image_bytes);
	memcpy(&s->regs, regs, sizeof(s->regs));
	s->xcr0 = xcrs->value;
	for (size_t i = 0; i < sizeof(s->memory); i++)
		s->memory[i] = scene_memory()[i];
	for (uint32_t i = 0; i < bytes / sizeof(*msrs); i++)
		if (msrs[i].index == MSR_XFD && !msrs[i].errno_value)
			s->xfd = msrs[i].value;
	return 0;
}

int same_state(const struct state *a, const struct state *b)
{
	return a->image_bytes == b->image_bytes && same_image(a->image, b->image, a->image_bytes) && a->xcr0 == b->xcr0 &&
	       a->xfd == b->xfd && memcmp(a->memory, b->memory, sizeof(a->memory)) == 0 && (arming || memcmp(&a->regs, &b->regs, GENERAL_BYTES) == 0);
}

static int set_msr(struct client *c, uint64_t value)
{
	struct set_msr_request msr = { .vcpu = { guest.pid, 0 }, .index = MSR_XFD, .value = value };

	return client_ask(c, MSG_SET_MSR, &msr, sizeof(msr));
}

static int set_xcr0(struct client *c, uint64_t value)
{
	struct set_xcr0_request xcr0 = { .vcpu = { guest.pid, 0 }, .value = value };

	return client_ask(c, MSG_SET_XCR0, &xcr0, sizeof(xcr0));
}

int restore_state(struct client *c, const struct state *now)
{
	struct kvm_regs regs = old.regs;

	for (size_t i = 0; i < sizeof(old.memory); i++)
		scene_memory()[i] = old.memory[i];
	regs.rip = now->regs.rip;
	regs.rflags = now->regs.rflags;
	if (now->xfd != old.xfd && set_msr(c, old.xfd) != 1)
		return -1;
	if (!same_image(now->image, old.image, old.image_bytes) && client_set_image(c, guest.pid, 0, old.image, old.image_bytes) != 1)
		return -1;
	if (now->xcr0 != old.xcr0 && set_xcr0(c, old.xcr0) != 1)
		return -1;
	if (!arming && memcmp(&now->regs, &old.regs, GENERAL_BYTES) && client_set_regs(c, guest.pid, 0, &regs) != 1)
		return -1;
	return 0;
}

static void send_vcpu(struct client *c, uint32_t code)
{
	struct vcpu_ref ref = { guest.pid, 0 };

	(void)client_send(c, code, &ref, sizeof(ref));
}

void send_attach(struct client *c)
{
	struct attach_request attach = { .vcpu = { guest.pid, 0 }, .flags = attach_flags };

	(void)client_send(c, MSG_ATTACH, &attach, sizeof(attach));
}

static void send_detach(struct client *c)
{
	send_vcpu(c, MSG_DETACH);
}

static void send_capture(struct client *c)
{
	send_vcpu(c, MSG_CAPTURE);
}

static void send_freeze(struct client *c)
{
	send_vcpu(c, MSG_FREEZE);
}

static void send_resume(struct client *c)
{
	send_vcpu(c, MSG_RESUME);
}

static void send_image(struct client *c)
{
	static struct {
		struct set_image_request head;
		uint8_t image[32768];
	} set;

	set.head = (struct set_image_request){ .vcpu = { guest.pid, 0 }, .image_bytes = old.image_bytes };
	memcpy(set.image, old.image, old.image_bytes);
	memset(set.image + XMM5_OFFSET, 0x77, 16);
	set.image[BV_OFFSET] |= SSE;
	(void)client_send(c, MSG_SET_IMAGE, &set, sizeof(set.head) + old.image_bytes);
}

static void send_xcr0(struct client *c)
{
	struct set_xcr0_request xcr0 = { .vcpu = { guest.pid, 0 }, .value = XCR0_WITH_AVX };

	(void)client_send(c, MSG_SET_XCR0, &xcr0, sizeof(xcr0));
}

static void send_arming(struct client *c)
{
	struct set_msr_request msr = {
		.vcpu = { guest.pid, 0 }, .index = MSR_XFD, .flags = MSR_PUT_TO_INIT_FIRST, .value = arming ? TILEDATA : SSE,
	};

	(void)client_send(c, MSG_SET_MSR, &msr, sizeof(msr));
}

static void send_regs(struct client *c)
{
	struct {
		struct vcpu_ref vcpu;
		struct kvm_regs regs;
	} set = { .vcpu = { guest.pid, 0 }, .regs = old.regs };

	for (size_t i = 0; i < GENERAL_BYTES; i += 8)
		memset((uint8_t *)&set.regs + i, 0x41 + (int)(i / 8), 8);
	(void)client_send(c, MSG_SET_REGS, &set, sizeof(set));
}

/* Where the VMM has what it shares with the test. 0: not found. */
static uint64_t demo_mapping(void)
{
	char line[256], path[64], access[5];
	unsigned long long start = 0, end = 0, found = 0;
	FILE *maps;

	(void)snprintf(path, sizeof(path), "/proc/%d/maps", guest.pid);
	maps = fopen(path, "r");
	while (maps && !found && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%llx-%llx %4s", &start, &end, access) == 3 && strcmp(access, "rw-s") == 0 && end - start == DEMO_MEMORY_BYTES)
			found = start;
	if (maps)
		(void)fclose(maps);
	return found;
}

static void send_mappings(struct client *c)
{
	send_vcpu(c, MSG_MAPPINGS);
}

static void send_memory(struct client *c)
{
	struct {
		struct write_memory_request head;
		uint8_t before[sizeof(old.memory)], after[sizeof(old.memory)];
	} write = { .head = { .vcpu = { guest.pid, 0 }, .bytes = sizeof(old.memory) } };

	write.head.address = demo_mapping() + SCENE_MEMORY;
	memcpy(write.before, old.memory, sizeof(old.memory));
	memset(write.after, 0x77, sizeof(write.after));
	(void)client_send(c, MSG_WRITE_MEMORY, &write, sizeof(write));
}

/* More than one chain's worth. */
static void send_translate(struct client *c)
{
	static struct {
		struct translate_request head;
		uint64_t linear[MAX_TRANSLATIONS];
	} ask;

	ask.head = (struct translate_request){ .vcpu = { guest.pid, 0 }, .count = MAX_TRANSLATIONS };
	for (uint32_t i = 0; i < MAX_TRANSLATIONS; i++)
		ask.linear[i] = i * 0x1000u;
	(void)client_send(c, MSG_TRANSLATE, &ask, sizeof(ask));
}

/* A list stops a thread with a filter that it has not read yet. */
static void send_list(struct client *c)
{
	struct list_request list = { 0 };

	(void)client_send(c, MSG_LIST_TARGETS, &list, sizeof(list));
}

const struct scene scenes[] = {
	{ "attach", { NULL }, send_attach, 1, 0, 0 },
	{ "capture", { send_attach }, send_capture, 1, 0, 0 },
	{ "freeze", { send_attach }, send_freeze, 1, 0, 0 },
	{ "capture of a frozen vCPU", { send_attach, send_freeze }, send_capture, 1, 1, 0 },
	{ "resume", { send_attach, send_freeze }, send_resume, 1, 1, 0 },
	{ "image", { send_attach }, send_image, 1, 0, 0 },
	{ "image of a frozen vCPU", { send_attach, send_freeze }, send_image, 1, 1, 0 },
	{ "XCR0", { send_attach }, send_xcr0, 1, 0, 0 },
	{ "IA32_XFD, refused after components were put to init", { send_attach }, send_arming, 0, 0, SSE },
	{ "general registers", { send_attach }, send_regs, 1, 0, 0 },
	{ "general registers of a frozen vCPU", { send_attach, send_freeze }, send_regs, 1, 1, 0 },
	{ "addresses translated", { send_attach }, send_translate, 1, 0, 0 },
	{ "memory", { send_attach, send_mappings }, send_memory, 1, 0, 0 },
	{ "detach", { send_attach }, send_detach, 1, 0, 0 },
	{ "detach of a frozen vCPU", { send_attach, send_freeze }, send_detach, 1, 1, 0 },
};
const size_t scene_count = sizeof(scenes) / sizeof(scenes[0]);

/* The filter kills the VMM for KVM_SET_XSAVE, and is lifted for it. */
const struct scene suspended_scenes[] = {
	{ "list, filter read", { NULL }, send_list, 1, 0, 0 },
	{ "attach, filter suspended", { NULL }, send_attach, 1, 0, 0 },
	{ "capture, filter suspended", { send_attach }, send_capture, 1, 0, 0 },
	{ "image, filter suspended", { send_attach }, send_image, 1, 0, 0 },
	{ "image of a frozen vCPU, filter suspended", { send_attach, send_freeze }, send_image, 1, 1, 0 },
	{ "detach, filter suspended", { send_attach }, send_detach, 1, 0, 0 },
};
const size_t suspended_scene_count = sizeof(suspended_scenes) / sizeof(suspended_scenes[0]);

const struct scene arming_scene = { "IA32_XFD armed over tiles", { send_attach }, send_arming, 1, 0, TILEDATA };
