/* A run that nobody limits: whatever else comes on the pipe, or its end, stops it first. */
#include "step_driven.h"

#include "check.h"

static struct run_request never_hit(void)
{
	return (struct run_request){ .vcpu = { guest.pid, 0 }, .count = 1, .dr0 = CODE + 0x800, .dr7 = 0x401, .flags = STEP_NOT_THERE };
}

static void freeze_is_answered_behind(void)
{
	struct vcpu_ref vcpu = { guest.pid, 0 };
	const struct stopped_event *stopped = (const void *)client.payload;

	(void)client_send(&client, MSG_FREEZE, &vcpu, sizeof(vcpu));
	CHECK(client_receive(&client) == 1 && client.header.code == EVENT_STOPPED && stopped->reason == STOPPED_ASKED, "code %#x, reason %u: %s",
	      client.header.code, stopped->reason, words());
	CHECK(stopped->vcpu.pid == guest.pid && stopped->vcpu.vcpu_index == 0 && stopped->rip >= CODE && stopped->rip < CODE + 0x100,
	      "process %d, rip %#llx", stopped->vcpu.pid, (unsigned long long)stopped->rip);
}

void asked_to_stop(void)
{
	static const char *const arguments[] = { "--program", "integer", "--small-stack", NULL };
	const struct stopped_event *stopped;
	struct run_request request;
	uint32_t counted;

	rule("[W17] a run without a limit goes on until something else is asked, which is answered behind its end");
	if (!start(arguments))
		return;
	stopped = (const void *)client.payload;
	request = never_hit();
	counted = *guest.counter;
	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	CHECK(COMES(*guest.counter - counted > 100), "the guest does not run on to its breakpoint");
	freeze_is_answered_behind();
	CHECK(stopped->steps == 0 && stopped->dr6 == 0, "%u steps, DR6 %#llx", stopped->steps, (unsigned long long)stopped->dr6);
	CHECK(client_receive(&client) == 1 && client.header.code == MSG_FREEZE, "code %#x: %s", client.header.code, words());
	counted = *guest.counter;
	request = (struct run_request){ .vcpu = { guest.pid, 0 }, .count = MOST_STEPS_AT_ONCE, .flags = STEP_KEEP_LAST };
	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	freeze_is_answered_behind();
	CHECK(stopped->steps < MOST_STEPS_AT_ONCE && *guest.counter - counted <= stopped->steps, "%u steps, %u counted", stopped->steps,
	      *guest.counter - counted);
	CHECK(client_receive(&client) == 1 && client.header.code == MSG_FREEZE, "code %#x: %s", client.header.code, words());
	request = never_hit();
	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0) && guest_scratch_regions(&guest) == 0, "the guest does not go on, or scratch is left");
	CHECK(guest.page->vcpus[0].other_errors == 0 && guest.page->vcpus[0].eintr_count == 0, "the VMM saw %llu EINTRs",
	      (unsigned long long)guest.page->vcpus[0].eintr_count);
	guest_end(&guest);
}
