/* [C61], [C62] Which thread runs a vCPU: names that lie, numbers with gaps, vCPUs that move; and how long one stands for it. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proc.h"
#include "check.h"
#include "odd_scene.h"
#include "privilege.h"

static struct target_record target;

/* What the list says of the VMM's vCPU, and in target of the VMM; 0: nothing. */
static int listed(uint32_t index, struct vcpu_record *record)
{
	struct list_request request = { 0 };
	struct list_head head;
	size_t at = sizeof(head);

	if (client_ask(&client, MSG_LIST_TARGETS, &request, sizeof(request)) != 1)
		return 0;
	memcpy(&head, client.payload, sizeof(head));
	for (uint32_t i = 0; i < head.target_count; i++, at += target.record_bytes) {
		memcpy(&target, client.payload + at, sizeof(target));
		for (uint32_t v = 0; target.pid == guest.pid && v < target.vcpu_count; v++) {
			memcpy(record, client.payload + at + sizeof(target) + v * sizeof(*record), sizeof(*record));
			if (record->index == index)
				return 1;
		}
	}
	return 0;
}

static void names_lie(const char *how)
{
	struct attach_reply reply = { 0 };
	const char *arguments[] = { "--misnamed", how, "--vcpus", "2", NULL };

	rule("a thread that is called after a vCPU and does not run it is not taken for its thread");
	if (guest_start_demo(&guest, odd, arguments) < 0 || client_start(&client, helper) < 0) {
		CHECK(0, "the VMM or the helper did not start");
		guest_end(&guest);
		return;
	}
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(guest_progresses(&guest, (int)i), "vCPU %u does not run", i);
		CHECK(client_attach(&client, guest.pid, i, 0, &reply) == 1, "%s, vCPU %u: %s", how, i, words(&client));
		CHECK(reply.tid == guest.page->vcpus[i].tid, "%s, vCPU %u: thread %d for %d", how, i, reply.tid, guest.page->vcpus[i].tid);
		CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, i) == 1, "%s, vCPU %u: %s", how, i, words(&client));
		CHECK(guest_progresses(&guest, (int)i), "vCPU %u does not go on", i);
	}
	for (uint32_t i = 0; i < 2; i++)
		CHECK(guest.page->vcpus[i].eintr_count == 0, "vCPU %u saw %llu EINTR", i, (unsigned long long)guest.page->vcpus[i].eintr_count);
	end();
}

static int foreseen(void)
{
	struct vcpu_record record;

	return listed(0, &record) && target.reason == REASON_SECCOMP && strcmp(target.call, "munmap") == 0;
}

static void filter_is_foreseen(void)
{
	const char *arguments[] = { "--misnamed", "busy", "--vcpus", "2", NULL };

	if (!can_read_filters("the filter of a VMM whose threads have other names"))
		return;
	rule("the list tells of a filter as attach does, though names tell of no vCPU's thread");
	if (guest_start_demo(&guest, odd, arguments) < 0 || client_start(&client, helper) < 0) {
		CHECK(0, "the VMM or the helper did not start");
		guest_end(&guest);
		return;
	}
	CHECK(guest_progresses(&guest, 0) && guest_progresses(&guest, 1), "it does not run");
	CHECK(command(ODD_FILTER, 0, 0), "no filter");
	CHECK(COMES(foreseen()), "listed with reason %u, %s", target.reason, target.call);
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 0 && reason(&client) == REASON_SECCOMP, "%s", words(&client));
	for (uint32_t i = 0; i < 2; i++) {
		CHECK(guest_progresses(&guest, (int)i), "vCPU %u does not go on", i);
		CHECK(guest.page->vcpus[i].eintr_count == 0, "vCPU %u saw %llu EINTR", i, (unsigned long long)guest.page->vcpus[i].eintr_count);
	}
	end();
}

/* Its filter is none of seccomp's, and no file of /proc tells of it. */
static void calls_are_dispatched(void)
{
	rule("a thread whose system calls the kernel gives back to it is left alone, and said to be what it is");
	if (!start(helper, "--dispatched", NULL))
		return;
	CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 0 && reason(&client) == REASON_NO_GADGET, "attached, or %s", words(&client));
	CHECK(guest_lives(&guest) && guest_progresses(&guest, 0), "the VMM ended of it, or stands still");
	CHECK(guest.page->vcpus[0].eintr_count == 0, "%llu EINTRs", (unsigned long long)guest.page->vcpus[0].eintr_count);
	CHECK(guest_scratch_regions(&guest) == 0, "scratch is left");
	end();
}

