/*
 * Kills helpers at random moments of their work and looks whether the VMM noticed.
 *
 *	kill-storm HELPER --demo PROGRAM [--tiles | --host-tiles | --io] | --qemu | --pid P  [--vcpu N] [--kills N] [--seed S] [--span-us T]
 *
 * --tiles: the guest, and the thread that runs it, hold tile data; so images and signal frames have 11008 bytes. --host-tiles: the thread
 * alone does, which takes a CPU with AMX, and no KVM that gives it to guests. --io: the guest leaves
 * for a port all the time. --span-us: about as long as a write takes; left out, one is measured.
 *
 * After each kill: the VMM lives, and a fresh helper attaches, finds the vCPU's image to be the old or the new one, and so r14
 * and r15, which no guest here uses, and leaves. At the end: the guest still counts, and threads, mappings, descriptors and signal masks are as before.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "check.h"
#include "client.h"
#include "guest.h"
#include "same_image.h"

#define XMM1_OFFSET 176
#define BV_OFFSET 512
#define TILE_BYTES 8192u /* XTILEDATA ends an image that has it */

static struct {
	const char *helper, *demo;
	int qemu, pid, kills, span_us, tiles, host_tiles, io;
	uint32_t vcpu;
	unsigned int seed;
} options = { .kills = 300, .seed = 1 };

static struct guest guest;
static pid_t vcpu_tid;
static uint8_t old_image[65536], new_image[65536];
static uint32_t image_bytes;
static unsigned int span_us;
static struct kvm_regs old_regs, new_regs; /* of --pid nothing is known: its registers are left alone */
static unsigned int old_seen, new_seen, new_regs_seen, reclaimed;

