/*
 * [W12], [W15] A helper killed at every kill point of its work: test-kill-points HELPER DEMO-VMM [--arming]
 *
 * The helper waits at each KILL_POINT (kill_point.h). Each request is made once for each one that it passes, by a new
 * helper that is killed there. Then the thread must run on as if nothing had been: same threads, signal masks and descriptors, no
 * mapping but the helper's own scratch region left, EINTR only where it was interrupted and not yet set up to go on. Another
 * helper finds the vCPU's state to be wholly that before or wholly that after the call, and puts the first one back, bit for
 * bit. --arming: IA32_XFD is armed over tiles in use, which takes a CPU and a KVM with AMX.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asked_once.h"
#include "check.h"
#include "kill_scenes.h"
#include "kill_points.h"

#define MOST_KILL_POINTS 400u

static const char *helper, *demo;
static struct client looker; /* one helper for all the looking: it attaches and detaches each time */
static struct state given_up, new;
static char *portrait;
static unsigned int all_kills;

static const char *words(const struct client *c)
{
	return c->refusal ? c->refusal->detail : "no answer";
}

/* Between these kill points the thread has left KVM_RUN with EINTR, or will, and nothing yet makes up for it. */
static int interrupted;

static void passed(const char *name)
{
	if (strcmp(name, "interrupt sent") == 0 || strcmp(name, "at the entry of a system call") == 0)
		interrupted = 1;
	if (strcmp(name, "switched to the chain") == 0 || strcmp(name, "set up to go on") == 0)
		interrupted = 0;
}

/* 2: it was killed at the count-th kill point, whose name is in `name`; else its answer, after which it was ended in peace. */
static int run_to_kill_point(const struct scene *scene, unsigned int count, char *name)
{
	struct client c;
	int outcome = 1;

	if (client_start_with_kill_points(&c, helper) < 0)
		return -1;
	interrupted = 0;
	for (size_t i = 0; i < 2 && scene->prepare[i] && outcome == 1; i++) {
		scene->prepare[i](&c);
		outcome = client_until_kill_point(&c, 0, name, passed);
	}
	/* Back in KVM_RUN: a stop outside it would be tried again, and pass other kill points than the last time. */
	CHECK(scene->leaves_frozen || guest_progresses(&guest, 0), "the guest stands still");
	if (outcome == 1) {
		scene->send(&c);
		outcome = client_until_kill_point(&c, count, name, passed);
	} else {
		CHECK(0, "%s: what comes before is refused: %s", scene->name, words(&c));
		outcome = -1;
	}
	if (outcome == 2) {
		passed(name);
		(void)client_kill(&c);
	} else {
		CHECK(outcome == scene->answer, "%s: %s", scene->name, words(&c));
		CHECK(client_end(&c) == 0, "the helper did not end with 0");
	}
	return outcome;
}

/* The portrait without scratch regions. */
static char *without_scratch(char *text, unsigned int *regions)
{
	char *to = text;

	for (char *line = text; *line;) {
		size_t bytes = strcspn(line, "\n");
		unsigned long start = 0, end = 0;
		int is_map = sscanf(line, "map %lx-%lx", &start, &end) == 2, ours = is_map && is_scratch_region(start, end);

		bytes += line[bytes] == '\n';
		*regions += (unsigned int)ours;
		if (!ours && !(is_map && is_scratch_code(start, end))) {
			memmove(to, line, bytes);
			to += bytes;
		}
		line += bytes;
	}
	*to = '\0';
	return text;
}

static int portrait_is_back(unsigned int *regions)
{
	char *text;
	int same;

	*regions = 0;
	text = without_scratch(guest_portrait(&guest), regions);
	same = strcmp(text, portrait) == 0;
	free(text);
	return same;
}

