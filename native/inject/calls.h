/*
 * Every call that a thread of the VMM is made to make, one row each. Its name here is the one on the wire and in refusals, its number
 * and an ioctl's request follow from the name, and the arguments are those that a filter is asked with before any is made
 * (vcpu/verdicts.c). A call without a row cannot be put into a program. app/wire/calls.ts has the same rows for people.
 */
#ifndef TILESCOPE_CALLS_H
#define TILESCOPE_CALLS_H

#include <linux/kvm.h>
#include <stdint.h>

#include "kernel.h"

/* SYSCALL(name, a, b, c), and of the vCPU's, the VM's or KVM's descriptor IOCTL(name, descriptor, argument); `vcpu` is whose they are. */
#define INJECTED_CALLS(SYSCALL, IOCTL) \
	SYSCALL(mmap, vcpu->scratch, SCRATCH_BYTES, PROT_READ | PROT_WRITE) \
	SYSCALL(munmap, vcpu->scratch, SCRATCH_BYTES, 0) \
	SYSCALL(rt_sigreturn, 0, 0, 0) \
	SYSCALL(clock_gettime, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_DONE, 0) \
	IOCTL(KVM_CHECK_EXTENSION, vm_fd, KVM_CAP_XSAVE2) \
	IOCTL(KVM_GET_DEVICE_ATTR, kvm_fd, vcpu->scratch + SCRATCH_ANSWERS) \
	SYSCALL(arch_prctl, ARCH_GET_XCOMP_GUEST_PERM, vcpu->scratch + SCRATCH_ANSWERS, 0) \
	IOCTL(KVM_GET_XSAVE2, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_XSAVE, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_XSAVE, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_CPUID2, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_XCRS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_XCRS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_MSRS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_MSRS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_REGS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_REGS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_SREGS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_GET_VCPU_EVENTS, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_TRANSLATE, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_SET_GUEST_DEBUG, fd, vcpu->scratch + SCRATCH_DATA) \
	IOCTL(KVM_RUN, fd, vcpu->scratch + SCRATCH_DATA) \
	/* Of the chain of steps (loop.h), beside some of those. */ \
	SYSCALL(process_vm_readv, (uint64_t)target.pid, vcpu->scratch + SCRATCH_LOOP, 1) \
	SYSCALL(futex, vcpu->scratch + SCRATCH_LOOP, FUTEX_WAIT_PRIVATE, 0) \
	SYSCALL(rt_sigaction, SIGURG, vcpu->scratch + SCRATCH_LOOP, 0) \
	SYSCALL(timer_create, CLOCK_MONOTONIC, vcpu->scratch + SCRATCH_LOOP, vcpu->scratch + SCRATCH_LOOP) \
	SYSCALL(timer_settime, 0, 0, vcpu->scratch + SCRATCH_LOOP) \
	SYSCALL(timer_delete, 0, 0, 0)

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