static void numbers_have_gaps(void)
{
	struct vcpu_record record = { 0 };
	struct attach_reply reply = { 0 };
	const char *arguments[] = { "--gap", "--vcpus", "2", NULL };

	rule("KVM's number of a vCPU and its VMM's are told apart");
	if (guest_start_demo(&guest, odd, arguments) < 0 || client_start(&client, helper) < 0) {
		CHECK(0, "the VMM or the helper did not start");
		guest_end(&guest);
		return;
	}
	CHECK(guest_progresses(&guest, 3), "vCPU 3 does not run");
	CHECK(listed(3, &record) && record.vmm_number == 1, "vCPU 3 is listed as the VMM's CPU %d", record.vmm_number);
	CHECK(record.tid == guest.page->vcpus[1].tid, "with thread %d for %d", record.tid, guest.page->vcpus[1].tid);
	CHECK(listed(0, &record) && record.vmm_number == 0, "vCPU 0 is listed as the VMM's CPU %d", record.vmm_number);
	CHECK(client_attach(&client, guest.pid, 1, 0, NULL) == 0 && reason(&client) == REASON_NO_SUCH_VCPU, "%s", words(&client));
	CHECK(client_attach(&client, guest.pid, 3, 0, &reply) == 1, "%s", words(&client));
	CHECK(reply.vmm_number == 1 && reply.tid == guest.page->vcpus[1].tid, "attached as CPU %d", reply.vmm_number);
	CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 3) == 1, "%s", words(&client));
	end();
}

static void vcpu_moves(void)
{
	static uint8_t image[32768];
	const void *found;
	uint32_t bytes = 0;

	rule("a vCPU that another thread runs meanwhile is followed");
	if (!start(helper, NULL, NULL))
		return;
	attach(0);
	for (int i = 0; i < 3; i++) {
		CHECK(command(ODD_MOVE, 0, 0), "it does not move");
		CHECK(client_vcpu(&client, MSG_CAPTURE, guest.pid, 0) == 1, "capture: %s", words(&client));
		CHECK(((const struct capture_head *)(const void *)client.payload)->in_kvm_run == 1, "outside KVM_RUN");
	}
	found = capture_section(&client, SECTION_IMAGE, &bytes);
	if (found)
		memcpy(image, found, bytes);
	CHECK(command(ODD_MOVE, 0, 0), "it does not move");
	CHECK(client_set_image(&client, guest.pid, 0, image, bytes) == 1, "write: %s", words(&client));
	CHECK(command(ODD_MOVE, 0, 0), "it does not move");
	CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "detach: %s", words(&client));
	CHECK(guest_progresses(&guest, 0), "the guest does not go on");
	end();
}

/* Held outside KVM_RUN, a thread may be at anything: whether it runs the vCPU is seen once it can be stopped. */
static void another_is_held(void)
{
	pid_t other;

	rule("while another tracer has a thread that may run the vCPU, it is looked for again");
	if (!start(stepped, "--vcpus", "2") || !attach_between_kill_points())
		return;
	other = guest.page->vcpus[1].tid;
	CHECK(command(ODD_MOVE, 1, 0) && command(ODD_MOVE, 0, 0), "they do not move");
	CHECK(ptrace(PTRACE_SEIZE, other, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, other, NULL, NULL) == 0 && waitpid(other, NULL, __WALL) == other,
	      "not held");
	send_vcpu(MSG_DETACH);
	for (int i = 0; i < 3 && until("another has a thread"); i++)
		if (i < 2)
			let_on();
	CHECK(ptrace(PTRACE_DETACH, other, NULL, NULL) == 0, "not let go");
	let_on();
	CHECK(answer() == 1, "%s", words(&client));
	CHECK(!scratch_address() && guest_progresses(&guest, 0), "the guest does not go on as it was");
	end();
}

