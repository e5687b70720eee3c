/* Helpers killed at random moments while a guest that leaves all the time is armed, stepped and traced. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "check.h"
#include "proc.h"
#include "step_driven.h"

#define NEVER_HIT 0x800u
#define SPAN_US 60000u
#define LEAST_KILLS 500u /* with those at each moment (step_killed.c), unless another number is asked for */

unsigned int kills_of_leaving;

/* splitmix64: neighbouring numbers have nothing to do with each other. */
static unsigned int random_below(unsigned int n)
{
	static uint64_t state;
	uint64_t z = state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned int)((z ^ z >> 31) % n);
}

/* Some of what a request can be; at once or later, for the times between two of them are as short as the chain's own. */
static void send_drive(struct client *c)
{
	struct {
		struct run_request head;
		union {
			struct step_lookup lookup;
			struct step_code code;
		} more;
	} request = { .head = { .vcpu = { guest.pid, 0 }, .count = MOST_STEPS_AT_ONCE } };
	size_t bytes = sizeof(request.head);

	switch (random_below(5)) {
	case 0:
		break;
	case 4: /* code that is known */
		request.head.flags = STEP_KNOWN_CODE;
		memset(request.more.code.may_be_stepped, 0xff, sizeof(request.more.code.may_be_stepped));
		bytes += sizeof(request.more.code);
		break;
	case 1:
		request.head.flags = STEP_KEEP_STATE;
		break;
	case 2: /* a condition that never holds */
		request.head.flags = STEP_KEEP_STATE | STEP_KEEP_LAST;
		request.head.lookup_count = 1;
		bytes += sizeof(request.more.lookup);
		break;
	default:
		request.head.count = 1;
		request.head.wait_ms = 1000;
		request.head.dr0 = CODE + (random_below(2) ? NEVER_HIT : 5);
		request.head.dr7 = 0x401;
	}
	(void)client_send(c, MSG_RUN, &request, bytes);
}

static void storm(const char *helper, const char *program, const char *more, unsigned int kills)
{
	const char *const arguments[] = { "--program", program, "--small-stack", more, NULL };
	volatile struct demo_vcpu *v;
	unsigned int done = 0;

	begin_part();
	if (!start(arguments))
		return;
	v = &guest.page->vcpus[0];
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words());
	for (; done < kills && is_fine(); done++) {
		struct timespec t = { .tv_nsec = (long)random_below(SPAN_US) * 1000 };
		struct client victim;

		CHECK(client_start(&victim, helper) == 0 && client_attach(&victim, guest.pid, 0, 0, NULL) == 1, "%s, after %u kills: %s", program,
		      done, victim.refusal ? victim.refusal->detail : "no answer");
		if (random_below(2))
			(void)client_vcpu(&victim, MSG_FREEZE, guest.pid, 0);
		send_drive(&victim);
		(void)nanosleep(&t, NULL);
		(void)client_kill(&victim);
		CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "%s, after kill %u: it does not go on", program, done);
		CHECK(v->other_errors == 0 && v->io_errors == 0 && v->debug_register_errors == 0 && guest_arena_changes(&guest) == 0,
		      "%s, after kill %u: %llu errors, %llu answers lost, debug registers changed %llu times", program, done,
		      (unsigned long long)v->other_errors, (unsigned long long)v->io_errors, (unsigned long long)v->debug_register_errors);
	}
	if (strcmp(program, "integer") != 0)
		kills_of_leaving += done;
	printf("# %s: %u helpers killed while they drove it\n", program, done);
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 1, "%s", words());
	end();
}

/* The timers of its process: none is left of a chain that has ended. A kernel that does not say has none. */
static int has_timer(void)
{
	char *text = proc_text("/proc/%d/timers", guest.pid);
	int has = text && *text;

	free(text);
	return has;
}

/* A thread that blocks all signals but its kick, and a VMM that would answer a debug exit by stopping its guest. */
static void storm_over_qemu(const char *helper, unsigned int kills)
{
	unsigned int done = 0;
	char *before, *after = NULL;

	if (guest_start_qemu(&guest, 1) < 0) {
		skip("helpers killed while they drive a guest of QEMU", "qemu-system-x86_64 is absent or does not start");
		guest_end(&guest);
		return;
	}
	before = guest_portrait(&guest);
	for (; done < kills && is_fine(); done++) {
		struct timespec t = { .tv_nsec = (long)random_below(SPAN_US) * 1000 };
		struct client victim;

		CHECK(client_start(&victim, helper) == 0 && client_attach(&victim, guest.pid, 0, 0, NULL) == 1, "QEMU, after %u kills: %s", done,
		      victim.refusal ? victim.refusal->detail : "no answer");
		if (random_below(2))
			(void)client_vcpu(&victim, MSG_FREEZE, guest.pid, 0);
		send_drive(&victim);
		(void)nanosleep(&t, NULL);
		(void)client_kill(&victim);
		CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "QEMU, after kill %u: it does not go on", done);
	}
	printf("# QEMU: %u helpers killed while they drove it\n", done);
	CHECK(COMES(!has_timer()), "a timer is left");
	CHECK(client_start(&client, helper) == 0 && client_attach(&client, guest.pid, 0, 0, NULL) == 1 &&
	      client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1 && client_end(&client) == 0, "%s", words());
	CHECK(guest_progresses(&guest, 0) && portrait_returns(&guest, before, &after), "QEMU is not as it was:\n--- before\n%s--- after\n%s", before,
	      after);
	free(before);
	free(after);
	guest_end(&guest);
}

void drive_storm(const char *helper)
{
	const char *kills = getenv("STEP_KILLS");
	unsigned int count = kills ? (unsigned int)atoi(kills) : 90;

	rule("whoever dies while it drives a guest, at whatever moment: no exit is lost or given twice, and the guest runs on");
	storm(helper, "io", NULL, count);
	storm(helper, "mmio", NULL, count);
	storm(helper, "integer", "--signal", count / 4);
	storm_over_qemu(helper, count / 4);
	CHECK(kills_of_leaving >= LEAST_KILLS || kills, "%u kills over guests that leave all the time", kills_of_leaving);
	printf("# %u helpers killed over guests that leave all the time\n", kills_of_leaving);
}
