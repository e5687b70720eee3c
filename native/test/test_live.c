/* The real helper on real VMMs: test-live HELPER [DEMO-VMM] */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "live.h"
#include "same_image.h"

const char *helper_program;
char demo_program[512];

#define XMM0_OFFSET 160
#define BV_OFFSET 512

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void many_captures(struct client *c, struct guest *g, const char *name, int captures)
{
	uint64_t *pauses = calloc((size_t)captures, sizeof(*pauses));
	uint32_t before = *g->counter, stalls = 0, inside = 0, refused = 0;
	struct capture_head head;

	for (int i = 0; i < captures && pauses; i++) {
		if (client_vcpu(c, MSG_CAPTURE, g->pid, 0) != 1) {
			if (!refused++)
				printf("not ok: capture %d: %s\n", i, c->refusal ? c->refusal->detail : "no answer");
			continue;
		}
		memcpy(&head, c->payload, sizeof(head));
		pauses[i] = head.pause_ns;
		inside += head.in_kvm_run;
		if (i % 100 == 99) {
			stalls += *g->counter == before;
			before = *g->counter;
		}
	}
	CHECK(refused == 0, "%u of %d captures refused", refused, captures);
	CHECK(stalls == 0, "the guest stood still over %u hundreds of captures", stalls);
	CHECK(inside > (uint32_t)captures * 9 / 10, "only %u captures found it in KVM_RUN", inside);
	if (pauses) {
		qsort(pauses, (size_t)captures, sizeof(*pauses), by_size);
		printf("# %s: %d captures, pause median %.1f us, p99 %.1f us\n", name, captures,
		       (double)pauses[captures / 2] / 1000, (double)pauses[captures * 99 / 100] / 1000);
	}
	free(pauses);
}

static void capture_contents(struct client *c, struct guest *g)
{
	uint32_t bytes = 0;
	struct capture_head head;
	const struct msr_value *msrs;
	const uint8_t *image;

	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "capture refused");
	memcpy(&head, c->payload, sizeof(head));
	image = capture_section(c, SECTION_IMAGE, &bytes);
	CHECK(image && bytes == head.written_bytes && bytes >= 4096 && bytes % 64 == 0, "image of %u bytes", bytes);
	CHECK(image && (image[0] | image[1]), "FCW is 0");
	CHECK(capture_section(c, SECTION_CPUID, &bytes) && bytes >= 24, "no CPUID");
	CHECK(capture_section(c, SECTION_XCRS, &bytes) && bytes >= 16, "no XCRs");
	CHECK(capture_section(c, SECTION_REGS, &bytes) && bytes == 144, "no registers");
	CHECK(capture_section(c, SECTION_SREGS, &bytes) && bytes == 312, "no special registers");
	msrs = capture_section(c, SECTION_MSRS, &bytes);
	CHECK(msrs && bytes == 160, "%u bytes of MSRs", bytes);
	for (uint32_t i = 0; msrs && i < bytes / sizeof(*msrs); i++)
		printf("# msr %#x: errno %d value %#llx\n", msrs[i].index, msrs[i].errno_value,
		       (unsigned long long)msrs[i].value);
	printf("# legacy errno %d, written %u, sections %u\n", head.legacy_errno, head.written_bytes, head.section_count);
}

/* Changes one XMM register and back; what is read back must be what was written. */
static void write_and_back(struct client *c, struct guest *g)
{
	static uint8_t old[32768], new[32768];
	uint32_t bytes = 0;
	struct write_reply reply;
	const uint8_t *image;
	uint64_t bv;

	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "capture refused");
	image = capture_section(c, SECTION_IMAGE, &bytes);
	if (!image)
		return;
	memcpy(old, image, bytes);
	memcpy(new, image, bytes);
	memset(new + XMM0_OFFSET + 16, 0xa5, 16);
	memcpy(&bv, new + BV_OFFSET, 8);
	bv |= 2;
	memcpy(new + BV_OFFSET, &bv, 8);
	CHECK(client_set_image(c, g->pid, 0, new, bytes) == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	memcpy(&reply, c->payload, sizeof(reply));
	CHECK(reply.image_bytes == bytes && same_image(c->payload + sizeof(reply), new, bytes), "read back differs");
	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "capture refused");
	image = capture_section(c, SECTION_IMAGE, &bytes);
	CHECK(image && same_image(image, new, bytes), "a later capture shows other values");
	CHECK(client_set_image(c, g->pid, 0, old, bytes) == 1, "restoring refused");
	CHECK(same_image(c->payload + sizeof(reply), old, bytes), "not restored");
	CHECK(client_set_image(c, g->pid, 0, old, 575) == 0 && c->refusal->reason == REASON_BAD_SIZE, "575 bytes were taken");
	CHECK(client_set_image(c, g->pid, 0, new, bytes + 64) == 0 && c->refusal->reason == REASON_BAD_SIZE, "too long");
	bv |= 1ull << 18;
	memcpy(new + BV_OFFSET, &bv, 8);
	CHECK(client_set_image(c, g->pid, 0, new, 2048) == 0 && c->refusal->reason == REASON_BAD_SIZE, "too short for its BV");
}