/* A chain may still be running, with all signals blocked, when the helper has died: it ends within a moment. */
static unsigned int check_portrait(const char *scene, const char *name)
{
	unsigned int regions = 0;

	CHECK(COMES(portrait_is_back(&regions)), "%s, killed at \"%s\": threads, masks, descriptors or mappings are not as they were", scene, name);
	CHECK(regions <= 1, "%s, killed at \"%s\": %u scratch regions are left", scene, name, regions);
	return regions;
}

struct tally {
	unsigned int kills, old_seen, given_up_seen, new_seen, eintrs, left;
};

/* The state as it is found, told from the other two, and the first one put back. */
static void look(const char *scene, const char *name, struct tally *t)
{
	static struct state now;
	int is_old, is_new, is_given_up;

	CHECK(client_attach(&looker, guest.pid, 0, attach_flags, NULL) == 1, "%s, killed at \"%s\": %s", scene, name, words(&looker));
	CHECK(read_state(&looker, &now) == 0, "%s, killed at \"%s\": %s", scene, name, words(&looker));
	is_old = same_state(&now, &old);
	is_new = !is_old && same_state(&now, &new);
	is_given_up = !is_old && !is_new && same_state(&now, &given_up);
	CHECK(is_old || is_new || is_given_up, "%s, killed at \"%s\": the state is neither the one nor the other", scene, name);
	/* What was written stays written: nothing later takes it back but a refusal's own roll back. */
	CHECK(!is_old || !t->new_seen, "%s, killed at \"%s\": the old state after the new one was seen", scene, name);
	CHECK(restore_state(&looker, &now) == 0, "%s, killed at \"%s\": %s", scene, name, words(&looker));
	CHECK(read_state(&looker, &now) == 0 && same_state(&now, &old), "%s, killed at \"%s\": not restored", scene, name);
	CHECK(client_vcpu(&looker, MSG_DETACH, guest.pid, 0) == 1, "%s", words(&looker));
	t->old_seen += (unsigned int)is_old;
	t->new_seen += (unsigned int)is_new;
	t->given_up_seen += (unsigned int)is_given_up;
}

static void check_eintr(const char *scene, const char *name, uint64_t before, struct tally *t)
{
	uint64_t seen = guest.page->vcpus[0].eintr_count - before;

	CHECK(seen <= (uint64_t)interrupted, "%s, killed at \"%s\": the VMM saw %llu EINTRs", scene, name, (unsigned long long)seen);
	CHECK(guest.page->vcpus[0].other_errors == 0, "%s, killed at \"%s\": KVM_RUN failed", scene, name);
	CHECK(guest_arena_changes(&guest) == 0, "%s, killed at \"%s\": %u bytes of the VMM's memory are changed", scene, name,
	      guest_arena_changes(&guest));
	t->eintrs += (unsigned int)seen;
}

static int start_guest(void);
static int begin(void);

/*
 * A call that a suspended filter forbids is at its entry: the one moment at which the VMM ends with its helper, for the kernel
 * has the filter there again. Said where the option is offered; here it is seen to be so, and nowhere else.
 */
static int is_risk(const char *name)
{
	return strstr(name, "which only we keep from the filter") != NULL;
}

static void another_guest(void)
{
	(void)client_end(&looker);
	guest_end(&guest);
	free(portrait);
	portrait = NULL;
	CHECK(start_guest() == 0 && begin() == 0, "another guest does not start");
}

static void take_the_risk(const struct scene *scene)
{
	CHECK(COMES(!guest_lives(&guest)), "%s: the filter let a call through that it kills for", scene->name);
	another_guest();
}

