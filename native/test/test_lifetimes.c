/*
 * [W13] What was read before a thread stood still may be so no longer, and what is held may end: test-lifetimes HELPER
 * STEPPED-HELPER ODD-VMM. Each rule brings about one such moment on a VMM with odd habits (odd.h).
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "proc.h"
#include "check.h"
#include "odd_scene.h"
#include "privilege.h"

static void filter_before_stop(void)
{
	rule("a filter that comes just before the stop is obeyed");
	if (!start(stepped, NULL, NULL))
		return;
	send_attach();
	if (until("seized")) {
		CHECK(command(ODD_FILTER, 0, KVM_CHECK_EXTENSION), "no filter");
		let_on();
	}
	CHECK(answer() == 1, "attach: %s", words(&client));
	CHECK(guest_lives(&guest), "the VMM died of an attach");
	send_vcpu(MSG_CAPTURE);
	if (until("seized")) {
		CHECK(command(ODD_FILTER, 0, KVM_GET_REGS), "no filter");
		let_on();
	}
	CHECK(answer() == 1, "capture: %s", words(&client));
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the VMM died of a capture");
	end();
}

static void filter_while_frozen(void)
{
	rule("a filter that comes over a frozen thread is obeyed");
	if (!start(helper, NULL, NULL))
		return;
	attach(0);
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "freeze: %s", words(&client));
	CHECK(command(ODD_FILTER, 0, KVM_GET_REGS), "no filter");
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "capture: %s", words(&client));
	CHECK(guest_lives(&guest), "the VMM died of a capture");
	end();
}

static void program_is_replaced(uint32_t code, int frozen)
{
	static const uint8_t image[4096];

	rule("a process that runs another program now is left alone");
	if (!start(helper, "--main", NULL))
		return;
	attach(0);
	CHECK(command(ODD_EXEC, 0, 0), "no exec");
	CHECK(COMES(guest.page->magic == DEMO_MAGIC) && guest_progresses(&guest, 0), "the second program does not run");
	if (frozen)
		CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "freeze: %s", words(&client));
	CHECK((code == MSG_SET_IMAGE ? client_set_image(&client, guest.pid, 0, image, sizeof(image)) :
				       client_vcpu(&client, code, guest.pid, 0)) == 0, "message %#x was obeyed", code);
	CHECK(reason(&client) == REASON_TARGET_GONE, "message %#x: %s", code, words(&client));
	if (frozen && code != MSG_DETACH)
		CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 0, "detached");
	nap_ms(20);
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "message %#x stopped or ended the second program", code);
	if (code == MSG_DETACH)
		attach(0);
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the second program does not go on");
	end();
}

pid_t start_stranger(pid_t number)
{
	struct clone_args arguments = { .exit_signal = SIGCHLD, .set_tid = (uint64_t)(uintptr_t)&number, .set_tid_size = 1 };
	long pid = -1;

	/* EEXIST: the number is not free yet. */
	(void)COMES((pid = syscall(SYS_clone3, &arguments, sizeof(arguments))) >= 0 || errno != EEXIST);
	while (pid == 0)
		pause(); /* SIGUSR1 ends it */
	return (pid_t)pid;
}

static void thread_number_is_reused(void)
{
	struct status_facts facts = { 0 };
	pid_t tid, stranger;

	rule("a process that got the number of a vCPU's thread is left alone");
	if (!start(helper, NULL, NULL))
		return;
	attach(0);
	tid = guest.page->vcpus[0].tid;
	CHECK(command(ODD_LEAVE, 0, 0), "the thread does not end");
	stranger = start_stranger(tid);
	if (stranger != tid) {
		skip("a number that is reused", "clone3 does not give it");
	} else {
		CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 0 && reason(&client) == REASON_TARGET_GONE, "%s", words(&client));
		CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 0, "%s", words(&client));
		CHECK(waitpid(stranger, NULL, WNOHANG) == 0, "the stranger died");
		CHECK(proc_status(stranger, 0, &facts) == 0 && facts.tracer == 0, "the stranger is traced by %d", facts.tracer);
	}
	if (stranger > 0) {
		(void)signal_process(stranger, SIGKILL);
		(void)waitpid(stranger, NULL, 0);
	}
	end();
}

static int has_ended(pid_t tid)
{
	struct stat_facts facts;

	return COMES(proc_stat(guest.pid, tid, &facts) < 0 || facts.state == 'Z' || facts.state == 'X');
}

