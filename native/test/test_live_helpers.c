/* Several helpers at once on one VMM: on different vCPUs they do not notice each other, on the same one the second is refused. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "live.h"
#include "same_image.h"

#define XMM3_OFFSET 208u
#define BV_OFFSET 512u
#define PAIRS 2

static struct client helpers[PAIRS], third;

static const char *words(const struct client *c)
{
	return c->refusal ? c->refusal->detail : "no answer";
}

/* One request to both before either is answered, so that they work at the same time. */
static int ask_both(struct guest *g, uint32_t code)
{
	int done = 1;

	for (uint32_t i = 0; i < PAIRS; i++) {
		struct vcpu_ref ref = { g->pid, i };

		done &= client_send(&helpers[i], code, &ref, sizeof(ref)) == 0;
	}
	for (uint32_t i = 0; i < PAIRS; i++) {
		int answer = client_receive(&helpers[i]);

		CHECK(answer == 1, "message %#x to vCPU %u: %s", code, i, words(&helpers[i]));
		done &= answer == 1;
	}
	return done;
}

static uint32_t image_of(struct client *c, struct guest *g, uint32_t vcpu, uint8_t *into)
{
	const void *found;
	uint32_t bytes = 0;

	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, vcpu) == 1, "capture of vCPU %u: %s", vcpu, words(c));
	found = c->refusal ? NULL : capture_section(c, SECTION_IMAGE, &bytes);
	if (found)
		memcpy(into, found, bytes);
	return bytes;
}

/* Each vCPU gets an XMM3 of its own, keeps it while the other is written, and gets its first image back. */
static void write_both(struct guest *g)
{
	static uint8_t old[PAIRS][32768], new[32768];
	uint32_t bytes[PAIRS];

	for (uint32_t i = 0; i < PAIRS; i++) {
		uint64_t bv;

		bytes[i] = image_of(&helpers[i], g, i, old[i]);
		memcpy(new, old[i], bytes[i]);
		memset(new + XMM3_OFFSET, 0x31 + (int)i, 16);
		memcpy(&bv, new + BV_OFFSET, 8);
		bv |= 2;
		memcpy(new + BV_OFFSET, &bv, 8);
		CHECK(client_set_image(&helpers[i], g->pid, i, new, bytes[i]) == 1, "write to vCPU %u: %s", i, words(&helpers[i]));
	}
	for (uint32_t i = 0; i < PAIRS; i++) {
		(void)image_of(&helpers[i], g, i, new);
		CHECK(new[XMM3_OFFSET] == 0x31 + i && new[XMM3_OFFSET + 15] == 0x31 + i, "vCPU %u holds %#x", i, new[XMM3_OFFSET]);
	}
	for (uint32_t i = 0; i < PAIRS; i++) {
		CHECK(client_set_image(&helpers[i], g->pid, i, old[i], bytes[i]) == 1, "restore of vCPU %u: %s", i, words(&helpers[i]));
		(void)image_of(&helpers[i], g, i, new);
		CHECK(same_image(new, old[i], bytes[i]), "vCPU %u was not restored", i);
	}
}

/* The vCPU that a helper holds is refused to another by name, and nothing happens to the one that holds it. */
static void second_is_refused(struct guest *g, uint32_t vcpu)
{
	CHECK(client_attach(&third, g->pid, vcpu, 0, NULL) == 0 && third.refusal->reason == REASON_OTHER_HELPER &&
	      third.refusal->other_pid == helpers[vcpu].pid, "vCPU %u, a second helper: %s", vcpu, words(&third));
	CHECK(client_vcpu(&helpers[vcpu], MSG_CAPTURE, g->pid, vcpu) == 1, "%s", words(&helpers[vcpu]));
}