static void kill_at_each_step(const struct scene *scene)
{
	struct tally t = { 0 }, end = { 0 };
	unsigned int risks = 0;
	char name[KILL_POINT_NAME_BYTES] = "";

	for (unsigned int count = 1; count < MOST_KILL_POINTS && is_fine(); count++) {
		uint64_t eintrs = guest.page->vcpus[0].eintr_count;

		if (run_to_kill_point(scene, count, name) != 2)
			break;
		t.kills++;
		if (is_risk(name)) {
			risks++;
			take_the_risk(scene);
			continue;
		}
		CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "%s, killed at \"%s\": the guest stands still", scene->name, name);
		t.left += check_portrait(scene->name, name);
		look(scene->name, name, &t);
		check_eintr(scene->name, name, eintrs, &t);
	}
	CHECK(t.kills > 1 && t.kills < MOST_KILL_POINTS - 1, "%s has %u kill points", scene->name, t.kills);
	/* The run that was not killed has done its work; it is put back too. */
	if (is_fine())
		look(scene->name, "the end", &end);
	CHECK(same_state(&old, &new) ? end.old_seen == 1 : end.new_seen == 1, "%s did not do its work", scene->name);
	printf("# %s: killed at each of %u kill points; found old %u, ", scene->name, t.kills, t.old_seen);
	if (t.given_up_seen)
		printf("given up %u, ", t.given_up_seen);
	printf("new %u; EINTR seen %u times, scratch left %u times", t.new_seen, t.eintrs, t.left);
	printf(attach_flags ? "; the VMM ended with %u of them\n" : "\n", risks);
	(void)fflush(stdout);
	all_kills += t.kills;
}

/*
 * A helper has read the target's mappings and not yet stopped the thread; meanwhile a region at its address goes, comes, or is
 * signed by another that lives. A killed helper's chain, which the thread ends by itself, does the same.
 */
enum meanwhile { REGION_GOES, REGION_COMES, REGION_IS_SIGNED };

static void check_meanwhile(enum meanwhile what, const char *name)
{
	char kill_point[KILL_POINT_NAME_BYTES] = "";
	struct client late, other;
	int expected = what == REGION_IS_SIGNED ? 0 : 1, outcome;

	CHECK(client_start(&other, helper) == 0, "no helper");
	if (what == REGION_GOES) {
		CHECK(client_attach(&other, guest.pid, 0, 0, NULL) == 1, "%s", words(&other));
		(void)client_kill(&other);
		CHECK(client_start(&other, helper) == 0, "no helper");
	}
	CHECK(client_start_with_kill_points(&late, helper) == 0, "no helper");
	send_attach(&late);
	CHECK(client_until_kill_point(&late, 1, kill_point, NULL) == 2 && strcmp(kill_point, "mappings read") == 0, "%s: the first kill point is \"%s\"", name,
	      kill_point);
	CHECK(client_attach(&other, guest.pid, 0, 0, NULL) == 1, "%s", words(&other));
	if (what == REGION_GOES)
		CHECK(client_end(&other) == 0, "the helper did not end with 0");
	else if (what == REGION_COMES)
		(void)client_kill(&other);
	CHECK(write(late.go, "g", 1) == 1, "the helper is not there");
	outcome = client_until_kill_point(&late, 0, kill_point, NULL);
	CHECK(outcome == expected, "%s: %s", name, words(&late));
	CHECK(expected || (late.refusal && late.refusal->reason == REASON_OTHER_HELPER), "%s: %s", name, words(&late));
	CHECK(client_end(&late) == 0, "the helper did not end with 0");
	if (what == REGION_IS_SIGNED)
		CHECK(client_end(&other) == 0, "the helper did not end with 0");
	CHECK(check_portrait(name, "the end") == 0, "%s: a scratch region is left", name);
}

/* Done once without a kill, to know what comes of it. */
static int learn(const struct scene *scene)
{
	char name[KILL_POINT_NAME_BYTES];

	if (run_to_kill_point(scene, 0, name) != scene->answer)
		return -1;
	CHECK(client_attach(&looker, guest.pid, 0, attach_flags, NULL) == 1, "%s", words(&looker));
	if (read_state(&looker, &new) < 0 || restore_state(&looker, &new) < 0)
		return -1;
	given_up = old;
	if (scene->gives_up) {
		uint64_t bv;

		memcpy(&bv, old.image + BV_OFFSET, 8);
		bv &= ~scene->gives_up;
		memcpy(given_up.image + BV_OFFSET, &bv, 8);
		if (client_set_image(&looker, guest.pid, 0, given_up.image, given_up.image_bytes) != 1 ||
		    read_state(&looker, &given_up) < 0 || restore_state(&looker, &given_up) < 0)
			return -1;
	}
	return client_vcpu(&looker, MSG_DETACH, guest.pid, 0) == 1 ? 0 : -1;
}

