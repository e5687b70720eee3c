/*
 * A guest whose interrupt controllers are the kernel's: test-waiting HELPER WAITING-VMM
 *
 * What it waits for comes as it would have come without us: an exception on its way, the interrupt that ends a HLT, interrupts
 * amid steps.
 */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "client.h"
#include "guest.h"
#include "own_vm.h"
#include "same_image.h"
#include "waiting.h"

#define OWN_INTERRUPTS 9u
#define MOST_REQUESTS 4000
#define HLT 0xf4u

extern const uint8_t halting_code[], halting_end[];
extern const uint8_t interrupted_code[], interrupted_handler[], interrupted_wait[], interrupted_waited[], interrupted_outside[], interrupted_came[],
	interrupted_end_loop[], interrupted_end[];

static const char *helper, *vmm;
static struct guest guest;
static struct client client;
static struct stopped_event head;
static struct kvm_regs last;

static const char *words(void)
{
	return client.refusal ? client.refusal->detail : "no answer";
}

static volatile uint8_t *memory(uint32_t at)
{
	return (volatile uint8_t *)(uintptr_t)guest.page + DEMO_MEMORY_AT + at;
}

static uint16_t word(uint32_t at)
{
	return *(volatile uint16_t *)(void *)(uintptr_t)memory(at);
}

static void raise_irq(void)
{
	volatile struct waiting_control *control = (volatile void *)((volatile uint8_t *)guest.page + WAITING_OFFSET);

	control->interrupts++;
	CHECK(COMES(control->raised == control->interrupts), "the VMM does not raise it");
}

static int start(const char *option)
{
	const char *const arguments[] = { option, NULL };

	if (guest_start_demo(&guest, vmm, arguments) == 0 && client_start(&client, helper) == 0 && client_attach(&client, guest.pid, 0, 0, NULL) == 1)
		return 1;
	CHECK(0, "the VMM or the helper did not start: %s", words());
	guest_end(&guest);
	return 0;
}

/* It counts again, and its VMM has seen nothing. */
static void end(int must_progress)
{
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];

	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	CHECK(guest_lives(&guest) && (!must_progress || guest_progresses(&guest, 0)), "the guest does not go on");
	CHECK(v->eintr_count == 0 && v->run_count == 1 && v->other_errors == 0, "the VMM saw %llu EINTRs, %llu exits", (unsigned long long)v->eintr_count,
	      (unsigned long long)v->other_errors);
	CHECK(guest_scratch_regions(&guest) == 0 && guest_scratch_code(&guest) == 0, "scratch is left");
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
}

static int take_regs(struct kvm_regs *regs)
{
	const void *found = client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1 ? capture_section(&client, SECTION_REGS, NULL) : NULL;

	if (found)
		memcpy(regs, found, sizeof(*regs));
	return found != NULL;
}

static void event_pending(void)
{
	struct kvm_regs regs = { 0 }, now = { 0 };

	rule("[C66] an exception on its way into the guest: general registers are not written, and are once the guest has run");
	if (!start("--exception"))
		return;
	CHECK(take_regs(&regs), "%s", words());
	regs.r15 = 0x5eed;
	for (int frozen = 0; frozen < 2; frozen++) {
		CHECK(client_set_regs(&client, guest.pid, 0, &regs) == 0 && client.refusal->reason == REASON_EVENT_PENDING, "written");
		CHECK(take_regs(&now) && now.r15 == 0 && now.rip == regs.rip, "something of it was");
		CHECK(client_vcpu(&client, frozen ? MSG_RESUME : MSG_FREEZE, guest.pid, 0) == 1, "%s", words());
	}
	CHECK(word(WAITING_UD_COUNT) == 0, "it did not wait");
	raise_irq();
	CHECK(COMES(word(WAITING_UD_COUNT) == 1 && word(WAITING_IRQ_COUNT) == 1) && guest_progresses(&guest, 0), "%u exceptions, %u interrupts came",
	      word(WAITING_UD_COUNT), word(WAITING_IRQ_COUNT));
	CHECK(take_regs(&regs), "%s", words());
	regs.r15 = 0x5eed;
	CHECK(client_set_regs(&client, guest.pid, 0, &regs) == 1, "%s", words());
	CHECK(take_regs(&now) && now.r15 == 0x5eed && word(WAITING_UD_COUNT) == 1, "not written");
	end(1);
}