/* Whoever comes afterwards gets it. */
static void detach_one(struct guest *g, uint32_t vcpu)
{
	CHECK(client_vcpu(&helpers[vcpu], MSG_DETACH, g->pid, vcpu) == 1, "detach of vCPU %u: %s", vcpu, words(&helpers[vcpu]));
	CHECK(guest_progresses(g, (int)vcpu), "vCPU %u does not go on", vcpu);
	CHECK(client_attach(&third, g->pid, vcpu, 0, NULL) == 1, "vCPU %u, afterwards: %s", vcpu, words(&third));
	CHECK(client_vcpu(&third, MSG_DETACH, g->pid, vcpu) == 1, "vCPU %u, afterwards: %s", vcpu, words(&third));
}

/* frozen: a bit for each vCPU. first: which one is attached first. */
static void one_pair(struct guest *g, uint32_t frozen, uint32_t first, uint32_t first_out)
{
	char *before = guest_portrait(g), *after = NULL;

	for (uint32_t n = 0; n < PAIRS; n++) {
		uint32_t i = n ^ first;

		CHECK(client_attach(&helpers[i], g->pid, i, 0, NULL) == 1, "vCPU %u, frozen %u: %s", i, frozen, words(&helpers[i]));
		if (frozen >> i & 1)
			CHECK(client_vcpu(&helpers[i], MSG_FREEZE, g->pid, i) == 1, "freeze of vCPU %u: %s", i, words(&helpers[i]));
	}
	for (int i = 0; i < 50 && ask_both(g, MSG_CAPTURE); i++)
		;
	for (uint32_t i = 0; i < PAIRS; i++)
		CHECK((frozen >> i & 1) || guest_progresses(g, (int)i), "vCPU %u stands still", i);
	write_both(g);
	for (uint32_t i = 0; i < PAIRS; i++)
		second_is_refused(g, i);
	detach_one(g, first_out);
	CHECK(client_vcpu(&helpers[!first_out], MSG_CAPTURE, g->pid, !first_out) == 1, "%s", words(&helpers[!first_out]));
	detach_one(g, !first_out);
	CHECK(portrait_returns(g, before, &after), "the target is not as it was:\n--- before\n%s--- after\n%s", before, after);
	free(before);
	free(after);
}

/* One captures all the time while the other comes and goes, and looks for its thread among all of them. */
static void come_and_go(struct guest *g, int rounds)
{
	CHECK(client_attach(&helpers[0], g->pid, 0, 0, NULL) == 1, "%s", words(&helpers[0]));
	for (int i = 0; i < rounds; i++) {
		struct attach_request attach = { .vcpu = { g->pid, 1 } };
		struct vcpu_ref ref = { g->pid, 0 };

		CHECK(client_send(&helpers[1], MSG_ATTACH, &attach, sizeof(attach)) == 0, "send");
		for (int n = 0; n < 8; n++) {
			CHECK(client_ask(&helpers[0], MSG_CAPTURE, &ref, sizeof(ref)) == 1, "%s", words(&helpers[0]));
			(void)usleep((unsigned int)(i * 37 % 200));
		}
		CHECK(client_receive(&helpers[1]) == 1, "round %d: %s", i, words(&helpers[1]));
		CHECK(client_vcpu(&helpers[1], MSG_DETACH, g->pid, 1) == 1, "%s", words(&helpers[1]));
	}
	detach_one(g, 0);
}

