/* Another thread of the VMM, played by this test, writes to the frames of a chain while the helper drives calls through it. */
#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "loop_parts.h"
#include "proc.h"
#include "check.h"
#include "odd_scene.h"
#include "privilege.h"

/* Where the frames of a chain lie in scratch memory (session.h), and two of their words (kernel.h). */
#define FRAMES_OFFSET 0x11000u
#define FRAME_BYTES 320u
#define FRAME_RAX (8u + 144u)
#define FRAME_RIP (8u + 168u)
#define LOOP_OFFSET 0x31000u

/* The `syscall` that the frozen thread is set up to go on at. */
static uint64_t own_syscall(pid_t pid)
{
	char *text = proc_text("/proc/%d/task/%d/syscall", pid, guest.page->vcpus[0].tid);
	const char *last = text ? strrchr(text, ' ') : NULL;
	uint64_t address = last ? strtoull(last, NULL, 16) : 0;

	free(text);
	return address;
}

/* frame 0: another call where the thread should come to the gate; frame 1: another context than its own at the end. */
static void one_is_changed(uint32_t frame)
{
	uint64_t at;

	rule("calls that another thread of the VMM puts in place of ours are not made");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	send_vcpu(MSG_FREEZE);
	CHECK(answer() == 1, "%s", words(&client));
	at = scratch_address() + FRAMES_OFFSET + frame * FRAME_BYTES;
	send_vcpu(MSG_CAPTURE);
	if (until("chain written")) {
		put_word(at + FRAME_RAX, SYS_exit_group);
		if (frame == 1)
			put_word(at + FRAME_RIP, 0);
		else
			put_word(at + FRAME_RIP, own_syscall(guest.pid));
		let_on();
	}
	CHECK(answer() == 0 && reason(&client) == REASON_CHAIN_CHANGED, "%s", words(&client));
	send_vcpu(MSG_DETACH);
	CHECK(answer() == 1, "%s", words(&client));
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the VMM does not go on");
	CHECK(guest.page->vcpus[0].other_errors == 0 && guest.page->vcpus[0].eintr_count == 0, "KVM_RUN came back");
	end();
}

/* All steps made, and then an exit of the VMM's: the state after that would be a record more than there is room for. */
static void too_many_records(void)
{
	struct run_request request = { .count = MOST_STEPS_AT_ONCE, .flags = STEP_KEEP_STATE };
	uint64_t ends;

	rule("what another thread of the VMM makes of a chain's end is not believed");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	request.vcpu = (struct vcpu_ref){ guest.pid, 0 };
	ends = scratch_address() + LOOP_OFFSET + AT_DATA + offsetof(struct data, ends);
	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
	if (until("steps laid out")) {
		put_word(ends, LOOP_RUNS | (uint64_t)LOOP_EXIT << 32);
		let_on();
	}
	CHECK(answer() == 0 && reason(&client) == REASON_CHAIN_CHANGED, "%s", words(&client));
	send_vcpu(MSG_DETACH);
	CHECK(answer() == 1, "%s", words(&client));
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the VMM does not go on");
	end();
}

/* In mid-request, between two chains, and while the thread is held: a handler of the VMM's may run before the next one begins. */
static void filter_is_back(int frozen)
{
	struct attach_request request = { .flags = ATTACH_SUSPEND_SECCOMP };
	int outcome = 1;

	rule("a filter is lifted for our calls alone: a handler of the VMM's that makes the same call ends by it");
	if (!start(helper, NULL, NULL) || !command(ODD_CALL, 0, KVM_GET_XCRS) || !command(ODD_FILTER, 0, KVM_GET_XCRS))
		return;
	request.vcpu = (struct vcpu_ref){ guest.pid, 0 };
	CHECK(client_ask(&client, MSG_ATTACH, &request, sizeof(request)) == 1, "%s", words(&client));
	if (frozen)
		CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "%s", words(&client));
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1 && guest_lives(&guest), "%s", words(&client));
	CHECK(syscall(SYS_tgkill, guest.pid, guest.page->vcpus[0].tid, SIGRTMIN + 2) == 0, "no signal");
	outcome = client_vcpu(&client, MSG_CAPTURE, guest.pid, 0);
	if (outcome == 1)
		(void)client_vcpu(&client, MSG_DETACH, guest.pid, 0);
	CHECK(COMES(!guest_lives(&guest) || control()->answer == 2) && !guest_lives(&guest), "the call was made");
	end();
}

void frames_are_changed(void)
{
	if (can_read_filters("a filter that is back after each call of ours"))
		for (int frozen = 0; frozen < 2; frozen++)
			filter_is_back(frozen);
	too_many_records();
	one_is_changed(0);
	one_is_changed(1);
}
