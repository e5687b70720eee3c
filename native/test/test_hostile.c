/*
 * [W13], [W15] A VMM that an enemy has taken over (hostile.h), and a helper that is asked for everything meanwhile:
 * test-hostile HELPER HOSTILE-VMM DEMO-VMM [ROUNDS] [SEED]
 *
 * Whatever the VMM does, the helper answers, and touches nobody else: another VMM beside it sees nothing. What a VMM does to
 * the calls that its own thread makes may end it; what does not touch them may not.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "client.h"
#include "guest.h"
#include "capture_msrs.h"
#include "hostile.h"
#include "loop_parts.h"
#include "proc.h"
#include "session.h"

#define LOOKS 300
#define MAX_ADDRESSES 8u
#define REQUESTS 10

static const char *helper, *hostile;
static struct guest guest;
static struct client client;
static unsigned int seed, does, answers, refusals, deadlines, deaths, stuck;
static uint64_t deeds_done;

static uint32_t rnd(uint32_t below)
{
	static uint32_t state;

	state = state * 1664525u + 1013904223u + seed;
	return (state >> 8) % below;
}

static const char *aims[2]; /* words of hostile.h */

static int start_vmm(void)
{
	char deeds[16], number[16];
	const char *arguments[] = { "--does", deeds, "--seed", number, aims[0] ? "--aim" : NULL, aims[0], aims[1] ? "--aim" : NULL, aims[1], NULL };

	(void)snprintf(deeds, sizeof(deeds), "%u", does);
	(void)snprintf(number, sizeof(number), "%u", seed++);
	if (guest_start_demo(&guest, hostile, arguments) == 0)
		return 1;
	CHECK(0, "the VMM does not start");
	guest_end(&guest);
	return 0;
}

/* Its guest goes on. One whose VMM has written over its own thread's context may not, which is not waited for. */
static int moves(int must)
{
	uint32_t before = *guest.counter;

	if (must)
		return guest_progresses(&guest, 0);
	for (int look = 0; look < LOOKS && guest_lives(&guest); look++) {
		if (*guest.counter != before)
			return 1;
		look_later();
	}
	return 0;
}

/* A helper ends by itself in one case: the vCPU has stood for as long as one may ([C62]). */
static int is_answered(int outcome, const char *what)
{
	int status = 0;

	if (outcome >= 0) {
		answers += outcome == 1;
		refusals += outcome == 0;
		return outcome;
	}
	status = client_kill(&client);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM, "%s: the helper ended with status %#x", what, (unsigned int)status);
	deadlines++;
	CHECK(client_start(&client, helper) == 0, "no helper");
	return -1;
}

static int ask(uint32_t code, const char *what)
{
	return is_answered(client_vcpu(&client, code, guest.pid, 0), what);
}

static void write_back(void)
{
	static uint8_t image[65536];
	struct kvm_regs regs;
	uint32_t bytes = 0;
	const void *found = capture_section(&client, SECTION_IMAGE, &bytes), *general = capture_section(&client, SECTION_REGS, NULL);

	if (!found || !general || bytes > sizeof(image))
		return;
	memcpy(image, found, bytes);
	memcpy(&regs, general, sizeof(regs));
	if (is_answered(client_set_image(&client, guest.pid, 0, image, bytes), "image") >= 0)
		(void)is_answered(client_set_regs(&client, guest.pid, 0, &regs), "general registers");
}

static void translate(void)
{
	struct {
		struct translate_request head;
		uint64_t linear[MAX_ADDRESSES];
	} request = { .head = { .vcpu = { guest.pid, 0 }, .count = MAX_ADDRESSES } };

	(void)is_answered(client_ask(&client, MSG_TRANSLATE, &request, sizeof(request)), "addresses");
}

/* As many as the client keeps, however large the records are: 33,680 bytes were seen. */
static void step(void)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = 100, .flags = STEP_KEEP_STATE };

	(void)is_answered(client_ask(&client, MSG_RUN, &request, sizeof(request)), "steps");
}

static void one_round(void)
{
	struct list_request list = { 0 };

	(void)is_answered(client_ask(&client, MSG_LIST_TARGETS, &list, sizeof(list)), "list");
	if (is_answered(client_attach(&client, guest.pid, 0, 0, NULL), "attach") != 1)
		return;
	/* In whatever order: what ends the VMM does so before the others are tried. */
	for (int i = 0; i < REQUESTS; i++) {
		switch (rnd(6)) {
		case 0: step(); break;
		case 1: translate(); break;
		case 2: (void)ask(MSG_RESUME, "resume"); break;
		case 3: (void)ask(MSG_FREEZE, "freeze"); break;
		default:
			if (ask(MSG_CAPTURE, "capture") == 1 && rnd(2))
				write_back();
		}
	}
	(void)ask(MSG_DETACH, "detach");
}