/* KVM refuses this value for IA32_XFD; what MSR_PUT_TO_INIT_FIRST had given up for it must be there again. */
static void refused_arming(struct client *c, struct guest *g)
{
	static uint8_t old[32768], new[32768];
	struct set_msr_request msr = { .vcpu = { g->pid, 0 }, .index = 0x1c4, .flags = MSR_PUT_TO_INIT_FIRST, .value = 2 };
	const uint8_t *image;
	uint32_t bytes = 0;

	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "capture refused");
	image = capture_section(c, SECTION_IMAGE, &bytes);
	if (!image)
		return;
	memcpy(old, image, bytes);
	memcpy(new, image, bytes);
	memset(new + XMM0_OFFSET, 0x3c, 16);
	new[BV_OFFSET] |= 2;
	CHECK(client_set_image(c, g->pid, 0, new, bytes) == 1, "%s", c->refusal ? c->refusal->detail : "no answer");
	CHECK(client_ask(c, MSG_SET_MSR, &msr, sizeof(msr)) == 0 && c->refusal->reason == REASON_CALL_FAILED &&
	      c->refusal->errno_value == EINVAL && strcmp(c->refusal->call, "KVM_SET_MSRS") == 0, "IA32_XFD was armed for SSE");
	CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "capture refused");
	image = capture_section(c, SECTION_IMAGE, &bytes);
	CHECK(image && (image[BV_OFFSET] & 2) && memcmp(image + XMM0_OFFSET, new + XMM0_OFFSET, 256) == 0,
	      "a refused arming cost the XMM registers");
	CHECK(client_set_image(c, g->pid, 0, old, bytes) == 1, "restoring refused");
}

static void freeze_and_resume(struct client *c, struct guest *g)
{
	struct thread_reply reply;
	uint32_t before;
	uint64_t read_ns = 0;
	struct capture_head head;

	CHECK(client_vcpu(c, MSG_FREEZE, g->pid, 0) == 1, "freeze refused");
	memcpy(&reply, c->payload, sizeof(reply));
	CHECK(reply.frozen == 1 && reply.in_kvm_run == 1, "frozen %u, in KVM_RUN %u", reply.frozen, reply.in_kvm_run);
	before = *g->counter;
	for (int i = 0; i < 20; i++) {
		CHECK(client_vcpu(c, MSG_CAPTURE, g->pid, 0) == 1, "capture of a frozen vCPU refused");
		memcpy(&head, c->payload, sizeof(head));
		CHECK(head.frozen == 1, "not frozen in its capture");
		CHECK(head.taken_realtime_ns > read_ns, "a later capture of a frozen vCPU is not of a later time");
		read_ns = head.taken_realtime_ns;
	}
	(void)usleep(5000);
	CHECK(*g->counter == before, "a frozen guest counts");
	CHECK(client_vcpu(c, MSG_RESUME, g->pid, 0) == 1, "resume refused");
	memcpy(&reply, c->payload, sizeof(reply));
	CHECK(reply.frozen == 0 && reply.pause_ns > 5000000, "pause of %llu ns", (unsigned long long)reply.pause_ns);
	CHECK(guest_progresses(g, 0), "the guest does not go on after resume");
}