/* splitmix64: neighbouring numbers have nothing to do with each other. */
static unsigned int random_below(unsigned int n)
{
	static uint64_t state;
	uint64_t z = state += 0x9e3779b97f4a7c15ull + options.seed;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return (unsigned int)((z ^ z >> 31) % n);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int read_image(struct client *c, uint8_t *into)
{
	const void *found;

	if (client_vcpu(c, MSG_CAPTURE, guest.pid, options.vcpu) != 1)
		return -1;
	found = capture_section(c, SECTION_IMAGE, &image_bytes);
	if (!found)
		return -1;
	memcpy(into, found, image_bytes);
	return 0;
}

/* Of the last capture. */
static struct kvm_regs regs_of(const struct client *c)
{
	const void *found = capture_section(c, SECTION_REGS, NULL);
	struct kvm_regs regs = { 0 };

	if (found)
		memcpy(&regs, found, sizeof(regs));
	return regs;
}

/* A guest that leaves all the time is not found in KVM_RUN at once. 1: written. */
static int write_image(struct client *c, const uint8_t *image)
{
	int answer;

	(void)COMES((answer = client_set_image(c, guest.pid, options.vcpu, image, image_bytes)) == 1 || !c->refusal ||
		    c->refusal->reason != REASON_OUTSIDE_KVM_RUN);
	return answer;
}

/* Both images as the vCPU gives them back. Ends with the old one in place. */
static int make_images(void)
{
	struct client c;
	struct attach_reply reply;
	uint64_t bv, began;
	int result = -1;

	if (client_start(&c, options.helper) < 0 || client_attach(&c, guest.pid, options.vcpu, 0, &reply) != 1)
		goto out;
	vcpu_tid = reply.tid;
	if (read_image(&c, old_image) < 0)
		goto out;
	memcpy(new_image, old_image, image_bytes);
	memset(new_image + XMM1_OFFSET, 0x5a, 16);
	if (options.tiles && image_bytes > TILE_BYTES)
		memset(new_image + image_bytes - TILE_BYTES, 0x5a, 32);
	memcpy(&bv, new_image + BV_OFFSET, 8);
	bv |= 2;
	memcpy(new_image + BV_OFFSET, &bv, 8);
	began = now_ns();
	if (write_image(&c, new_image) != 1)
		goto out;
	span_us = options.span_us ? (unsigned int)options.span_us : (unsigned int)((now_ns() - began) / 1000) + 1;
	if (read_image(&c, new_image) < 0 || write_image(&c, old_image) != 1 || read_image(&c, old_image) < 0)
		goto out;
	old_regs = new_regs = regs_of(&c);
	new_regs.r14 = new_regs.r15 = 0x5a5a5a5a5a5a5a5aull;
	result = 0;
out:
	if (c.refusal)
		printf("not ok: %s\n", c.refusal->detail);
	(void)client_end(&c);
	return result;
}

/* The guest's own registers and its place go on from where they are: nothing but r14 and r15 is changed. */
static void send_regs(struct client *c, struct vcpu_ref ref)
{
	const struct kvm_regs *wanted = random_below(2) ? &old_regs : &new_regs;
	struct {
		struct vcpu_ref vcpu;
		struct kvm_regs regs;
	} set = { .vcpu = ref };

	if (client_ask(c, MSG_FREEZE, &ref, sizeof(ref)) != 1 || client_ask(c, MSG_CAPTURE, &ref, sizeof(ref)) != 1)
		return;
	set.regs = regs_of(c);
	set.regs.r14 = wanted->r14;
	set.regs.r15 = wanted->r15;
	(void)client_send(c, MSG_SET_REGS, &set, sizeof(set));
}

/* A guest that leaves all the time is frozen only where it is found in KVM_RUN. */
static void freeze(struct client *c, struct vcpu_ref ref)
{
	(void)COMES(client_ask(c, MSG_FREEZE, &ref, sizeof(ref)) == 1 || !c->refusal || c->refusal->reason != REASON_OUTSIDE_KVM_RUN);
}

/* The request in whose course the helper dies. */
static void send_work(struct client *c)
{
	struct vcpu_ref ref = { guest.pid, options.vcpu };
	struct {
		struct set_image_request head;
		uint8_t image[65536];
	} *set = calloc(1, sizeof(*set));
	unsigned int kind = random_below(options.pid ? 8 : 11);

	if (!set)
		return;
	set->head = (struct set_image_request){ .vcpu = ref, .image_bytes = image_bytes };
	memcpy(set->image, random_below(2) ? old_image : new_image, image_bytes);
	if (kind == 0) {
		(void)client_send(c, MSG_DETACH, &ref, sizeof(ref));
	} else if (kind <= 3) {
		(void)client_send(c, MSG_CAPTURE, &ref, sizeof(ref));
	} else if (kind > 7) {
		send_regs(c, ref);
	} else {
		if (kind == 7)
			(void)client_send(c, MSG_FREEZE, &ref, sizeof(ref));
		else if (kind == 6)
			freeze(c, ref);
		(void)client_send(c, MSG_SET_IMAGE, set, sizeof(set->head) + image_bytes);
	}
	free(set);
}

/*
 * Any moment of the work, however long it takes here: as likely in its first hundredth as in its last half, and now and then after its
 * end.
 */
static unsigned int random_moment(unsigned int span_us)
{
	return random_below((span_us * 2 >> random_below(8)) + 1);
}

static void wait_us(unsigned int us)
{
	struct timespec t = { .tv_nsec = (long)us * 1000 };

	(void)nanosleep(&t, NULL);
}

static int has_host_tiles(void)
{
	return options.tiles || options.host_tiles;
}

/* Every so many kills a write comes to its end first, of the one image and of the other by turns: however slow it is, both are seen. */
#define KILLS_A_WHOLE_WRITE 10

static int is_whole_write(int number)
{
	return number % KILLS_A_WHOLE_WRITE == KILLS_A_WHOLE_WRITE - 1;
}

static const uint8_t *image_of_whole_write(int number)
{
	return number / KILLS_A_WHOLE_WRITE % 2 ? old_image : new_image;
}

static void one_kill(int number)
{
	struct attach_request request = { .vcpu = { guest.pid, options.vcpu } };
	unsigned int during_attach = random_below(6) == 0 && !is_whole_write(number);
	struct client c;

	CHECK(client_start(&c, options.helper) == 0, "no helper");
	if (during_attach) {
		(void)client_ask(&c, MSG_LIST_TARGETS, &(struct list_request){ 0 }, sizeof(struct list_request)); /* so that it has started */
		(void)client_send(&c, MSG_ATTACH, &request, sizeof(request));
		wait_us(random_moment(span_us * 4));
	} else {
		CHECK(client_attach(&c, guest.pid, options.vcpu, 0, NULL) == 1, "attach: %s",
		      c.refusal ? c.refusal->detail : "no answer");
		CHECK(!has_host_tiles() || guest_load_host_tiles(&guest), "the VMM's thread has no tiles of its own");
		if (is_whole_write(number)) {
			CHECK(write_image(&c, image_of_whole_write(number)) == 1, "kill %d: %s", number, c.refusal ? c.refusal->detail : "no answer");
		} else {
			send_work(&c);
			wait_us(random_moment(span_us));
		}
	}
	(void)client_kill(&c);
	CHECK(!has_host_tiles() || during_attach || guest_check_host_tiles(&guest), "the VMM's own tiles were lost");
}

static void look(int number)
{
	static uint8_t image[65536];
	struct kvm_regs regs;
	struct client c;
	int is_old, is_new;

	reclaimed += guest_scratch_regions(&guest) > 0;
	CHECK(guest_lives(&guest), "the VMM died of kill %d", number);
	CHECK(client_start(&c, options.helper) == 0, "no helper");
	CHECK(client_attach(&c, guest.pid, options.vcpu, 0, NULL) == 1, "after kill %d: %s", number,
	      c.refusal ? c.refusal->detail : "no answer");
	CHECK(read_image(&c, image) == 0, "after kill %d: %s", number, c.refusal ? c.refusal->detail : "no answer");
	is_old = same_image(image, old_image, image_bytes);
	is_new = same_image(image, new_image, image_bytes);
	CHECK(is_old || is_new, "after kill %d the image is neither the old nor the new one", number);
	CHECK(!is_whole_write(number) || same_image(image, image_of_whole_write(number), image_bytes), "the write before kill %d is lost", number);
	regs = regs_of(&c);
	CHECK(options.pid || (regs.r14 == old_regs.r14 && regs.r15 == old_regs.r15) ||
	      (regs.r14 == new_regs.r14 && regs.r15 == new_regs.r15), "after kill %d r14 is %#llx, r15 %#llx", number,
	      (unsigned long long)regs.r14, (unsigned long long)regs.r15);
	new_regs_seen += regs.r15 == new_regs.r15;
	old_seen += (unsigned int)is_old;
	new_seen += (unsigned int)is_new;
	CHECK(client_vcpu(&c, MSG_DETACH, guest.pid, options.vcpu) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	(void)client_end(&c);
}

/* Without memory shared with the guest, time spent in it is the sign of life. */
static int progresses(void)
{
	struct stat_facts before, after;

	if (guest.counter)
		return guest_progresses(&guest, (int)options.vcpu);
	if (proc_stat(guest.pid, vcpu_tid, &before) < 0)
		return 0;
	return COMES(proc_stat(guest.pid, vcpu_tid, &after) == 0 && after.guest_ticks > before.guest_ticks);
}

static int read_options(int count, char **arguments)
{
	static const struct option known[] = {
		{ "demo", required_argument, NULL, 'd' }, { "qemu", no_argument, NULL, 'q' },
		{ "pid", required_argument, NULL, 'p' },  { "vcpu", required_argument, NULL, 'v' },
		{ "kills", required_argument, NULL, 'k' }, { "seed", required_argument, NULL, 's' },
		{ "span-us", required_argument, NULL, 't' }, { "tiles", no_argument, NULL, 'm' },
		{ "host-tiles", no_argument, NULL, 'h' },
		{ "io", no_argument, NULL, 'i' }, { 0 },
	};
	int letter;

	while ((letter = getopt_long(count, arguments, "", known, NULL)) != -1) {
		switch (letter) {
		case 'd': options.demo = optarg; break;
		case 'q': options.qemu = 1; break;
		case 'p': options.pid = atoi(optarg); break;
		case 'v': options.vcpu = (uint32_t)atoi(optarg); break;
		case 'k': options.kills = atoi(optarg); break;
		case 's': options.seed = (unsigned int)atoi(optarg); break;
		case 't': options.span_us = atoi(optarg); break;
		case 'm': options.tiles = 1; break;
		case 'h': options.host_tiles = 1; break;
		case 'i': options.io = 1; break;
		default: return -1;
		}
	}
	options.helper = optind < count ? arguments[optind] : NULL;
	return options.helper && options.span_us >= 0 && (options.demo || options.qemu || options.pid) ? 0 : -1;
}

static int start_demo(void)
{
	static const char *const steady[] = { "--program", "integer", NULL };
	static const char *const host_tiles[] = { "--program", "integer", "--host-tiles", NULL };
	static const char *const leaving[] = { "--program", "io", "--small-stack", NULL };
	static const char *const tiles[] = { "--program", "amx", "--held", "--host-tiles", NULL };

	if (guest_start_demo(&guest, options.demo, options.tiles ? tiles : options.host_tiles ? host_tiles : options.io ? leaving : steady) < 0)
		return -1;
	return options.tiles && (!guest_step(&guest, 0, STEP_LOAD) || !guest_step(&guest, 0, STEP_MULTIPLY)) ? -1 : 0;
}

static int start_guest(void)
{
	if (options.pid) {
		guest.pid = options.pid;
		return 0;
	}
	return options.demo ? start_demo() : guest_start_qemu(&guest, 1);
}

int main(int count, char **arguments)
{
	char *before, *after = NULL;

	if (read_options(count, arguments) < 0) {
		fprintf(stderr, "usage: kill-storm HELPER --demo PROGRAM [--tiles | --host-tiles | --io] | --qemu | --pid P [--vcpu N] [--kills N] [--seed S] [--span-us T]\n");
		return 64;
	}
	if (!kvm_is_there()) {
		skip("kill storm", "/dev/kvm is absent");
		return summary();
	}
	if (start_guest() < 0) {
		skip("kill storm", options.host_tiles ? "this CPU, or its kernel, gives no thread AMX tiles" : "the VMM is absent or does not start");
		guest_end(&guest);
		return summary();
	}
	before = guest_portrait(&guest);
	if (make_images() < 0) {
		CHECK(0, "the images could not be prepared");
		goto out;
	}
	for (int i = 0; i < options.kills && is_fine(); i++) {
		one_kill(i);
		look(i);
		CHECK(i % 10 || progresses(), "the guest stands still after kill %d", i);
	}
	CHECK(progresses(), "the guest stands still");
	CHECK(portrait_returns(&guest, before, &after), "the target is not as it was:\n--- before\n%s--- after\n%s", before, after);
	if (options.io)
		CHECK(guest.page->vcpus[0].io_errors == 0 && guest.page->vcpus[0].other_errors == 0 && guest_arena_changes(&guest) == 0,
		      "%llu answers of ports lost, %u bytes of stacks changed", (unsigned long long)guest.page->vcpus[0].io_errors,
		      guest_arena_changes(&guest));
	if (options.demo)
		printf("# the VMM saw %llu EINTRs\n", (unsigned long long)guest.page->vcpus[0].eintr_count);
	printf("# a write takes about %u us\n", span_us);
	printf("# %d kills; the old image was seen %u times, the new one %u times, new registers %u times, scratch was left behind %u times\n",
	       options.kills, old_seen, new_seen, new_regs_seen, reclaimed);
out:
	if (!options.pid)
		guest_end(&guest);
	free(before);
	free(after);
	return summary();
}