/* Of a thread that has just ended, and of a process that lives; SIGUSR1 ends it. */
static pid_t stranger_in_its_place(pid_t tid)
{
	pid_t stranger;

	CHECK(command(ODD_LEAVE, 0, 0), "the thread does not end");
	stranger = start_stranger(tid);
	if (stranger == tid || stranger <= 0)
		return stranger;
	(void)signal_process(stranger, SIGKILL);
	(void)waitpid(stranger, NULL, 0);
	return 0;
}

static void number_is_reused_before_seize(void)
{
	struct status_facts facts = { 0 };
	pid_t tid, stranger = 0;

	rule("a process that gets the number of a vCPU's thread between look and PTRACE_SEIZE is left alone");
	if (!start(stepped, NULL, NULL) || !attach_between_kill_points())
		return;
	tid = guest.page->vcpus[0].tid;
	send_vcpu(MSG_CAPTURE);
	if (until("about to seize")) {
		stranger = stranger_in_its_place(tid);
		let_on();
	}
	if (stranger <= 0) {
		(void)answer();
		skip("a number that is reused", "clone3 does not give it");
		end();
		return;
	}
	CHECK(answer() == 0 && reason(&client) == REASON_TARGET_GONE, "%s", words(&client));
	CHECK(waitpid(stranger, NULL, WNOHANG) == 0, "the stranger died");
	CHECK(proc_status(stranger, 0, &facts) == 0 && facts.tracer == 0, "the stranger is traced by %d", facts.tracer);
	(void)signal_process(stranger, SIGUSR1);
	CHECK(waitpid(stranger, NULL, 0) == stranger, "the stranger does not go on");
	end();
}

/* Nanoseconds of CPU time that the helper has used: the kernel's count, which other load does not lengthen. */
static uint64_t cpu_ns(void)
{
	char *text = proc_text("/proc/%d/schedstat", client.pid);
	uint64_t ns = text ? strtoull(text, NULL, 10) : 0;

	free(text);
	return ns;
}

static uint64_t cost_of_attaching(void)
{
	uint64_t before = cpu_ns();

	for (int i = 0; i < 5; i++) {
		CHECK(client_attach(&client, guest.pid, 0, 0, NULL) == 1, "%s", words(&client));
		CHECK(client_vcpu(&client, MSG_DETACH, guest.pid, 0) == 1, "%s", words(&client));
	}
	return cpu_ns() - before;
}

static void many_mappings(void)
{
	uint64_t few, many;

	rule("twenty times the mappings cost about twenty times the work, not four hundred");
	if (!start(helper, NULL, NULL))
		return;
	CHECK(command(ODD_FRAGMENT, 0, 3000) && control()->answer == 1, "no mappings");
	few = cost_of_attaching();
	CHECK(command(ODD_FRAGMENT, 0, 57000) && control()->answer == 1, "no mappings");
	many = cost_of_attaching();
	printf("# attaching to 3,000 mappings costs %.1f ms of CPU time, to 60,000 %.1f ms: %.1f times as much\n",
	       (double)few / 5e6, (double)many / 5e6, (double)many / (double)few);
	CHECK(few && many / few < 60, "%llu times as much", (unsigned long long)(few ? many / few : 0));
	CHECK(guest_progresses(&guest, 0), "the guest does not go on");
	end();
}

static void reader_is_kept_waiting(void)
{
	int status = 0, ended = 0;

	rule("a VMM whose memory keeps its reader waiting costs us the helper, and the vCPU no more than its time");
	if (!start(helper, NULL, NULL))
		return;
	CHECK(command(ODD_HIDE, 0, 0), "it does not hide");
	if (!control()->answer) {
		skip("memory that keeps its reader waiting", "userfaultfd is not to be had");
		end();
		return;
	}
	CHECK(guest_progresses(&guest, 0), "the guest does not run");
	send_attach();
	ended = COMES(waitpid(client.pid, &status, WNOHANG) == client.pid);
	CHECK(ended && WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM, "the helper waits on, status %#x", (unsigned int)status);
	CHECK(guest_progresses(&guest, 0), "the vCPU stands still");
	if (!ended)
		(void)client_kill(&client);
	guest_end(&guest);
}

void threads(void)
{
	names_lie("asleep");
	names_lie("busy");
	names_lie("swapped");
	filter_is_foreseen();
	calls_are_dispatched();
	numbers_have_gaps();
	vcpu_moves();
	another_is_held();
	number_is_reused_before_seize();
	many_mappings();
	reader_is_kept_waiting();
}