void live_refusals(struct guest *g)
{
	struct client c;
	struct attach_request attach = { .vcpu = { g->pid, 0 }, .start_time_ticks = 1 };
	struct set_msr_request msr = { .vcpu = { g->pid, 0 }, .index = 0x10 };
	struct set_xcr0_request xcr0 = { .vcpu = { g->pid, 0 }, .value = 2 };

	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_vcpu(&c, MSG_CAPTURE, g->pid, 0) == 0 && c.refusal->reason == REASON_NOT_ATTACHED, "not attached");
	CHECK(client_attach(&c, getpid(), 0, 0, NULL) == 0 && c.refusal->reason == REASON_SELF, "an ancestor was attached");
	CHECK(client_attach(&c, 99999999, 0, 0, NULL) == 0 && c.refusal->reason == REASON_NO_SUCH_PROCESS, "no such process");
	CHECK(client_attach(&c, g->pid, 77, 0, NULL) == 0 && c.refusal->reason == REASON_NO_SUCH_VCPU, "no such vCPU");
	CHECK(client_ask(&c, MSG_ATTACH, &attach, sizeof(attach)) == 0 && c.refusal->reason == REASON_NOT_THE_SAME_PROCESS,
	      "wrong start time");
	CHECK(client_attach(&c, g->pid, 0, 0, NULL) == 1, "attach: %s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(client_attach(&c, g->pid, 0, 0, NULL) == 0 && c.refusal->reason == REASON_ALREADY_ATTACHED, "attached twice");
	CHECK(client_ask(&c, MSG_SET_MSR, &msr, sizeof(msr)) == 0 && c.refusal->reason == REASON_MSR_NOT_LISTED, "TSC written");
	msr.index = 0x1c4;
	msr.value = 1ull << 18;
	CHECK(client_ask(&c, MSG_SET_MSR, &msr, sizeof(msr)) == 0, "IA32_XFD was armed on a CPU without it");
	printf("# arming IA32_XFD: reason %u, %s\n", c.refusal ? c.refusal->reason : 0, c.refusal ? c.refusal->detail : "");
	refused_arming(&c, g);
	CHECK(client_ask(&c, MSG_SET_XCR0, &xcr0, sizeof(xcr0)) == 0 && c.refusal->reason == REASON_CALL_FAILED &&
	      c.refusal->errno_value == EINVAL, "XCR0 without x87 was taken");
	{
		struct client second;

		CHECK(client_start(&second, helper_program) == 0, "no helper");
		CHECK(client_attach(&second, g->pid, 0, 0, NULL) == 0 && second.refusal->reason == REASON_OTHER_HELPER &&
		      second.refusal->other_pid == c.pid, "two helpers on one vCPU");
		(void)client_end(&second);
	}
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

void live_round(struct guest *g, const char *name, int captures)
{
	char *before = guest_portrait(g), *after = NULL;
	struct attach_reply attached = { 0 };
	struct client c;

	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_ask(&c, MSG_LIST_TARGETS, &(struct list_request){ 0 }, sizeof(struct list_request)) == 1, "list refused");
	CHECK(client_attach(&c, g->pid, 0, 0, &attached) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	printf("# %s: attached to thread %d, fds %d %d %d, XSAVE2 %d %d, image %u bytes, permission %#llx %#llx of %#llx, %.1f us\n",
	       name, attached.tid, attached.vcpu_fd, attached.vm_fd, attached.kvm_fd, attached.cap_xsave2_vm,
	       attached.cap_xsave2_system, attached.image_bytes, (unsigned long long)attached.guest_permission,
	       (unsigned long long)attached.host_permission, (unsigned long long)attached.supported_xcr0,
	       (double)attached.pause_ns / 1000);
	CHECK(attached.cap_xsave2_vm >= 4096 && attached.image_bytes >= 4096, "sizes %d, %u", attached.cap_xsave2_vm,
	      attached.image_bytes);
	capture_contents(&c, g);
	many_captures(&c, g, name, captures);
	write_and_back(&c, g);
	freeze_and_resume(&c, g);
	CHECK(client_vcpu(&c, MSG_VERDICTS, g->pid, 0) == 1, "verdicts refused");
	CHECK(client_vcpu(&c, MSG_DETACH, g->pid, 0) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
	CHECK(portrait_returns(g, before, &after), "the target is not as it was:\n--- before\n%s--- after\n%s", before, after);
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
	CHECK(guest_lives(g) && guest_progresses(g, 0), "the guest does not go on");
	free(before);
	free(after);
}

/* The pipe closes, with or without a last word, while vCPUs are attached and frozen. */
static void end_of_pipe(struct guest *g)
{
	char *before = guest_portrait(g), *after = NULL;
	static const uint8_t half[7] = { 8, 0, 0, 0, 9 };

	for (int variant = 0; variant < 3; variant++) {
		struct client c;

		CHECK(client_start(&c, helper_program) == 0, "no helper");
		CHECK(client_attach(&c, g->pid, 0, 0, NULL) == 1, "%s", c.refusal ? c.refusal->detail : "no answer");
		CHECK(client_vcpu(&c, MSG_FREEZE, g->pid, 0) == 1, "freeze refused");
		if (variant == 1)
			CHECK(write(c.to, half, sizeof(half)) == (ssize_t)sizeof(half), "half a frame");
		if (variant == 2)
			(void)signal_process(c.pid, SIGTERM);
		CHECK(client_end(&c) == 0, "the helper did not end with 0");
		CHECK(guest_progresses(g, 0), "the guest does not go on after variant %d", variant);
	}
	CHECK(portrait_returns(g, before, &after), "the target is not as it was:\n--- before\n%s--- after\n%s", before, after);
	free(before);
	free(after);
}

static void target_ends(struct guest *g, int frozen)
{
	struct client c;

	CHECK(client_start(&c, helper_program) == 0, "no helper");
	CHECK(client_attach(&c, g->pid, 0, 0, NULL) == 1, "attach refused");
	if (frozen)
		CHECK(client_vcpu(&c, MSG_FREEZE, g->pid, 0) == 1, "freeze refused");
	(void)signal_process(g->pid, SIGKILL);
	if (!frozen) {
		int answer = client_vcpu(&c, MSG_CAPTURE, g->pid, 0);

		CHECK(answer == 1 || (answer == 0 && (c.refusal->reason == REASON_TARGET_GONE ||
						      c.refusal->reason == REASON_NOT_ATTACHED)),
		      "reason %u: %s", c.refusal ? c.refusal->reason : 0, c.refusal ? c.refusal->detail : "");
	}
	CHECK(client_wait_event(&c), "no event said that the target ended");
	CHECK(client_vcpu(&c, MSG_CAPTURE, g->pid, 0) == 0 && c.refusal->reason == REASON_NOT_ATTACHED, "still attached");
	CHECK(client_end(&c) == 0, "the helper did not end with 0");
}

int main(int count, char **arguments)
{
	struct guest g;

	if (count < 2) {
		fprintf(stderr, "usage: test-live HELPER [DEMO-VMM [HELPER-OF-AN-OLD-KVM]]\n");
		return 64;
	}
	helper_program = arguments[1];
	(void)snprintf(demo_program, sizeof(demo_program), "%s", count > 2 ? arguments[2] : "demo-vmm");
	if (!kvm_is_there()) {
		skip("live tests on the demo VMM", "/dev/kvm is absent");
		skip("live tests on QEMU", "/dev/kvm is absent");
		return summary();
	}
	live_demo();
	if (count > 3)
		live_old_kvm(arguments[3]);
	rule("QEMU");
	if (guest_start_qemu(&g, 2) < 0) {
		skip("live tests on QEMU", "qemu-system-x86_64 is absent or does not run a guest");
		guest_end(&g);
		return summary();
	}
	live_round(&g, "QEMU", 1200);
	live_refusals(&g);
	live_regs(&g);
	end_of_pipe(&g);
	target_ends(&g, 0);
	guest_end(&g);
	CHECK(guest_start_qemu(&g, 1) == 0, "QEMU did not start again");
	target_ends(&g, 1);
	guest_end(&g);
	rule("QEMU: several helpers on two vCPUs");
	CHECK(guest_start_busy_qemu(&g, 2) == 0, "QEMU did not start with two vCPUs that run");
	live_helpers(&g, "QEMU");
	rule("QEMU: a tracer that passes by is waited for");
	live_passing_tracer(&g);
	guest_end(&g);
	return summary();
}