/* place: --main, the process's first thread, which stays as a zombie while others live. */
static void thread_ends(const char *place)
{
	rule("a vCPU whose thread has ended is gone, and comes back with another thread");
	if (!start(helper, place, NULL))
		return;
	attach(0);
	CHECK(command(ODD_LEAVE, 0, 0) && has_ended(guest.page->vcpus[0].tid), "the thread does not end");
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 0 && reason(&client) == REASON_TARGET_GONE, "%s", words(&client));
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 0, "%s", words(&client));
	if (!place) {
		CHECK(command(ODD_RETURN, 0, 0) && guest_progresses(&guest, 0), "no second thread");
		attach(0);
		CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "%s", words(&client));
	}
	end();
}

/* Its first thread is frozen, which its parent cannot get before the tracer has. */
static void killed_while_frozen(const char *place, int half_a_frame)
{
	static const uint8_t half[7] = { 8, 0, 0, 0, 9 };

	rule("a VMM that is killed while frozen ends for its parent too");
	if (!start(helper, place, NULL))
		return;
	attach(0);
	CHECK(client_vcpu(&client, MSG_FREEZE, guest.pid, 0) == 1, "freeze: %s", words(&client));
	if (half_a_frame) {
		CHECK(write(client.to, half, sizeof(half)) == (ssize_t)sizeof(half), "half a frame");
		nap_ms(20);
	}
	(void)signal_process(guest.pid, SIGKILL);
	CHECK(is_reaped(), "its parent does not get it");
	CHECK(client_wait_event(&client), "no event");
	end();
}

static void signal_in_mid_frame(void)
{
	static const uint8_t half[7] = { 8, 0, 0, 0, 9 };
	siginfo_t info = { 0 };

	rule("half a frame does not keep a helper from ending when it is told to");
	if (!start(helper, NULL, NULL))
		return;
	attach(0);
	CHECK(write(client.to, half, sizeof(half)) == (ssize_t)sizeof(half), "half a frame");
	nap_ms(20);
	(void)signal_process(client.pid, SIGTERM);
	CHECK(COMES(waitid(P_PID, (id_t)client.pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == client.pid), "it does not end");
	end();
}

static pid_t tracer_of(int vcpu)
{
	struct status_facts facts = { .tracer = -1 };

	return proc_status(guest.pid, guest.page->vcpus[vcpu].tid, &facts) == 0 ? facts.tracer : -1;
}

/* vCPU 0 is late, and stops while the helper waits for vCPU 1, which takes the word of it away. */
static void late_during_another(void)
{
	struct vcpu_ref second = { .vcpu_index = 1 };

	rule("a thread that stops too late is let go, whatever the helper is doing");
	if (!start(helper, "--vcpus", "2"))
		return;
	attach(0);
	attach(1);
	/* The errnos are learnt: from now on a capture is one stop. */
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 1) == 1, "%s", words(&client));
	CHECK(command(ODD_SLEEP, 0, 0), "it does not sleep");
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 0 && reason(&client) == REASON_STOP_TIMEOUT, "%s", words(&client));
	CHECK(strstr(words(&client), "uninterruptible sleep") != NULL, "%s", words(&client));
	CHECK(command(ODD_SLEEP, 1, 0), "it does not sleep");
	second.pid = guest.pid;
	(void)client_send(&client, MSG_CAPTURE, &second, sizeof(second));
	CHECK(COMES(tracer_of(1) == client.pid), "the helper does not wait for vCPU 1");
	control()->awake = 1;
	CHECK(guest_progresses(&guest, 0), "vCPU 0 stands still");
	CHECK(COMES(tracer_of(0) == 0), "it is traced");
	control()->awake = 3;
	/* Where all this took longer than a helper waits, vCPU 1 is late as well. */
	CHECK(client_receive(&client) == 1 || reason(&client) == REASON_STOP_TIMEOUT, "%s", words(&client));
	CHECK(guest_progresses(&guest, 1) && COMES(tracer_of(1) == 0), "vCPU 1 stands still, or is traced");
	/* The advice of that refusal is to try again then. */
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "tried again: %s", words(&client));
	end();
}