/* As a debugger does that knows the code: no HLT of it is stepped. */
static int ask(const struct run_request *asked)
{
	static struct {
		struct run_request head;
		struct step_code code;
	} request;
	int answer, knows = (asked->flags & STEP_KNOWN_CODE) != 0;

	request.head = *asked;
	request.head.vcpu = (struct vcpu_ref){ guest.pid, 0 };
	for (uint32_t at = 0; at < sizeof(request.code.may_be_stepped); at++)
		for (uint32_t bit = request.code.may_be_stepped[at] = 0; bit < 8; bit++)
			request.code.may_be_stepped[at] |= (uint8_t)((*memory(at * 8 + bit) != HLT) << bit);
	answer = client_ask(&client, MSG_RUN, &request, knows ? sizeof(request) : sizeof(request.head));
	memset(&head, 0, sizeof(head));
	if (answer != 1)
		return answer;
	memcpy(&head, client.payload, sizeof(head));
	if (head.record_count)
		memcpy(&last, client.payload + sizeof(head) + (size_t)(head.record_count - 1) * client.record_bytes, sizeof(last));
	return answer;
}

static int step(uint32_t count)
{
	const struct run_request request = { .count = count };

	return ask(&request);
}

/* Frozen, at the code that is put there. */
static int lead_to(const uint8_t *code, const uint8_t *code_end)
{
	struct kvm_regs regs;

	memcpy((uint8_t *)(uintptr_t)memory(WAITING_CODE), code, (size_t)(code_end - code));
	if (client_vcpu(&client, MSG_FREEZE, guest.pid, 0) != 1 || !take_regs(&regs))
		return 0;
	regs.rip = WAITING_CODE;
	last.rip = regs.rip;
	regs.rax = regs.rbx = regs.rcx = regs.rdx = regs.rsi = regs.rdi = regs.rbp = 0;
	return client_set_regs(&client, guest.pid, 0, &regs) == 1;
}

/* Whatever is asked meanwhile is answered, as where the user gives up. */
static void asked_while_halted(void)
{
	const struct run_request request = { .vcpu = { guest.pid, 0 }, .count = 10 };
	struct vcpu_ref vcpu = { guest.pid, 0 };

	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	(void)client_send(&client, MSG_FREEZE, &vcpu, sizeof(vcpu));
	CHECK(client_receive(&client) == 1 && client.header.code == EVENT_STOPPED, "code %#x: %s", client.header.code, words());
	memcpy(&head, client.payload, sizeof(head));
	CHECK(head.steps == 0 && (head.reason == STOPPED_ASKED || head.reason == STOPPED_HALTED), "%u steps, reason %u", head.steps, head.reason);
	CHECK(client_receive(&client) == 1 && client.header.code == MSG_FREEZE, "code %#x: %s", client.header.code, words());
}

static int is_halted(void)
{
	struct kvm_regs regs;

	return take_regs(&regs) && regs.rip == WAITING_CODE + 2;
}

static int rounds(uint16_t count)
{
	return COMES(word(WAITING_DATA) == count && word(WAITING_IRQ_COUNT) == count);
}

static void halted(void)
{
	uint32_t came = 0;

	rule("[RC1] a vCPU that has halted in the kernel: told as halted, whatever is asked is answered, and the interrupt that comes ends it");
	if (!start(NULL))
		return;
	CHECK(lead_to(halting_code, halting_end) && client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1, "%s", words());
	CHECK(COMES(is_halted()) && word(WAITING_DATA) == 0, "it does not halt");
	for (int round = 0; round < 2; round++) {
		CHECK(step(10) == 1 && head.reason == STOPPED_HALTED && head.steps == 0 && head.in_kvm_run, "%u steps, reason %u: %s", head.steps,
		      head.reason, words());
		asked_while_halted();
	}
	raise_irq();
	for (int i = 0; i < 100 && word(WAITING_DATA) == 0; i++)
		came += step(1) == 1 ? head.steps : 0;
	CHECK(word(WAITING_DATA) == 1 && came > 0, "%u steps, %u rounds: %s", came, word(WAITING_DATA), words());
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && rounds(1), "%u rounds, %u interrupts", word(WAITING_DATA), word(WAITING_IRQ_COUNT));
	/* Let go in the midst of it. */
	CHECK(step(10) == 1 && head.reason == STOPPED_HALTED, "%u steps, reason %u: %s", head.steps, head.reason, words());
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1, "%s", words());
	raise_irq();
	CHECK(rounds(2), "%u rounds, %u interrupts", word(WAITING_DATA), word(WAITING_IRQ_COUNT));
	end(0);
}

