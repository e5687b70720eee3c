/* Helpers killed at each moment of a request for steps. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "kill_points.h"
#include "step_driven.h"

#define KILLED_STEPS 4u
#define MOST_KILLS 300u

/* 2: killed at the count-th of its steps; 1: it had no more. */
static int kill_at(const char *helper, unsigned int count, int armed, char *name)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = armed ? 1 : KILLED_STEPS, .wait_ms = armed ? 20 : 0 };
	struct attach_request attach = { .vcpu = { guest.pid, 0 } };
	struct client victim;
	int outcome;

	if (armed) {
		request.dr0 = CODE + 0x800; /* never hit: it is armed for as long as it may be */
		request.dr7 = 0x401;
	}
	if (client_start_with_kill_points(&victim, helper) < 0)
		return -1;
	(void)client_send(&victim, MSG_ATTACH, &attach, sizeof(attach));
	outcome = client_until_kill_point(&victim, 0, name, NULL);
	CHECK(outcome == 1, "attach: %s", victim.refusal ? victim.refusal->detail : "no answer");
	(void)client_send(&victim, MSG_RUN, &request, sizeof(request));
	outcome = client_until_kill_point(&victim, count, name, NULL);
	CHECK(outcome > 0, "step: %s", victim.refusal ? victim.refusal->detail : "no answer");
	(void)(outcome == 2 ? client_kill(&victim) : client_end(&victim));
	return outcome;
}

/* Were guest debug still armed, or an exit lost, the VMM would end, or miss an answer: it does not know the one and counts the other. */
void killed(const char *helper, const char *program, int armed)
{
	const char *const arguments[] = { "--program", program, "--small-stack", NULL };
	char name[KILL_POINT_NAME_BYTES] = "";
	volatile struct demo_vcpu *v;
	unsigned int kills = 0;
	uint64_t eintrs;

	rule("a helper killed at any moment of stepping leaves a guest that runs on, undebugged");
	if (!start(arguments))
		return;
	v = &guest.page->vcpus[0];
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	while (kills < MOST_KILLS && is_fine()) {
		eintrs = v->eintr_count;
		if (kill_at(helper, kills + 1, armed, name) != 2)
			break;
		kills++;
		CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "%s, killed at \"%s\": it does not go on", program, name);
		/* The chain of the kill before may still have been held, or, armed, in KVM_RUN: it has ended now. */
		CHECK(v->eintr_count <= eintrs + 2 && v->other_errors == 0 && v->io_errors == 0 && guest_arena_changes(&guest) == 0,
		      "%s, killed at \"%s\": %llu EINTRs, %llu errors, %llu answers lost", program, name,
		      (unsigned long long)(v->eintr_count - eintrs), (unsigned long long)v->other_errors, (unsigned long long)v->io_errors);
	}
	CHECK(kills > 30 && kills <= MOST_KILLS, "%u kills", kills);
	if (strcmp(program, "integer") != 0)
		kills_of_leaving += kills;
	printf("# %s: killed at each of %u moments of %u steps; the VMM saw %llu EINTRs\n", program, kills, KILLED_STEPS,
	       (unsigned long long)v->eintr_count);
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 1, "%s", words());
	end();
}
