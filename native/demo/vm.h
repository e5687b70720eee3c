/* A VM and its vCPUs, as small as they can be. */
#ifndef TILESCOPE_DEMO_VM_H
#define TILESCOPE_DEMO_VM_H

#include <linux/kvm.h>

#include "guests.h"

struct vm {
	int kvm, fd;
	uint8_t *memory; /* DEMO_MEMORY_BYTES, the guest's from 0 on */
	const struct guest_program *program;
	int irqchip; /* the interrupt controllers are the kernel's: a vCPU that halts does so in KVM_RUN */
};

struct vm_vcpu {
	int fd;
	struct kvm_run *run;
};

/* Says what failed and why, and ends the process. */
void vm_fail(const char *what) __attribute__((noreturn));

/* vm->memory and vm->program are the caller's; the rest is made here. Both end in vm_fail where KVM says no. */
void vm_make(struct vm *vm);
void vm_add_vcpu(const struct vm *vm, unsigned int index, struct vm_vcpu *vcpu);
/* Debug registers that nothing hits, enabled in DR7: the guest's own, as where its kernel has set breakpoints. */
void vm_set_debug_registers(const struct vm_vcpu *vcpu);
/* 1: KVM_GET_DEBUGREGS says something else than those. */
int vm_lost_debug_registers(const struct vm_vcpu *vcpu);
struct guest_area *vm_area(const struct vm *vm, unsigned int index);

/*
 * CPUID may promise what a guest cannot use here: a nested KVM can emulate instructions, and knows no vector ones then. So one
 * round is run in a VM, and a process, that are thrown away. 1: it got to its end.
 */
int vm_trial(const struct guest_program *program);

#endif