static void end_vmm(void)
{
	deeds_done += guest.page->vcpus[0].io_count;
	guest_end(&guest);
}

static int is_traced(pid_t pid)
{
	static struct numbers tids;
	int traced = 0;

	if (proc_numbers(&tids, "/proc/%d/task", pid) < 0)
		return 0;
	for (size_t i = 0; i < tids.count; i++) {
		struct status_facts facts = { 0 };

		traced += proc_status(pid, tids.all[i], &facts) == 0 && facts.tracer != 0;
	}
	return traced;
}

static void play(const char *name, unsigned int deeds, int rounds)
{
	int harmless = (deeds & ~(unsigned int)DOES_NO_HARM_TO_ITSELF) == 0;

	rule(name);
	does = deeds;
	answers = refusals = deadlines = deaths = stuck = 0;
	deeds_done = 0;
	if (!start_vmm() || client_start(&client, helper) < 0)
		return;
	for (int i = 0; i < rounds && is_fine(); i++) {
		int goes_on;

		one_round();
		goes_on = moves(harmless);
		CHECK(goes_on || !harmless, "round %d: the VMM has %s", i, guest_lives(&guest) ? "a vCPU that stands still" : "ended");
		deaths += !guest_lives(&guest);
		stuck += (unsigned int)(!goes_on && guest_lives(&guest));
		if (harmless || i + 1 == rounds)
			continue;
		/* Another writes elsewhere. */
		end_vmm();
		if (!start_vmm())
			break;
	}
	CHECK(answers > 0, "nothing was ever answered");
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	CHECK(COMES(is_traced(guest.pid) == 0), "it is traced still");
	if (harmless)
		CHECK(COMES(guest_scratch_regions(&guest) == 0), "scratch is left");
	printf("# %s: %d rounds, %u requests done, %u refused, %u at the deadline; the VMM ended %u times, stood still %u times\n",
	       name, rounds, answers, refusals, deadlines, deaths, stuck);
	(void)fflush(stdout);
	end_vmm();
	CHECK(deeds_done > 0, "it did nothing");
}

#define MOST_ASKED 3000

static uint32_t in_section(uint32_t kind, uint32_t each)
{
	uint32_t bytes = 0;

	return capture_section(&client, kind, &bytes) ? bytes / each : 0;
}

static int has_most_cpuid(void)
{
	return ask(MSG_CAPTURE, "capture") == 1 && in_section(SECTION_CPUID, sizeof(struct cpuid_entry)) == 256;
}

static int has_most_xcrs(void)
{
	return ask(MSG_CAPTURE, "capture") == 1 && in_section(SECTION_XCRS, sizeof(struct xcr_value)) == KVM_MAX_XCRS;
}

/* One that could be read is not known all of a sudden: the count of the call for all of them led beyond it. */
static int has_lost_msrs(void)
{
	const struct msr_value *values = ask(MSG_CAPTURE, "capture") == 1 ? capture_section(&client, SECTION_MSRS, NULL) : NULL;
	int lost = 0;

	for (int i = 0; values && i < LISTED_MSRS; i++)
		lost += values[i].errno_value == EIO;
	return lost > 0;
}

static int has_written_xcr0(void)
{
	const struct set_xcr0_request request = { .vcpu = { guest.pid, 0 }, .value = 1 };
	struct write_reply reply;

	if (is_answered(client_ask(&client, MSG_SET_XCR0, &request, sizeof(request)), "XCR0") != 1)
		return 0;
	memcpy(&reply, client.payload, sizeof(reply));
	return reply.value != request.value;
}

/* As many steps as one chain has records for. */
static uint32_t most_steps(void)
{
	uint32_t bytes = 0;

	if (ask(MSG_CAPTURE, "capture") != 1 || !capture_section(&client, SECTION_IMAGE, &bytes))
		return 0;
	return LOOP_RECORDS_BYTES / (RECORD_IMAGE + bytes);
}

static int has_refused_steps(void)
{
	struct run_request request = { .vcpu = { guest.pid, 0 }, .count = most_steps(), .flags = STEP_KEEP_STATE };

	return request.count && is_answered(client_ask(&client, MSG_RUN, &request, sizeof(request)), "steps") == 0 &&
	       client.refusal->reason == REASON_CHAIN_CHANGED;
}

/*
 * Each count that the helper reads where the VMM can write, aimed at until the helper has met it: it stays within its own memory, which
 * its sanitizer watches.
 */