/* The VMM is stopped while a chain runs alone, longer than a helper waits; then it goes on while the next is prepared. */
static void chain_ends_late(void)
{
	struct capture_head head = { 0 };

	rule("a chain that ends late does not answer for the next one");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	send_vcpu(MSG_CAPTURE);
	if (until("switched to the chain")) {
		(void)signal_process(guest.pid, SIGSTOP);
		let_on();
	}
	CHECK(answer() == 0 && reason(&client) == REASON_CHAIN_TIMEOUT, "%s", words(&client));
	send_vcpu(MSG_CAPTURE);
	if (until("data area written")) {
		(void)signal_process(guest.pid, SIGCONT);
		CHECK(guest_progresses(&guest, 0), "the chain does not end");
		let_on();
	}
	CHECK(answer() == 1, "%s", words(&client));
	memcpy(&head, client.payload, sizeof(head));
	CHECK(head.pause_ns < 60000000000ull, "a pause of %llu ns", (unsigned long long)head.pause_ns);
	end();
}

/* The first argument of the system call at whose entry the vCPU's thread stands. */
static uint64_t first_argument(void)
{
	char *text = proc_text("/proc/%d/task/%d/syscall", guest.pid, guest.page->vcpus[0].tid);
	unsigned long long argument = 0;

	CHECK(text && sscanf(text, "%*s 0x%llx", &argument) == 1, "the call cannot be read");
	free(text);
	return argument;
}

/* The address is taken when mmap is about to be made: by no helper, but the kernel would then choose another. */
static void address_is_taken(void)
{
	struct client second;

	rule("scratch memory is never where a later helper would not find it");
	if (!start(stepped, NULL, NULL))
		return;
	send_attach();
	if (until("chain: mmap at its entry")) {
		uint64_t address = first_argument();

		CHECK(command(ODD_MAP, 0, address) && control()->answer == address, "not mapped");
		let_on();
	}
	CHECK(answer() == 1, "%s", words(&client));
	CHECK(guest_scratch_regions(&guest) == 1, "%u scratch regions", guest_scratch_regions(&guest));
	CHECK(client_start(&second, helper) == 0, "no helper");
	CHECK(client_attach(&second, guest.pid, 0, 0, NULL) == 0 && reason(&second) == REASON_OTHER_HELPER, "%s", words(&second));
	(void)client_end(&second);
	end();
}

/* Another tracer holds the thread at each try, and has gone each time the helper looks who it is. */
static void tracer_comes_and_goes(int times)
{
	pid_t tid;

	rule("a tracer that has gone before its name is read is waited for");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	tid = guest.page->vcpus[0].tid;
	CHECK(ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0, "not seized");
	send_vcpu(MSG_CAPTURE);
	for (int i = 0; i < times && until("held by another"); i++) {
		CHECK(ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 && waitpid(tid, NULL, __WALL) == tid, "not stopped");
		CHECK(ptrace(PTRACE_DETACH, tid, NULL, NULL) == 0, "not let go");
		let_on();
		if (!until("looked who holds it"))
			break;
		if (i + 1 < times)
			CHECK(ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0, "not seized");
		let_on();
	}
	CHECK(answer() == 1, "%s", words(&client));
	if (ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 && waitpid(tid, NULL, __WALL) == tid)
		(void)ptrace(PTRACE_DETACH, tid, NULL, NULL);
	end();
}

int main(int count, char **arguments)
{
	if (count < 4) {
		fprintf(stderr, "usage: test-lifetimes HELPER STEPPED-HELPER ODD-VMM\n");
		return 64;
	}
	helper = arguments[1];
	stepped = arguments[2];
	odd = arguments[3];
	if (!kvm_is_there()) {
		skip("lifetimes", "/dev/kvm is absent");
		return summary();
	}
	if (can_read_filters("filters that come meanwhile")) {
		filter_before_stop();
		filter_while_frozen();
	}
	for (int frozen = 0; frozen < 2; frozen++) {
		program_is_replaced(MSG_DETACH, frozen);
		program_is_replaced(MSG_CAPTURE, frozen);
		program_is_replaced(MSG_SET_IMAGE, frozen);
	}
	thread_number_is_reused();
	thread_ends(NULL);
	thread_ends("--main");
	killed_while_frozen(NULL, 0);
	killed_while_frozen("--main", 0);
	killed_while_frozen(NULL, 1);
	signal_in_mid_frame();
	late_during_another();
	chain_ends_late();
	address_is_taken();
	frames_are_changed();
	driven_within_bounds();
	tracer_comes_and_goes(5);
	threads();
	signals_at_each_kill_point();
	return summary();
}
