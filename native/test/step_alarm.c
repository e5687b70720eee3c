/*
 * The timer that ends each KVM_RUN of the chain, and the signal that it needs: a VMM that uses that signal keeps it, one that cannot have
 * a timer has none, and is stepped without; then interrupts are not kept away.
 */
#include <stdio.h>
#include <sys/resource.h>

#include "check.h"
#include "proc.h"
#include "step_driven.h"

static struct status_facts signals_of(pid_t tid)
{
	struct status_facts facts = { 0 };

	(void)proc_status(guest.pid, tid, &facts);
	return facts;
}

static void stepped(const char *urgent, int has_timers, uint32_t expected)
{
	const char *const arguments[] = { "--program", "integer", "--small-stack", urgent ? "--urgent" : NULL, urgent, NULL };
	const char *name = urgent ? urgent : has_timers ? "left alone" : "no timer to be had";
	const struct rlimit none = { 0, 0 };
	struct status_facts before, after;

	if (!start(arguments))
		return;
	before = signals_of(guest.page->vcpus[0].tid);
	if (!has_timers)
		CHECK(prlimit(guest.pid, RLIMIT_SIGPENDING, &none, NULL) == 0, "prlimit");
	for (int round = 0; round < 3; round++) {
		CHECK(step(100) == 1 && head.steps > 0 && head.reason == STOPPED_DONE, "%s: %u steps: %s", name, head.steps, words());
		CHECK(head.irqs_blocked == expected, "%s: interrupts blocked: %u", name, head.irqs_blocked);
	}
	after = signals_of(guest.page->vcpus[0].tid);
	CHECK(after.caught == before.caught && after.ignored == before.ignored && after.blocked == before.blocked && !after.pending,
	      "%s: caught %#llx, ignored %#llx, blocked %#llx, waiting %#llx", name, (unsigned long long)after.caught,
	      (unsigned long long)after.ignored, (unsigned long long)after.blocked, (unsigned long long)after.pending);
	CHECK(guest.page->vcpus[0].eintr_count == 0, "%s: the VMM saw %llu EINTRs", name, (unsigned long long)guest.page->vcpus[0].eintr_count);
	end();
}

void alarms(uint32_t irqs_blocked_here)
{
	rule("a VMM that uses the signal of the chain's timer, or can have no timer, is stepped without; one whose vCPUs block it with");
	stepped(NULL, 1, irqs_blocked_here);
	stepped("blocked-by-vcpus", 1, irqs_blocked_here);
	stepped("caught", 1, 0);
	stepped("ignored", 1, 0);
	stepped("blocked", 1, 0);
	stepped(NULL, 0, 0);
}
