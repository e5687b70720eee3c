/*
 * A step whose instruction faults goes to the handler, and ends when it is back. A handler that sleeps needs interrupts, which steps
 * keep away: whoever lives, they come back. Here it waits for us instead.
 */
#include "step_fault.h"

#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "client.h"
#include "guest.h"
#include "kill_points.h"
#include "privilege.h"
#include "proc.h"

extern const uint8_t fault_code[], fault_at[], fault_behind[], fault_handler[], fault_debug_handler[], fault_end[];

#define CODE_START 0x1000u /* of the demo's integer guest, whose second instruction jumps back */
#define JUMP_AT (CODE_START + 5)
#define VECTOR_DE 0u
#define VECTOR_DB 4u
#define TRAP_FLAG 0x100u

static struct client client;
static struct guest guest;
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

static void put(uint32_t at, const void *bytes, size_t count)
{
	memcpy((uint8_t *)(uintptr_t)memory(at), bytes, count);
}

static uint16_t word(uint32_t at)
{
	uint16_t value;

	memcpy(&value, (const uint8_t *)(uintptr_t)memory(at), sizeof(value));
	return value;
}

static uint64_t place(const uint8_t *label)
{
	return FAULT_CODE + (uint64_t)(label - fault_code);
}

static int wait_for(uint32_t at, uint16_t value)
{
	return COMES(word(at) == value);
}

/* As the helper says of its own VM: a step into a fault ends behind the handler. */
static int ends_behind_handler(void)
{
	struct breakpoints_reply reply = { 0 };

	CHECK(client_ask(&client, MSG_BREAKPOINTS, NULL, 0) == 1, "%s", words());
	memcpy(&reply, client.payload, sizeof(reply));
	return !(reply.known & KNOWS_FAULTS) || reply.faults;
}

static void lead_there(void)
{
	const uint16_t divide[2] = { (uint16_t)place(fault_handler), 0 }, debug[2] = { (uint16_t)place(fault_debug_handler), 0 };
	const uint8_t jump[3] = { 0xe9, (uint8_t)(FAULT_CODE - JUMP_AT - 3), (uint8_t)((FAULT_CODE - JUMP_AT - 3) >> 8) };

	*memory(FAULT_MAY_GO) = 1; /* there is nothing to wait for yet */
	put(FAULT_CODE, fault_code, (size_t)(fault_end - fault_code));
	put(VECTOR_DE, divide, sizeof(divide));
	put(VECTOR_DB, debug, sizeof(debug));
	put(JUMP_AT + 1, jump + 1, 2);
	put(JUMP_AT, jump, 1);
	CHECK(wait_for(FAULT_DONE, 1), "the guest does not come to the end of its first round");
}

static int take_answer(int answer)
{
	memset(&head, 0, sizeof(head));
	if (answer != 1)
		return answer;
	memcpy(&head, client.payload, sizeof(head));
	if (head.record_count)
		memcpy(&last, client.payload + sizeof(head) + (size_t)(head.record_count - 1) * client.record_bytes, sizeof(last));
	return answer;
}

/* Of the helper that waits at its kill points too, past all of them. */
static int ask(uint32_t code, const void *payload, size_t bytes)
{
	char name[KILL_POINT_NAME_BYTES];

	if (client_send(&client, code, payload, bytes) < 0)
		return -1;
	return client.step < 0 ? client_receive(&client) : client_until_kill_point(&client, 0, name, NULL);
}

static int ask_step(void)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = 1 };

	return take_answer(ask(MSG_RUN, &request, sizeof(request)));
}

static int attach(void)
{
	struct attach_request request = { .vcpu = { guest.pid, 0 } };

	return ask(MSG_ATTACH, &request, sizeof(request));
}

/* Single steps to the instruction that faults. 1: it is next. */
static int step_to_fault(void)
{
	struct vcpu_ref vcpu = { guest.pid, 0 };

	CHECK(ask(MSG_FREEZE, &vcpu, sizeof(vcpu)) == 1, "%s", words());
	*memory(FAULT_MAY_GO) = 0;
	*memory(FAULT_GO_BACK) = 1;
	for (int i = 0; i < 200; i++)
		if (ask_step() != 1 || head.steps != 1)
			break;
		else if (last.rip == place(fault_at))
			return 1;
	CHECK(0, "it does not come to the instruction that faults: rip %#llx, %s", (unsigned long long)last.rip, words());
	return 0;
}

