/*
 * What tile instructions have from memory, instruction by instruction, for whoever compares the two (main/disas/amx-memory.test.ts), and a
 * product whose operand we change between the stop before it and the product.
 */
#include <string.h>

#include "amx_talk.h"
#include "check.h"

#define CHANGED_BYTE (4u * 64 + 2u) /* of tmm1: row 4, byte 2 */
#define LOADS 11u                   /* LDTILECFG, then five times LEA and TILELOADD */
#define PRODUCTS 3u                 /* TDPBSSD, TILEZERO, TDPBF16PS */
#define PAGE 4096u
#define MOST_STEPS 64

extern const uint8_t amx_guest[], amx_guest_end[];

static const uint8_t ldtilecfg[] = { 0xc4, 0xe2, 0x78, 0x49 }, tdpbssd[] = { 0xc4, 0xe2, 0x6b, 0x5e, 0xc1 };

/* Guest memory in which code, tables and the sources of the loads lie. */
static const struct {
	const char *name;
	uint32_t from, bytes;
} parts[] = {
	{ "memory-code", GUEST_CODE, PAGE },
	{ "memory-tables", GUEST_PML4, 4 * PAGE },
	{ "memory-area", GUEST_AREAS, 2 * PAGE },
};

static uint64_t rip_of_first(struct stopped_event *head)
{
	struct kvm_regs regs = { 0 };

	memcpy(head, client.payload, sizeof(*head));
	if (head->record_count)
		memcpy(&regs, client.payload + sizeof(*head), sizeof(regs));
	return regs.rip;
}

static int is_next(uint64_t rip, const uint8_t *code, size_t bytes)
{
	return rip >= GUEST_CODE && rip - GUEST_CODE + bytes <= (size_t)(amx_guest_end - amx_guest) &&
	       memcmp(amx_guest + (rip - GUEST_CODE), code, bytes) == 0;
}

/* Freezes the guest, lets it begin with that, and steps it up to an instruction. */
static void step_to(const char *name, uint32_t what, const uint8_t *code, size_t bytes)
{
	struct run_request one = { .vcpu = { guest.pid, 0 }, .count = 1 };
	struct stopped_event head;
	int at_it = 0;

	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", detail());
	note_named(name, "froze");
	guest_start_step(&guest, 0, what);
	for (int steps = 0; steps < MOST_STEPS && !at_it; steps++) {
		char number[16];

		if (client_ask(&client, MSG_RUN, &one, sizeof(one)) != 1)
			break;
		(void)snprintf(number, sizeof(number), "step-%d", steps);
		note_named(name, number);
		at_it = is_next(rip_of_first(&head), code, bytes);
	}
	CHECK(at_it, "the guest does not come to its %s: %s", name, detail());
	take_named(name, "before");
}

static void steps_after(const char *name, uint32_t count, uint32_t what)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = count, .flags = STEP_KEEP_STATE };
	struct stopped_event head = { 0 };

	CHECK(client_ask(&client, MSG_RUN, &request, sizeof(request)) == 1, "%s", detail());
	note_named(name, "steps");
	(void)rip_of_first(&head);
	CHECK(head.steps == count && head.record_count == count, "%u steps, %u records", head.steps, head.record_count);
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1, "%s", detail());
	note_named(name, "resumed");
	CHECK(guest_has_done(&guest, 0, what), "the guest has not gone on");
}

/* The mapping that holds what the guest has: code at GUEST_CODE. 0: none does. */
static uint64_t guest_memory(void)
{
	static struct mapping_record mappings[MAX_MAPPINGS];
	struct mappings_head head;
	uint32_t count;

	CHECK(client_vcpu(&client, MSG_MAPPINGS, guest.pid, 0) == 1, "%s", detail());
	note_step("memory-mappings");
	memcpy(&head, client.payload, sizeof(head));
	count = head.count < MAX_MAPPINGS ? head.count : MAX_MAPPINGS;
	memcpy(mappings, client.payload + sizeof(head), count * sizeof(mappings[0]));
	for (uint32_t i = 0; i < count; i++)
		if (mappings[i].end - mappings[i].start == DEMO_MEMORY_BYTES)
			return mappings[i].start;
	return 0;
}

static void read_memory(uint64_t host)
{
	struct {
		struct translate_request head;
		uint64_t linear[MAX_TRANSLATIONS];
	} pages = { .head = { .vcpu = { guest.pid, 0 } } };

	CHECK(host != 0, "no mapping of the guest's size is listed");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct read_memory_request request = { .vcpu = { guest.pid, 0 }, .address = host + parts[i].from, .bytes = parts[i].bytes };

		CHECK(client_ask(&client, MSG_READ_MEMORY, &request, sizeof(request)) == 1, "%s", detail());
		note_step(parts[i].name);
	}
	/* Every page from 0 to the end of what was read. */
	for (uint64_t at = 0; at < GUEST_AREAS + 2 * PAGE; at += PAGE)
		pages.linear[pages.head.count++] = at;
	CHECK(client_ask(&client, MSG_TRANSLATE, &pages, (uint32_t)(sizeof(pages.head) + pages.head.count * sizeof(pages.linear[0]))) == 1,
	      "%s", detail());
	note_step("memory-translations");
}

void amx_tile_memory(void)
{
	rule("[TO1] [TO2] LDTILECFG and tile loads, with what they have from memory");
	step_to("loads", STEP_LOAD, ldtilecfg, sizeof(ldtilecfg));
	read_memory(guest_memory());
	steps_after("loads", LOADS, STEP_LOAD);
}

void amx_spoilt_product(void)
{
	static uint8_t image[32768];

	rule("[TP2] an operand that we change between the stop before a product and the product");
	step_to("spoilt", STEP_MULTIPLY, tdpbssd, sizeof(tdpbssd));
	memcpy(image, seen.image, AMX_IMAGE_BYTES);
	image_tile(image, 1)[CHANGED_BYTE] ^= 0x40;
	CHECK(set_image("spoilt-operand", image) == 1, "%s", detail());
	steps_after("spoilt", PRODUCTS, STEP_MULTIPLY);
}