static void play(const struct scene *scene)
{
	begin_part();
	if (learn(scene) < 0)
		CHECK(0, "%s: it does not work at all: %s", scene->name, words(&looker));
	else
		kill_at_each_step(scene);
	if (!is_fine())
		another_guest();
}

/* The first state: something in SSE, so that giving it up shows. */
static int begin(void)
{
	if (client_start(&looker, helper) < 0 || client_attach(&looker, guest.pid, 0, attach_flags, NULL) != 1 ||
	    read_state(&looker, &old) < 0)
		return -1;
	memset(old.image + XMM5_OFFSET, 0x66, 16);
	old.image[BV_OFFSET] |= SSE;
	if (client_set_image(&looker, guest.pid, 0, old.image, old.image_bytes) != 1 || read_state(&looker, &old) < 0 ||
	    client_vcpu(&looker, MSG_DETACH, guest.pid, 0) != 1)
		return -1;
	portrait = guest_portrait(&guest);
	return 0;
}

static int start_guest(void)
{
	static const char *const filtered[] = { "--program", "integer", "--small-stack", "--seccomp", "kill-set", NULL };
	static const char *const integer[] = { "--program", "integer", "--small-stack", NULL };
	static const char *const tiles[] = { "--program", "amx", "--held", NULL };

	if (guest_start_demo(&guest, demo, arming ? tiles : attach_flags ? filtered : integer) < 0)
		return -1;
	return arming && !guest_step(&guest, 0, STEP_LOAD) ? -1 : 0;
}

static void play_suspended(void)
{
	if (geteuid() != 0) {
		skip("kills while a filter is suspended", "CAP_SYS_ADMIN is missing");
		return;
	}
	guest_end(&guest);
	free(portrait);
	portrait = NULL;
	attach_flags = ATTACH_SUSPEND_SECCOMP;
	if (start_guest() < 0 || begin() < 0) {
		CHECK(0, "the guest with a filter did not start, or cannot be written: %s", words(&looker));
		return;
	}
	for (size_t i = 0; i < suspended_scene_count; i++)
		play(&suspended_scenes[i]);
	(void)client_end(&looker);
}

int main(int count, char **arguments)
{
	if (count < 3 || (count > 3 && strcmp(arguments[3], "--arming") != 0)) {
		fprintf(stderr, "usage: test-kill-points STEPPED-HELPER DEMO-VMM [--arming]\n");
		return 64;
	}
	helper = arguments[1];
	demo = arguments[2];
	arming = count > 3;
	if (!kvm_is_there()) {
		skip("kills at every kill point", "/dev/kvm is absent");
		return summary();
	}
	if (start_guest() < 0 || begin() < 0) {
		CHECK(0, "the guest did not start, or cannot be written: %s", words(&looker));
		goto out;
	}
	if (arming)
		play(&arming_scene);
	for (size_t i = 0; !arming && i < scene_count; i++)
		play(&scenes[i]);
	if (!arming) {
		check_meanwhile(REGION_GOES, "a region that goes");
		check_meanwhile(REGION_COMES, "a region that comes");
		check_meanwhile(REGION_IS_SIGNED, "a region that another signs");
	}
	(void)client_end(&looker);
	asked_once(helper);
	if (!arming)
		play_suspended();
	printf("# killed at %u kill points in all\n", all_kills);
out:
	guest_end(&guest);
	free(portrait);
	return summary();
}