/* The number of the one timer that the VMM has; -1: it has none. A kernel that does not say: -2. */
static long timer_number(void)
{
	char *text = proc_text("/proc/%d/timers", guest.pid);
	long number = !text ? -2 : strncmp(text, "ID: ", 4) == 0 ? atol(text + 4) : -1;

	free(text);
	return number;
}

/* Than the first that was seen, which is kept in *first. */
static int timer_is_another(long *first)
{
	long now = timer_number();

	if (now == -2 || (*first >= 0 && now >= 0 && now != *first))
		return 1;
	if (*first < 0)
		*first = now;
	return 0;
}

/* The chain that came first has ended, and another has been laid out. */
static void wait_for_next_chain(void)
{
	long first = -1;

	CHECK(COMES(timer_is_another(&first)), "the chain's timer does not end it");
}

/* Its handler has what it waits for while the helper still lives: the step ends behind the instruction, and no TF is left. */
static void finished(int leaves)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = 1 };
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];
	uint16_t faults = word(FAULT_COUNT), done = word(FAULT_DONE);
	uint64_t eintrs = v->eintr_count;
	int answer;

	*memory(FAULT_LEAVES) = (uint8_t)leaves;
	if (!step_to_fault())
		return;
	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	CHECK(wait_for(FAULT_COUNT, (uint16_t)(faults + 1)), "no fault");
	wait_for_next_chain();
	*memory(FAULT_MAY_GO) = 1;
	answer = take_answer(client_receive(&client));
	CHECK(answer == 1 && head.steps == 1 && head.reason == STOPPED_DONE && last.rip == place(fault_behind), "%u steps, ended %u, rip %#llx: %s",
	      head.steps, head.reason, (unsigned long long)last.rip, words());
	CHECK(!(last.rflags & TRAP_FLAG), "TF is in RFLAGS %#llx", (unsigned long long)last.rflags);
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && wait_for(FAULT_DONE, (uint16_t)(done + 1)), "the guest does not go on");
	CHECK(!(word(FAULT_FLAGS) & TRAP_FLAG) && word(FAULT_DB_COUNT) == 0, "flags %#x behind it, %u #DBs", word(FAULT_FLAGS),
	      word(FAULT_DB_COUNT));
	CHECK(v->eintr_count == eintrs && v->io_errors == 0 && v->other_errors == 0, "the VMM saw %llu EINTRs, %llu answers lost",
	      (unsigned long long)(v->eintr_count - eintrs), (unsigned long long)v->io_errors);
}

/* Where it does not, it ends in it, and the guest takes the #DB of the TF in its frame at the IRET: the guest's own handler does. */
static void ends_in_handler(void)
{
	uint16_t done = word(FAULT_DONE);

	if (!step_to_fault())
		return;
	CHECK(ask_step() == 1 && head.steps == 1 && head.reason == STOPPED_DONE, "%u steps, ended %u: %s", head.steps, head.reason, words());
	CHECK(last.rip - place(fault_handler) < (uint64_t)(fault_debug_handler - fault_handler), "rip %#llx is not the handler's", (unsigned long long)last.rip);
	*memory(FAULT_MAY_GO) = 1;
	CHECK(client_vcpu(&client, MSG_RESUME, guest.pid, 0) == 1 && wait_for(FAULT_DONE, (uint16_t)(done + 1)), "the guest does not go on");
	printf("# ended in the handler: %u #DBs of the guest's own at its IRET\n", word(FAULT_DB_COUNT));
	put(FAULT_DB_COUNT, "\0", 2);
}

static uint64_t caught(void)
{
	struct status_facts facts;

	return proc_status(guest.pid, guest.page->vcpus[0].tid, &facts) == 0 ? facts.caught : 0;
}

/*
 * The helper is killed while the handler waits, and waits on: the chain ends by itself, and nothing of it is left. The helper has let
 * the thread go, and done nothing more.
 */