/*
 * A KVM that emulates HLT under a step carries the halt out after the next instruction: were that the handler's first, the guest would wait
 * there for ever, its interrupts off. So HLT is run to a breakpoint, where code is known.
 */
static void over_halt(void)
{
	struct run_request over = { .count = 1, .wait_ms = 50, .dr0 = WAITING_CODE + 2, .dr7 = 0x401, .flags = STEP_NOT_THERE };

	rule("[RC7] over HLT by a breakpoint behind it: the interrupt that ends it is taken, also one that comes while the vCPU stands still");
	if (!breakpoints_are_hit()) {
		skip("over HLT", "a VM of the test's own hits no breakpoints here: this KVM's CPU is emulated");
		return;
	}
	if (!start(NULL))
		return;
	CHECK(lead_to(halting_code, halting_end), "%s", words());
	CHECK(step(1) == 1 && head.steps == 1 && last.rip == WAITING_CODE + 1, "%u steps: %s", head.steps, words());
	CHECK(ask(&over) == 1 && head.steps == 0 && head.reason == STOPPED_HALTED, "%u steps, reason %u: %s", head.steps, head.reason, words());
	raise_irq();
	over.wait_ms = 10000;
	CHECK(ask(&over) == 1 && head.steps == 1 && last.rip == WAITING_CODE + 2, "%u steps, reason %u: %s", head.steps, head.reason, words());
	CHECK(word(WAITING_IRQ_COUNT) == 1 && word(WAITING_DATA) == 0, "%u interrupts, %u rounds", word(WAITING_IRQ_COUNT), word(WAITING_DATA));
	CHECK(step(3) == 1 && head.steps == 3 && last.rip == WAITING_CODE + 1, "%u steps: %s", head.steps, words());
	raise_irq();
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && COMES(word(WAITING_IRQ_COUNT) == 2), "%u interrupts", word(WAITING_IRQ_COUNT));
	raise_irq();
	CHECK(COMES(word(WAITING_IRQ_COUNT) == 3 && word(WAITING_DATA) >= 2), "%u interrupts", word(WAITING_IRQ_COUNT));
	end(0);
}

struct outcome {
	struct kvm_regs regs;
	uint8_t image[32768], data[WAITING_DATA_END - WAITING_UD_COUNT], stack[WAITING_STACK_BYTES];
	uint32_t image_bytes;
};

static uint64_t place(const uint8_t *label)
{
	return WAITING_CODE + (uint64_t)(label - interrupted_code);
}

static int take(struct outcome *o)
{
	const void *image;

	memset(o, 0, sizeof(*o));
	if (!take_regs(&o->regs) || !(image = capture_section(&client, SECTION_IMAGE, &o->image_bytes)) || o->image_bytes > sizeof(o->image))
		return 0;
	memcpy(o->image, image, o->image_bytes);
	memcpy(o->data, (const uint8_t *)(uintptr_t)memory(WAITING_UD_COUNT), sizeof(o->data));
	memcpy(o->stack, (const uint8_t *)(uintptr_t)memory(WAITING_STACK - WAITING_STACK_BYTES), sizeof(o->stack));
	return 1;
}

static int run_to(uint64_t rip)
{
	const struct run_request request = { .count = 1, .wait_ms = 10000, .dr0 = rip, .dr7 = 0x401, .flags = STEP_NOT_THERE };

	return ask(&request) == 1 && head.steps == 1 && last.rip == rip;
}

static int lead_to_interrupts(void)
{
	const uint16_t vector[2] = { (uint16_t)place(interrupted_handler), 0 };

	memcpy((uint8_t *)(uintptr_t)memory(WAITING_SELF * sizeof(vector)), vector, sizeof(vector));
	return lead_to(interrupted_code, interrupted_end);
}

/* Steps are kept from interrupts: where the guest waits for one it has to run, as far as the wait's end. */
static uint64_t wait_ends(void)
{
	if (*memory((uint32_t)last.rip) == HLT)
		return last.rip + 1;
	if (!head.irqs_blocked)
		return 0;
	if (last.rip >= place(interrupted_wait) && last.rip < place(interrupted_waited))
		return place(interrupted_waited);
	return last.rip >= place(interrupted_outside) && last.rip < place(interrupted_came) ? place(interrupted_came) : 0;
}

