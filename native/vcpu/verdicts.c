/* MSG_VERDICTS: what the thread's filters would say to everything the helper might ask of it. */
#include <linux/futex.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "session.h"

static void all_calls(const struct vcpu *vcpu, struct program *p)
{
	static const struct {
		const char *name;
		uint64_t request;
	} requests[] = {
		{ "KVM_GET_XSAVE2", KVM_GET_XSAVE2 }, { "KVM_GET_XSAVE", KVM_GET_XSAVE }, { "KVM_SET_XSAVE", KVM_SET_XSAVE },
		{ "KVM_GET_CPUID2", KVM_GET_CPUID2 }, { "KVM_GET_XCRS", KVM_GET_XCRS }, { "KVM_SET_XCRS", KVM_SET_XCRS },
		{ "KVM_GET_MSRS", KVM_GET_MSRS }, { "KVM_SET_MSRS", KVM_SET_MSRS }, { "KVM_GET_REGS", KVM_GET_REGS },
		{ "KVM_SET_REGS", KVM_SET_REGS }, { "KVM_GET_SREGS", KVM_GET_SREGS }, { "KVM_GET_VCPU_EVENTS", KVM_GET_VCPU_EVENTS },
		{ "KVM_TRANSLATE", KVM_TRANSLATE }, { "KVM_SET_GUEST_DEBUG", KVM_SET_GUEST_DEBUG }, { "KVM_RUN", KVM_RUN },
	};

	program_add(p, "mmap", SYS_mmap, vcpu->scratch, SCRATCH_BYTES, PROT_READ | PROT_WRITE);
	p->calls[0].arguments[3] = MAP_PRIVATE | MAP_ANONYMOUS;
	p->calls[0].arguments[4] = (uint64_t)-1;
	program_add(p, "munmap", SYS_munmap, vcpu->scratch, SCRATCH_BYTES, 0);
	program_add(p, "rt_sigreturn", SYS_rt_sigreturn, 0, 0, 0);
	program_add(p, "clock_gettime", SYS_clock_gettime, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_DONE, 0);
	program_ioctl(p, "KVM_CHECK_EXTENSION", vcpu->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);
	program_ioctl(p, "KVM_GET_DEVICE_ATTR", vcpu->kvm_fd, KVM_GET_DEVICE_ATTR, vcpu->scratch + SCRATCH_ANSWERS);
	program_add(p, "arch_prctl", SYS_arch_prctl, ARCH_GET_XCOMP_GUEST_PERM, vcpu->scratch + SCRATCH_ANSWERS, 0);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
		program_ioctl(p, requests[i].name, vcpu->fd, requests[i].request, vcpu->scratch + SCRATCH_DATA);
	/* Of the chain of steps (loop.h), beside some of those. */
	program_add(p, "process_vm_readv", SYS_process_vm_readv, (uint64_t)target.pid, vcpu->scratch + SCRATCH_LOOP, 1);
	program_add(p, "futex", SYS_futex, vcpu->scratch + SCRATCH_LOOP, FUTEX_WAIT_PRIVATE, 0);
	program_add(p, "rt_sigaction", SYS_rt_sigaction, SIGURG, vcpu->scratch + SCRATCH_LOOP, 0);
	program_add(p, "timer_create", SYS_timer_create, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_LOOP, vcpu->scratch + SCRATCH_LOOP);
	program_add(p, "timer_settime", SYS_timer_settime, 0, 0, vcpu->scratch + SCRATCH_LOOP);
	program_add(p, "timer_delete", SYS_timer_delete, 0, 0, 0);
}

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
