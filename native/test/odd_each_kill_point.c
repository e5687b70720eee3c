/* A signal to the VMM at each kill point of a request: it ends, or is stopped and goes on, or a vCPU's thread is kicked. */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proc.h"
#include "check.h"
#include "odd_scene.h"

#define KICK (SIGRTMIN + 1)

/* 2: the helper waits at the count-th kill point of the request; else its answer. -1: what comes before does not work. */
static int to_step(uint32_t code, int frozen, unsigned int count)
{
	if (code == MSG_ATTACH) {
		send_attach();
	} else {
		if (!attach_between_kill_points())
			return -1;
		if (frozen) {
			send_vcpu(MSG_FREEZE);
			CHECK(answer() == 1, "%s", words(&client));
		}
		send_vcpu(code);
	}
	return client_until_kill_point(&client, count, kill_point, NULL);
}

/* Its parent must get it, though the helper has traced its thread, and whoever asked the helper is told. */
static void check_killed(const char *name, uint32_t code, int outcome)
{
	(void)signal_process(guest.pid, SIGKILL);
	if (outcome == 2) {
		let_on();
		CHECK(answer() >= 0, "%s, killed at \"%s\": no answer", name, kill_point);
	}
	CHECK(is_reaped(), "%s, killed at \"%s\": its parent does not get it", name, kill_point);
	/* Of a vCPU that is attached no more, nothing is said. */
	CHECK(code == MSG_ATTACH || code == MSG_DETACH || client_wait_event(&client), "%s, killed at \"%s\": no event", name,
	      kill_point);
}

static int is_untraced(void)
{
	struct status_facts facts = { .tracer = -1 };

	return proc_status(guest.pid, guest.page->vcpus[0].tid, &facts) == 0 && facts.tracer == 0;
}

/* As long as it is stopped the guest stands still, whatever the helper does; then it goes on as if nothing had been. */
static void check_stopped(const char *name, int outcome)
{
	int answered = outcome;

	if (outcome == 2) {
		(void)signal_process(guest.pid, SIGSTOP);
		let_on();
		nap_ms(10);
		(void)signal_process(guest.pid, SIGCONT);
		answered = answer();
	}
	CHECK(answered == 1 || (answered == 0 && reason(&client) == REASON_STOP_TIMEOUT), "%s, stopped at \"%s\": %s", name, kill_point,
	      words(&client));
}

/* Each kick makes KVM_RUN return EINTR to the VMM: not one is lost. */
static void check_kicked(const char *name, int outcome)
{
	volatile struct demo_vcpu *v = &guest.page->vcpus[0];
	uint64_t before = v->eintr_count;
	int answered = outcome;

	if (outcome == 2) {
		(void)syscall(SYS_tgkill, guest.pid, v->tid, KICK);
		let_on();
		answered = answer();
		if (client.refusal == NULL && v->eintr_count == before) {
			struct vcpu_ref ref = { guest.pid, 0 };

			/* Held, it gets it when it goes on. */
			(void)client_send(&client, MSG_RESUME, &ref, sizeof(ref));
			(void)answer();
		}
		CHECK(COMES(v->eintr_count > before), "%s, kicked at \"%s\": the kick is lost", name, kill_point);
	}
	CHECK(answered == 1, "%s, kicked at \"%s\": %s", name, kill_point, words(&client));
}

static void check_goes_on(const char *name)
{
	/* A helper that ends lets go of what it has frozen. */
	CHECK(client_end(&client) == 0, "the helper did not end with 0");
	CHECK(guest_progresses(&guest, 0) && is_untraced(), "%s, signal at \"%s\": it does not go on", name, kill_point);
	CHECK(guest.page->vcpus[0].other_errors == 0, "%s, signal at \"%s\": KVM_RUN failed", name, kill_point);
}

static void at_each_step(int signal_number, const char *name, uint32_t code, const char *place, int frozen)
{
	unsigned int count = 0;
	int outcome = 2;

	if (!start(stepped, place, NULL))
		return;
	while (outcome == 2 && is_fine()) {
		outcome = to_step(code, frozen, ++count);
		if (signal_number == SIGKILL)
			check_killed(name, code, outcome);
		else if (signal_number == SIGSTOP)
			check_stopped(name, outcome);
		else
			check_kicked(name, outcome);
		if (signal_number != SIGKILL) {
			check_goes_on(name);
			CHECK(outcome != 2 || client_start_with_kill_points(&client, stepped) == 0, "no helper");
		} else {
			end();
			if (outcome == 2 && !start(stepped, place, NULL))
				return;
		}
	}
	if (signal_number != SIGKILL)
		guest_end(&guest);
	printf("# %s: signal %d at each of %u kill points\n", name, signal_number, count ? count - 1 : 0);
}

void signals_at_each_kill_point(void)
{
	rule("a VMM that is killed at any kill point of a request ends for its parent too");
	at_each_step(SIGKILL, "attach", MSG_ATTACH, NULL, 0);
	at_each_step(SIGKILL, "capture", MSG_CAPTURE, NULL, 0);
	at_each_step(SIGKILL, "capture on the first thread", MSG_CAPTURE, "--main", 0);
	at_each_step(SIGKILL, "capture of a frozen vCPU", MSG_CAPTURE, NULL, 1);
	at_each_step(SIGKILL, "detach", MSG_DETACH, NULL, 0);
	rule("a VMM that is stopped at any kill point of a request, and goes on, goes on");
	at_each_step(SIGSTOP, "attach", MSG_ATTACH, NULL, 0);
	at_each_step(SIGSTOP, "capture", MSG_CAPTURE, NULL, 0);
	at_each_step(SIGSTOP, "capture of a frozen vCPU", MSG_CAPTURE, NULL, 1);
	at_each_step(SIGSTOP, "detach", MSG_DETACH, NULL, 0);
	rule("a kick at any kill point of a request reaches the VMM");
	at_each_step(KICK, "attach", MSG_ATTACH, NULL, 0);
	at_each_step(KICK, "capture", MSG_CAPTURE, NULL, 0);
	at_each_step(KICK, "capture of a frozen vCPU", MSG_CAPTURE, NULL, 1);
	at_each_step(KICK, "detach", MSG_DETACH, NULL, 0);
}
