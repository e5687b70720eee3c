/* How many calls a capture makes in the vCPU's thread: each ends at a kill point. */
#include "asked_once.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "kill_points.h"
#include "kill_scenes.h"

static unsigned int calls_ended;

static void count_call(const char *name)
{
	if (strncmp(name, "chain: ", 7) == 0 && strstr(name, " ended"))
		calls_ended++;
}

/* A frozen vCPU's calls are made one by one. -1: it was not captured. */
static int calls_of_a_capture(struct client *c)
{
	struct vcpu_ref vcpu = { guest.pid, 0 };
	char name[KILL_POINT_NAME_BYTES];

	calls_ended = 0;
	if (client_send(c, MSG_CAPTURE, &vcpu, sizeof(vcpu)) < 0 || client_until_kill_point(c, 0, name, count_call) != 1)
		return -1;
	return (int)calls_ended;
}

/* KVM_GET_XSAVE2, KVM_GET_CPUID2, KVM_GET_XCRS, KVM_GET_REGS, KVM_GET_SREGS, and one KVM_GET_MSRS. */
#define CALLS_AFTER_THE_FIRST 6

void asked_once(const char *stepped)
{
	struct attach_request attach = { .vcpu = { guest.pid, 0 } };
	struct vcpu_ref vcpu = { guest.pid, 0 };
	char name[KILL_POINT_NAME_BYTES];
	int first = -1, second = -1, third = -1;
	struct client c;

	rule("what cannot change is asked once: a capture after the first makes one call for each kind of state");
	CHECK(client_start_with_kill_points(&c, stepped) == 0 && client_send(&c, MSG_ATTACH, &attach, sizeof(attach)) == 0 &&
	      client_until_kill_point(&c, 0, name, NULL) == 1 && client_send(&c, MSG_FREEZE, &vcpu, sizeof(vcpu)) == 0 &&
	      client_until_kill_point(&c, 0, name, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	first = calls_of_a_capture(&c);
	second = calls_of_a_capture(&c);
	third = calls_of_a_capture(&c);
	printf("# calls of a capture: %d, then %d, then %d\n", first, second, third);
	CHECK(first > second && second == CALLS_AFTER_THE_FIRST && third == second, "%d, %d and %d calls", first, second, third);
	(void)client_end(&c);
}