static void killed(const char *helper, const char *stepped)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = 1 };
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];
	uint16_t faults = word(FAULT_COUNT), done = word(FAULT_DONE);
	char name[KILL_POINT_NAME_BYTES] = "";
	uint64_t eintrs, handlers;

	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1 && client_end(&client) == 0, "%s", words());
	handlers = caught();
	*memory(FAULT_LEAVES) = 0;
	CHECK(client_start_with_kill_points(&client, stepped) == 0 && attach() == 1, "%s", words());
	if (!step_to_fault())
		return;
	eintrs = v->eintr_count;
	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	while (client_until_kill_point(&client, 1, name, NULL) == 2 && strcmp(name, "stepping: let go") != 0)
		if (write(client.go, "g", 1) != 1)
			break;
	CHECK(strcmp(name, "stepping: let go") == 0 && wait_for(FAULT_COUNT, (uint16_t)(faults + 1)), "no fault: %s", name);
	(void)client_kill(&client);
	CHECK(COMES(v->eintr_count != eintrs) && v->eintr_count == eintrs + 1 && word(FAULT_DONE) == done, "%llu EINTRs: the chain does not end while the handler waits",
	      (unsigned long long)(v->eintr_count - eintrs));
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the guest does not go on");
	CHECK(caught() == handlers && timer_number() < 0, "handlers %#llx, not %#llx; timer %ld", (unsigned long long)caught(),
	      (unsigned long long)handlers, timer_number());
	*memory(FAULT_MAY_GO) = 1;
	CHECK(wait_for(FAULT_DONE, (uint16_t)(done + 1)), "the guest does not come back from its fault");
	printf("# killed in the handler: %u #DBs of the guest's own at its IRET\n", word(FAULT_DB_COUNT));
	put(FAULT_DB_COUNT, "\0", 2);
	CHECK(client_start(&client, helper) == 0 && attach() == 1, "%s", words());
}

/* A breakpoint that is never hit, and nobody who waits for it. */
static void killed_while_armed(const char *helper)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = 1, .wait_ms = 2000, .dr0 = 0x4000, .dr7 = 0x401, .flags = STEP_NOT_THERE };
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];
	uint64_t eintrs = v->eintr_count, handlers = caught();

	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	CHECK(COMES(timer_number() != -1), "it is never armed");
	(void)client_kill(&client);
	CHECK(COMES(v->eintr_count != eintrs) && v->eintr_count == eintrs + 1, "%llu EINTRs: it stays armed", (unsigned long long)(v->eintr_count - eintrs));
	CHECK(guest_progresses(&guest, 0) && caught() == handlers && timer_number() < 0, "handlers %#llx, timer %ld",
	      (unsigned long long)caught(), timer_number());
	CHECK(client_start(&client, helper) == 0 && attach() == 1, "%s", words());
}

static int begin(const char *helper, const char *demo, const char *const *arguments)
{
	if (guest_start_demo(&guest, demo, arguments) == 0 && guest_progresses(&guest, 0) && client_start(&client, helper) == 0 &&
	    client_attach(&client, guest.pid, 0, 0, NULL) == 1) {
		lead_there();
		return 1;
	}
	CHECK(0, "the guest or the helper did not start: %s", words());
	guest_end(&guest);
	return 0;
}

static void end(void)
{
	CHECK(guest.page->vcpus[0].stack_errors == 0 && guest.page->vcpus[0].register_errors == 0, "%llu bytes of its stack, %llu registers changed",
	      (unsigned long long)guest.page->vcpus[0].stack_errors, (unsigned long long)guest.page->vcpus[0].register_errors);
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0) && guest_scratch_regions(&guest) == 0, "what is left of it");
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	guest_end(&guest);
}

/* The TF that is taken out there is a call that other steps do not make. */
static void finished_past_filter(const char *helper, const char *demo)
{
	static const char *const arguments[] = { "--program", "integer", "--seccomp", "no-regs-there", NULL };

	rule("what a filter forbids from where machine code lies is not made there, at the end of a fault's handler either");
	if (!can_read_filters("the end of a step into a fault under a seccomp filter") || !begin(helper, demo, arguments))
		return;
	if (ends_behind_handler()) {
		finished(0);
	} else {
		ends_in_handler();
		skip("the end of a step into a fault under a seccomp filter", "it ends in the handler here: this KVM's CPU is emulated");
	}
	end();
}

void step_fault(const char *helper, const char *stepped, const char *demo)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", NULL };

	rule("[RC11] a step into a fault whose handler waits: interrupts come back in time, whoever lives, and no TF is left where the helper does");
	if (!begin(helper, demo, arguments))
		return;
	if (ends_behind_handler()) {
		finished(0);
		finished(1);
	} else {
		ends_in_handler();
		skip("a step into a fault that ends behind its handler", "it ends in it here: this KVM's CPU is emulated");
	}
	killed(helper, stepped);
	killed_while_armed(helper);
	end();
	finished_past_filter(helper, demo);
}
