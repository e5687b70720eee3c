/* [C92], [W12] What bounds a drive, and what comes after a killed one, whatever the VMM does meanwhile: its other threads are played by this test. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "loop_parts.h"
#include "odd_scene.h"
#include "proc.h"

#define LOOP_OFFSET 0x31000u /* in scratch memory (session.h) */
#define MOST_CHAINS 5000u

static uint64_t data_of(size_t offset)
{
	return scratch_address() + LOOP_OFFSET + AT_DATA + offset;
}

/* To a breakpoint that is never hit. */
static void send_run(uint32_t wait_ms)
{
	struct run_request request = {
		.vcpu = { guest.pid, 0 }, .count = 1, .wait_ms = wait_ms, .dr0 = 0x4000, .dr7 = 0x401, .flags = STEP_NOT_THERE,
	};

	(void)client_send(&client, MSG_RUN, &request, sizeof(request));
}

static void freeze(void)
{
	send_vcpu(MSG_FREEZE);
	CHECK(answer() == 1, "freeze: %s", words(&client));
}

/* As the chain's timer sends it. */
static void send_alarm(void)
{
	siginfo_t info = { .si_signo = SIGURG, .si_code = SI_TIMER };

	info.si_value.sival_ptr = (void *)(uintptr_t)CHAIN_MARK;
	CHECK(syscall(SYS_rt_tgsigqueueinfo, guest.pid, guest.page->vcpus[0].tid, SIGURG, &info) == 0, "no alarm");
}

static int is_traced_and_stopped(void)
{
	struct stat_facts facts;

	return proc_stat(guest.pid, guest.page->vcpus[0].tid, &facts) == 0 && facts.state == 't';
}

/* What counts is that it answers at all. */
static void check_answer(int outcome)
{
	struct stopped_event head = { 0 };

	CHECK(outcome == 1 || (outcome == 0 && reason(&client) == REASON_CHAIN_TIMEOUT), "%d: %s", outcome, words(&client));
	if (outcome == 1)
		memcpy(&head, client.payload, sizeof(head));
	CHECK(head.steps == 0, "%u steps", head.steps);
}

/* Before it is there. */
static void disarm_timer(void)
{
	put_word(data_of(offsetof(struct data, span.it_interval.tv_nsec)), 0);
	put_word(data_of(offsetof(struct data, span.it_value.tv_nsec)), 0);
}

/* Each chain has ended, and its timer has come, as soon as it is looked at: so there would always be more to do. */
static void ends_as_if_by_its_timer(void)
{
	unsigned int chains = 0;
	int outcome;

	rule("a VMM that ends each chain as if by its timer is not driven for longer than was asked");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	freeze();
	send_run(1);
	while ((outcome = client_until_kill_point(&client, 1, kill_point, NULL)) == 2 && chains < MOST_CHAINS) {
		if (strcmp(kill_point, "steps laid out") == 0)
			disarm_timer();
		if (strcmp(kill_point, "stepping: let go") == 0) {
			chains++;
			send_alarm();
			CHECK(COMES(is_traced_and_stopped()), "the alarm does not stop it");
			put_word(data_of(offsetof(struct data, ended)), LOOP_KICK);
		}
		let_on();
	}
	check_answer(outcome);
	printf("# answered after %u chains\n", chains);
	end();
}

/* No timer, and steps that seem to be made: so it would always be getting on. */
static void seems_to_get_on(void)
{
	uint64_t made;
	pid_t other;

	rule("nor one that has its chain seem to get on");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	freeze();
	send_run(1000);
	if (until("steps laid out")) {
		disarm_timer();
		let_on();
	}
	made = data_of(offsetof(struct data, steps.made));
	other = fork();
	for (uint64_t i = 0; other == 0; i++) {
		put_word(made, i % 2);
		nap_ms(1);
	}
	CHECK(answer() >= 0, "no answer");
	(void)signal_process(other, SIGKILL);
	(void)waitpid(other, NULL, 0);
	CHECK(guest_lives(&guest), "the VMM died");
	end();
}

/* The chain is armed, its timer never comes, and a signal that is the VMM's ends KVM_RUN: its handler runs over the chain, and blocks. */
static int block_over_a_chain(int on_own_stack, int killed)
{
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points() || !command(ODD_BLOCK, 0, (uint64_t)on_own_stack))
		return 0;
	send_run(1);
	if (!until("steps laid out"))
		return 0;
	disarm_timer();
	let_on();
	if (!until("stepping: let go"))
		return 0;
	CHECK(guest_progresses(&guest, 0), "the chain does not run");
	if (killed)
		(void)client_kill(&client);
	CHECK(syscall(SYS_tgkill, guest.pid, guest.page->vcpus[0].tid, SIGRTMIN + 2) == 0, "no signal");
	if (!killed)
		let_on(); /* else the signal waits for it, which traces the thread */
	CHECK(COMES(control()->answer == 1), "no handler runs");
	return is_fine();
}

static void handler_blocks(int on_own_stack)
{
	rule("a handler of the VMM that blocks over a dead helper's chain is waited for no longer than that, and finds the chain as it was");
	if (!block_over_a_chain(on_own_stack, 1))
		return;
	CHECK(client_start(&client, helper) == 0, "no helper");
	for (int tries = 0; tries < 2; tries++) {
		int outcome = client_attach(&client, guest.pid, 0, 0, NULL);

		/* On the chain's own stack it is seen; on another one it may be anything that a VMM does. */
		if (on_own_stack)
			CHECK(outcome == 1 && client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1 && client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1,
			      "%s", words(&client));
		else
			CHECK(outcome == 0 && reason(&client) == REASON_STOP_TIMEOUT, "%d: %s", outcome, words(&client));
		CHECK(guest_scratch_regions(&guest) == 1, "%u regions", guest_scratch_regions(&guest));
	}
	control()->awake = 1;
	CHECK(guest_progresses(&guest, 0) && guest_lives(&guest), "the VMM does not go on");
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 1 && client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words(&client));
	CHECK(guest.page->vcpus[0].other_errors == 0 && guest_scratch_regions(&guest) == 0, "%llu errors, %u regions",
	      (unsigned long long)guest.page->vcpus[0].other_errors, guest_scratch_regions(&guest));
	end();
}

/* The helper lives, and has given the thread up. */
static void handler_blocks_over_ours(int on_own_stack)
{
	static const uint32_t requests[] = { MSG_CAPTURE, MSG_DETACH };
	int outcome;

	rule("nor is it taken from under such a handler by a helper that lives");
	if (!block_over_a_chain(on_own_stack, 0))
		return;
	outcome = answer();
	CHECK(outcome == 0 && reason(&client) == REASON_CHAIN_TIMEOUT, "%d: %s", outcome, words(&client));
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		send_vcpu(requests[i]);
		outcome = answer();
		CHECK(outcome == 0 && (reason(&client) == REASON_CHAIN_TIMEOUT || reason(&client) == REASON_STOP_TIMEOUT), "%d: %s", outcome, words(&client));
	}
	control()->awake = 1;
	CHECK(guest_progresses(&guest, 0) && guest_lives(&guest), "the VMM does not go on");
	send_vcpu(MSG_DETACH);
	CHECK(answer() == 1 && guest_scratch_regions(&guest) == 0, "%s, %u regions", words(&client), guest_scratch_regions(&guest));
	end();
}

void driven_within_bounds(void)
{
	ends_as_if_by_its_timer();
	seems_to_get_on();
	handler_blocks(0);
	handler_blocks(1);
	handler_blocks_over_ours(0);
	handler_blocks_over_ours(1);
}