/* Both want the same vCPU at the same moment: one gets it, the other is told who has. */
static void same_at_once(struct guest *g, int rounds)
{
	unsigned int won[PAIRS] = { 0 };

	for (int round = 0; round < rounds; round++) {
		struct attach_request attach = { .vcpu = { g->pid, 0 } };
		int answers[PAIRS], winner;

		for (int i = 0; i < PAIRS; i++)
			CHECK(client_send(&helpers[(i + round) % PAIRS], MSG_ATTACH, &attach, sizeof(attach)) == 0, "send");
		for (int i = 0; i < PAIRS; i++)
			answers[i] = client_receive(&helpers[i]);
		winner = answers[0] == 1 ? 0 : 1;
		/* The winner may still hold the thread when the other gives up waiting for it. */
		CHECK(answers[winner] == 1 && answers[!winner] == 0 &&
		      (helpers[!winner].refusal->reason == REASON_OTHER_HELPER || helpers[!winner].refusal->reason == REASON_ALREADY_TRACED),
		      "round %d: %d %s, %d %s", round, answers[0], words(&helpers[0]), answers[1], words(&helpers[1]));
		if (answers[winner] != 1)
			break;
		won[winner]++;
		CHECK(client_vcpu(&helpers[winner], MSG_CAPTURE, g->pid, 0) == 1, "%s", words(&helpers[winner]));
		for (int i = 0; i < PAIRS; i++)
			if (answers[i] == 1)
				CHECK(client_vcpu(&helpers[i], MSG_DETACH, g->pid, 0) == 1, "%s", words(&helpers[i]));
	}
	printf("# the same vCPU at once: %u times the one, %u times the other\n", won[0], won[1]);
}

/* Ours until it is killed: stops the thread for a moment, again and again, as a helper does that looks for another vCPU's. */
static pid_t start_passing_tracer(pid_t tid)
{
	pid_t pid = fork();

	while (pid == 0) {
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0) {
			(void)waitpid(tid, NULL, __WALL);
			(void)usleep(300);
			(void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
		}
		(void)usleep(300);
	}
	return pid;
}

void live_passing_tracer(struct guest *g)
{
	struct attach_reply reply = { 0 };
	pid_t tracer;

	CHECK(client_start(&third, helper_program) == 0, "no helper");
	CHECK(client_attach(&third, g->pid, 0, 0, &reply) == 1, "%s", words(&third));
	tracer = start_passing_tracer(reply.tid);
	for (int i = 0; i < 200; i++)
		CHECK(client_vcpu(&third, MSG_CAPTURE, g->pid, 0) == 1, "capture %d: %s", i, words(&third));
	(void)signal_process(tracer, SIGKILL);
	(void)waitpid(tracer, NULL, 0);
	CHECK(client_end(&third) == 0, "the helper did not end with 0");
	CHECK(guest_lives(g) && guest_progresses(g, 0), "the guest does not go on");
}

void live_helpers(struct guest *g, const char *name)
{
	char *before = guest_portrait(g), *after = NULL;

	for (int i = 0; i < PAIRS; i++)
		CHECK(client_start(&helpers[i], helper_program) == 0, "no helper");
	CHECK(client_start(&third, helper_program) == 0, "no helper");
	for (uint32_t frozen = 0; frozen < 4; frozen++)
		for (uint32_t order = 0; order < 4; order++)
			one_pair(g, frozen, order & 1, order >> 1);
	come_and_go(g, 40);
	same_at_once(g, 40);
	for (int i = 0; i < PAIRS; i++)
		CHECK(client_end(&helpers[i]) == 0, "the helper did not end with 0");
	CHECK(client_end(&third) == 0, "the helper did not end with 0");
	CHECK(guest_lives(g) && guest_progresses(g, 0) && guest_progresses(g, 1), "%s does not go on", name);
	CHECK(portrait_returns(g, before, &after), "the target is not as it was:\n--- before\n%s--- after\n%s", before, after);
	free(before);
	free(after);
}

void live_demo_helpers(void)
{
	static const char *const arguments[] = { "--program", "integer", "--vcpus", "2", NULL };
	struct guest g;

	rule("demo VMM: several helpers on two vCPUs");
	if (guest_start_demo(&g, demo_program, arguments) < 0) {
		CHECK(0, "the demo VMM did not start");
	} else {
		live_helpers(&g, "the demo VMM");
		for (int i = 0; i < 2; i++)
			CHECK(g.page->vcpus[i].eintr_count == 0 && g.page->vcpus[i].run_count == 1, "vCPU %d: the VMM noticed", i);
	}
	guest_end(&g);
}
