/* MSG_VERDICTS: what the thread's filters would say to everything the helper might ask of it. */
#include <linux/futex.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "session.h"

#define ASK_SYSCALL(call, when, a, b, c) (void)program_add(p, CALL_##call, a, b, c);
#define ASK_IOCTL(call, when, descriptor, argument) (void)program_ioctl(p, CALL_##call, vcpu->descriptor, argument);
static void all_calls(const struct vcpu *vcpu, struct program *p)
{
	INJECTED_CALLS(ASK_SYSCALL, ASK_IOCTL)
	p->calls[CALL_mmap].arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	p->calls[CALL_mmap].arguments[4] = (uint64_t)-1;
}
_Static_assert(INJECTED_COUNT <= MAX_CALLS, "every call is asked about in one program");

int verdicts(struct vcpu *vcpu, struct reply *reply, struct refusal *why)
{
	struct verdicts_head head = { 0 };
	struct program p = { 0 };

	vcpu_note_filters(vcpu);
	/* Filters that are known already cost no stop. */
	if (vcpu->filters_stale) {
		if (vcpu_stop(vcpu, NEED_ANY, why) < 0)
			return -1;
		vcpu_release(vcpu);
	}
	all_calls(vcpu, &p);
	head.count = (uint32_t)p.count;
	head.seccomp_mode = vcpu->seccomp_mode;
	(void)reply_add(reply, &head, sizeof(head));
	for (size_t i = 0; i < p.count; i++) {
		struct verdict v = { .number = p.calls[i].number, .known = vcpu->filters.unreadable_errno == 0 };

		if (v.number == SYS_ioctl)
			v.number = p.calls[i].arguments[1];
		v.action = chain_call_verdict(&target, &vcpu->filters, &p.calls[i]);
		(void)snprintf(v.call, sizeof(v.call), "%s", p.calls[i].name);
		(void)reply_add(reply, &v, sizeof(v));
	}
	return 0;
}
