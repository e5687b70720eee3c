/* The state that a guest comes to, stepped through its instructions and run freely: the same, bit for bit. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "own_vm.h"
#include "same_image.h"
#include "step_driven.h"
#include "step_same.h"

extern const uint8_t mixed_code[], mixed_handler[], mixed_end_loop[], mixed_end[];

#define JUMP_AT (CODE + 5)
#define VECTOR_20 0x80
#define LEAST_INSTRUCTIONS 100u

struct outcome {
	struct kvm_regs regs;
	uint8_t image[32768];
	uint32_t image_bytes;
	uint8_t data[MIXED_DATA_END - MIXED_DATA], stack[MIXED_STACK_BYTES];
};

static volatile uint8_t *memory(uint32_t at)
{
	return (volatile uint8_t *)(uintptr_t)guest.page + DEMO_MEMORY_AT + at;
}

static void put(uint32_t at, const void *bytes, size_t count)
{
	memcpy((uint8_t *)(uintptr_t)memory(at), bytes, count);
}

/* The code, its interrupt vector, and last the jump to it out of the loop that the guest is in. */
static void lead_there(void)
{
	const uint16_t vector[2] = { (uint16_t)(MIXED_CODE + (mixed_handler - mixed_code)), 0 };
	const uint8_t jump[3] = { 0xe9, (uint8_t)(MIXED_CODE - JUMP_AT - 3), (uint8_t)((MIXED_CODE - JUMP_AT - 3) >> 8) };

	put(MIXED_CODE, mixed_code, (size_t)(mixed_end - mixed_code));
	put(VECTOR_20, vector, sizeof(vector));
	/* jmp -7 becomes jmp 0x2000: the byte that counts comes last. */
	put(JUMP_AT + 1, jump + 1, 2);
	put(JUMP_AT, jump, 1);
}

static int take(struct outcome *o)
{
	const void *section;
	uint32_t bytes = 0;

	memset(o, 0, sizeof(*o));
	if (client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) != 1 || !(section = capture_section(&client, SECTION_REGS, &bytes)) ||
	    bytes != sizeof(o->regs))
		return 0;
	memcpy(&o->regs, section, sizeof(o->regs));
	section = capture_section(&client, SECTION_IMAGE, &o->image_bytes);
	if (!section || o->image_bytes > sizeof(o->image))
		return 0;
	memcpy(o->image, section, o->image_bytes);
	memcpy(o->data, (const uint8_t *)(uintptr_t)memory(MIXED_DATA), sizeof(o->data));
	memcpy(o->stack, (const uint8_t *)(uintptr_t)memory(MIXED_STACK - MIXED_STACK_BYTES), sizeof(o->stack));
	return 1;
}

static uint64_t end_loop(void)
{
	return MIXED_CODE + (uint64_t)(mixed_end_loop - mixed_code);
}

/* At the first instruction of its last loop. -1: it did not come there; else how many instructions it took. */
static int step_there(int whole)
{
	struct run_request request = { .count = 200, .flags = whole ? STEP_KEEP_STATE : 0 };
	int made = 0;

	for (int requests = 0; requests < 4000 && made < 4000; requests++) {
		request.count = *memory(MIXED_DONE) ? 1 : 40;
		if (ask_steps(&request, NULL) != 1 || head.reason == STOPPED_HALTED)
			return -1;
		if (!head.steps)
			continue;
		made += (int)head.steps;
		if (*memory(MIXED_DONE) && stops[head.steps - 1].rip == end_loop())
			return made;
	}
	return -1;
}

static void go_back(void)
{
	static const uint8_t loop[3] = { 0xeb, 0xf9, 0 };

	put(JUMP_AT, loop, 2);
	*memory(MIXED_GO_BACK) = 1;
}

static int first_difference(const uint8_t *a, const uint8_t *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i] != b[i])
			return (int)i;
	return -1;
}

static void compare(const struct outcome *stepped, const struct outcome *free_run, const char *how)
{
	int at = first_difference((const uint8_t *)&stepped->regs, (const uint8_t *)&free_run->regs, sizeof(free_run->regs));

	CHECK(at < 0, "%s: general registers differ from byte %d on", how, at);
	CHECK(stepped->image_bytes == free_run->image_bytes && same_image(stepped->image, free_run->image, free_run->image_bytes),
	      "%s: the image differs from byte %d on", how, first_difference(stepped->image, free_run->image, free_run->image_bytes));
	at = first_difference(stepped->data, free_run->data, sizeof(free_run->data));
	CHECK(at < 0, "%s: memory differs at %#x: %#x, not %#x", how, MIXED_DATA + at, at < 0 ? 0 : stepped->data[at], at < 0 ? 0 : free_run->data[at]);
	at = first_difference(stepped->stack, free_run->stack, sizeof(free_run->stack));
	CHECK(at < 0, "%s: the stack differs at byte %d of its last %u", how, at, MIXED_STACK_BYTES);
}

static int run_freely(struct outcome *o)
{
	struct run_request one = { .count = 1 };
	struct run_request to_end = { .count = 1, .wait_ms = 2000, .dr0 = end_loop(), .dr7 = 0x401 };

	lead_there();
	if (!COMES(*memory(MIXED_DONE)))
		return 0;
	/* To the first instruction of the loop, where the stepped one stands: by steps where no breakpoint is hit. */
	if (breakpoints_are_hit())
		return ask_steps(&to_end, NULL) == 1 && head.steps == 1 && take(o);
	if (client_vcpu(&client, MSG_FREEZE, guest.pid, 0) != 1)
		return 0;
	return COMES(ask_steps(&one, NULL) != 1 || (head.steps == 1 && stops[0].rip == end_loop())) && head.steps == 1 && take(o);
}

void same_as_free_run(void)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", NULL };
	static struct outcome free_run, stepped;

	rule("registers, extended state and memory after N steps are those of a free run, bit for bit");
	if (!start(arguments))
		return;
	CHECK(run_freely(&free_run), "the guest did not come to its end: %s", words());
	go_back();
	end();
	for (int whole = 0; whole < 2; whole++) {
		int made;

		if (!start(arguments))
			return;
		CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
		lead_there();
		made = step_there(whole);
		CHECK(made > (int)LEAST_INSTRUCTIONS && take(&stepped), "%d steps: %s", made, words());
		printf("# %d instructions, %s\n", made, whole ? "the whole state kept" : "general registers kept");
		compare(&stepped, &free_run, whole ? "traced" : "stepped");
		go_back();
		end();
	}
}
