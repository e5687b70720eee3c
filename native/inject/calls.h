/*
 * Every call that a thread of the VMM is made to make, one row each. Its name here is the one on the wire and in refusals, its number
 * and an ioctl's request follow from the name, and the arguments are those that a filter is asked with before any is made
 * (vcpu/verdicts.c). A call without a row cannot be put into a program. app/wire/calls.ts is written from these rows.
 */
#ifndef TILESCOPE_CALLS_H
#define TILESCOPE_CALLS_H

#include <linux/kvm.h>
#include <stdint.h>

#include "kernel.h"

/*
 * SYSCALL(name, when, a, b, c), and of the vCPU's, the VM's or KVM's descriptor IOCTL(name, when, descriptor, argument); `vcpu` is
 * whose they are. `when` is what a session makes it for first: attach, capture, write, memory or step.
 */
#define INJECTED_CALLS(SYSCALL, IOCTL) \
	SYSCALL(mmap, attach, vcpu->scratch, SCRATCH_BYTES, PROT_READ | PROT_WRITE) \
	SYSCALL(munmap, attach, vcpu->scratch, SCRATCH_BYTES, 0) \
	SYSCALL(rt_sigreturn, capture, 0, 0, 0) \
	SYSCALL(clock_gettime, capture, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_DONE, 0) \
	IOCTL(KVM_CHECK_EXTENSION, attach, vm_fd, KVM_CAP_XSAVE2) \
	IOCTL(KVM_GET_DEVICE_ATTR, attach, kvm_fd, vcpu->scratch + SCRATCH_ANSWERS) \
	SYSCALL(arch_prctl, attach, ARCH_GET_XCOMP_GUEST_PERM, vcpu->scratch + SCRATCH_ANSWERS, 0) \
	IOCTL(KVM_GET_XSAVE2, capture, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_XSAVE, attach, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_XSAVE, write, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_CPUID2, capture, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_XCRS, capture, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_XCRS, write, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_MSRS, capture, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_MSRS, write, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_REGS, capture, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_REGS, write, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_SREGS, capture, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_VCPU_EVENTS, write, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_TRANSLATE, memory, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_GUEST_DEBUG, step, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_RUN, step, fd, vcpu->scratch + SCRATCH_DATA) \
	/* Of the chain of steps (loop.h), beside some of those. */ \
	SYSCALL(process_vm_readv, step, (uint64_t)target.pid, vcpu->scratch + SCRATCH_LOOP, 1) \
	SYSCALL(futex, step, vcpu->scratch + SCRATCH_LOOP, FUTEX_WAIT_PRIVATE, 0) \
	SYSCALL(rt_sigaction, step, SIGURG, vcpu->scratch + SCRATCH_LOOP, 0) \
	SYSCALL(timer_create, step, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_LOOP, vcpu->scratch + SCRATCH_LOOP) \
	SYSCALL(timer_settime, step, 0, 0, vcpu->scratch + SCRATCH_LOOP) \
	SYSCALL(timer_delete, step, 0, 0, 0)

#define INJECTED_ENUM(name, ...) CALL_##name,
enum injected { INJECTED_CALLS(INJECTED_ENUM, INJECTED_ENUM) INJECTED_COUNT };
#undef INJECTED_ENUM

struct injected_row {
	const char *name;
	uint64_t number;
	uint64_t request; /* of an ioctl */
};
extern const struct injected_row injected_calls[INJECTED_COUNT];

/* The call that brings the image: KVM_GET_XSAVE2, or KVM_GET_XSAVE where the request says so. */
static inline enum injected get_image_call(uint64_t request)
{
	return request == KVM_GET_XSAVE ? CALL_KVM_GET_XSAVE : CALL_KVM_GET_XSAVE2;
}

#endif