static int step_there(uint32_t flags, unsigned int *runs)
{
	const struct run_request request = { .count = 40, .flags = flags | STEP_KNOWN_CODE }, one = { .count = 1, .flags = flags };
	int raised = 0, made = 0;

	for (int requests = 0; requests < MOST_REQUESTS; requests++) {
		uint64_t end = requests ? wait_ends() : 0;

		if (*memory(WAITING_OUTSIDE) && !raised++)
			raise_irq();
		*runs += end != 0;
		if (end ? !run_to(end) : ask(*memory(WAITING_DONE) ? &one : &request) != 1 || head.reason == STOPPED_HALTED)
			return -1;
		made += (int)head.steps;
		if (*memory(WAITING_DONE) && last.rip == place(interrupted_end_loop))
			return made;
	}
	return -1;
}

static int first_difference(const void *a, const void *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (((const uint8_t *)a)[i] != ((const uint8_t *)b)[i])
			return (int)i;
	return -1;
}

static void compare(const struct outcome *stepped, const struct outcome *free_run, const char *how)
{
	int at = first_difference(&stepped->regs, &free_run->regs, sizeof(free_run->regs));

	CHECK(at < 0, "%s: general registers differ from byte %d on", how, at);
	CHECK(stepped->image_bytes == free_run->image_bytes && same_image(stepped->image, free_run->image, free_run->image_bytes), "%s: the image differs",
	      how);
	at = first_difference(stepped->data, free_run->data, sizeof(free_run->data));
	CHECK(at < 0, "%s: memory differs at %#x", how, WAITING_UD_COUNT + at);
	at = first_difference(stepped->stack, free_run->stack, sizeof(free_run->stack));
	CHECK(at < 0, "%s: the stack differs at byte %d", how, at);
}

static int run_freely(struct outcome *o)
{
	raise_irq();
	if (client_vcpu(&client, MSG_RESUME, guest.pid, 0) != 1 || !COMES(*memory(WAITING_DONE)))
		return 0;
	return run_to(place(interrupted_end_loop)) && take(o);
}

static void interrupted(void)
{
	static const struct {
		const char *name, *option;
		uint32_t flags;
	} ways[] = {
		{ "stepped, interrupts kept from the steps", NULL, 0 },
		{ "traced, interrupts kept from the steps", NULL, STEP_KEEP_STATE },
		{ "stepped, interrupts amid the steps", "--urgent", 0 },
		{ "traced, interrupts amid the steps", "--urgent", STEP_KEEP_STATE },
	};
	static struct outcome free_run, stepped;

	rule("a guest that is interrupted comes to the same end stepped and free, bit for bit, and no interrupt is lost or given twice");
	if (!breakpoints_are_hit()) {
		skip("interrupts amid steps", "a VM of the test's own hits no breakpoints here: this KVM's CPU is emulated");
		return;
	}
	if (!start(NULL))
		return;
	CHECK(lead_to_interrupts() && run_freely(&free_run), "the guest did not come to its end: %s", words());
	CHECK(word(WAITING_DATA) == OWN_INTERRUPTS && word(WAITING_IRQ_COUNT) == 1, "%u interrupts, %u from outside", word(WAITING_DATA),
	      word(WAITING_IRQ_COUNT));
	*memory(WAITING_DONE) = 0;
	end(1);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		unsigned int runs = 0;
		int made;

		if (!start(ways[i].option))
			return;
		CHECK(lead_to_interrupts(), "%s", words());
		made = step_there(ways[i].flags, &runs);
		printf("# %s: %d instructions, %u runs to where a wait ends, interrupts kept away: %u\n", ways[i].name, made, runs, head.irqs_blocked);
		CHECK(made > 0 && take(&stepped), "%s: %u steps, reason %u, rip %#llx: %s", ways[i].name, head.steps, head.reason,
		      (unsigned long long)head.rip, words());
		compare(&stepped, &free_run, ways[i].name);
		*memory(WAITING_DONE) = 0;
		end(1);
	}
}

int main(int count, char **arguments)
{
	if (count != 3) {
		fprintf(stderr, "usage: test-waiting HELPER WAITING-VMM\n");
		return 64;
	}
	helper = arguments[1];
	vmm = arguments[2];
	if (!kvm_is_there()) {
		skip("guests that wait", "/dev/kvm is absent");
		return summary();
	}
	event_pending();
	halted();
	over_halt();
	interrupted();
	return summary();
}