static void aimed_at(const char *what, const char *one, const char *other, int (*is_met)(void))
{
	int met = 0, asked = 0;

	begin_part();
	aims[0] = one;
	aims[1] = other;
	does = DOES_AIM;
	if (!start_vmm() || client_start(&client, helper) < 0)
		return;
	for (; asked < MOST_ASKED && !met && is_fine(); asked++) {
		if (!guest_lives(&guest)) {
			end_vmm();
			if (!start_vmm())
				return;
		}
		if (asked % 20 == 0 || client.refusal)
			(void)client_attach(&client, guest.pid, 0, 0, NULL);
		met = is_met();
	}
	printf("# %s: met at request %d\n", what, asked);
	CHECK(met, "%s: what was aimed at was never met", what);
	CHECK(client_end(&client) == 0, "%s: the helper did not end with 0", what);
	end_vmm();
	aims[0] = aims[1] = NULL;
}

static const char *word_at(uint64_t offset, uint32_t bytes, uint64_t value)
{
	static char texts[2][64];
	static int turn;

	turn ^= 1;
	(void)snprintf(texts[turn], sizeof(texts[turn]), "%llx:%u:%llx", (unsigned long long)offset, bytes, (unsigned long long)value);
	return texts[turn];
}

#define STEPS_DATA(field) (SCRATCH_LOOP + AT_DATA + offsetof(struct data, field)), sizeof(((struct data *)0)->field)

static void counts(void)
{
	uint32_t most;

	rule("[W13] counts in scratch memory are the VMM's word: the helper stays within its own");
	aimed_at("CPUID entries", word_at(SCRATCH_CPUID, 4, 0xffffffff), NULL, has_most_cpuid);
	aimed_at("XCRs", word_at(SCRATCH_XCRS, 4, 0xffffffff), NULL, has_most_xcrs);
	aimed_at("XCRs after a write", word_at(SCRATCH_XCRS, 4, 0xffffffff), word_at(SCRATCH_XCRS + 16, 8, 0x77), has_written_xcr0);
	aimed_at("MSRs in one call", word_at(MSRS_IN_ONE_CALL, 4, 0x10000000), NULL, has_lost_msrs);
	aimed_at("steps", word_at(STEPS_DATA(steps.made), 0x100000), NULL, has_refused_steps);
	aims[0] = aims[1] = NULL;
	does = 0;
	if (!start_vmm() || client_start(&client, helper) < 0)
		return;
	(void)client_attach(&client, guest.pid, 0, 0, NULL);
	most = most_steps();
	CHECK(client_end(&client) == 0 && most > 0, "no capture: %u steps", most);
	end_vmm();
	aimed_at("all steps and an exit", word_at(STEPS_DATA(steps.made), most), word_at(STEPS_DATA(ended), LOOP_EXIT), has_refused_steps);
}

int main(int count, char **arguments)
{
	static const char *const innocent[] = { "--program", "integer", "--small-stack", NULL };
	int rounds = count > 4 ? atoi(arguments[4]) : 4;
	struct guest other;

	if (count < 4 || rounds < 1) {
		fprintf(stderr, "usage: test-hostile HELPER HOSTILE-VMM DEMO-VMM [ROUNDS] [SEED]\n");
		return 64;
	}
	helper = arguments[1];
	hostile = arguments[2];
	seed = count > 5 ? (unsigned int)atoi(arguments[5]) : 1;
	if (!kvm_is_there()) {
		skip("hostile VMMs", "/dev/kvm is absent");
		return summary();
	}
	printf("# seed %u\n", seed);
	if (guest_start_demo(&other, arguments[3], innocent) < 0 || !guest_progresses(&other, 0)) {
		CHECK(0, "the other VMM does not start");
		goto out;
	}
	counts();
	play("threads, processes and their numbers come and go", DOES_CHURN, rounds);
	play("signals all the time", DOES_SIGNAL, rounds);
	play("descriptors that are none, and change", DOES_DESCRIPTORS, rounds);
	play("all that at once", DOES_NO_HARM_TO_ITSELF, rounds);
	play("scratch memory is written to", DOES_SCRIBBLE, rounds);
	play("scratch memory is taken away", DOES_UNMAP, rounds);
	play("everything at once", DOES_ALL, rounds);
	rule("another VMM beside it sees nothing of all that");
	CHECK(guest_progresses(&other, 0) && other.page->vcpus[0].eintr_count == 0 && guest_arena_changes(&other) == 0 &&
		      is_traced(other.pid) == 0 && guest_scratch_regions(&other) == 0,
	      "it was touched");
out:
	guest_end(&other);
	return summary();
}
