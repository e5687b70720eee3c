/* The floors of bench_live.c: a VM of this process. */
#include "bench.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel.h"

#define MSR_ALWAYS_THERE 0x1bu /* IA32_APICBASE */

struct one_msr {
	struct kvm_msrs head;
	struct kvm_msr_entry entry;
};

void own_vm_start(struct vm *vm, struct vm_vcpu *vcpu)
{
	*vm = (struct vm){ .program = guest_program_named("integer") };
	vm->memory = mmap(NULL, DEMO_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm_make(vm);
	vm_add_vcpu(vm, 0, vcpu);
}

static void step_once(const struct vm_vcpu *vcpu)
{
	if (ioctl(vcpu->fd, KVM_RUN, 0) < 0 || vcpu->run->exit_reason != KVM_EXIT_DEBUG)
		give_up("KVM_RUN");
}

double own_step_us(const struct vm_vcpu *vcpu, enum own_step how)
{
	static uint8_t xsave[0x8000];
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	const uint64_t brought = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), synced = (ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) & (int)brought) == (int)brought;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct kvm_xcrs xcrs;
	struct one_msr msr = { .head = { .nmsrs = 1 }, .entry = { .index = MSR_ALWAYS_THERE } };
	uint64_t from, whole;

	close(kvm);
	vcpu->run->kvm_valid_regs = how == STEP_READ && synced ? brought : 0;
	from = now(CLOCK_THREAD_CPUTIME_ID);
	for (uint32_t i = 0; i < STEPS; i++) {
		if ((how == STEP_ARMED || i == 0) && ioctl(vcpu->fd, KVM_SET_GUEST_DEBUG, &debug) < 0)
			give_up("KVM_SET_GUEST_DEBUG");
		step_once(vcpu);
		if (how != STEP_READ)
			continue;
		if (!synced) {
			(void)ioctl(vcpu->fd, KVM_GET_REGS, &regs);
			(void)ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);
		}
		(void)ioctl(vcpu->fd, KVM_GET_XSAVE2, xsave);
		(void)ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs);
		(void)ioctl(vcpu->fd, KVM_GET_MSRS, &msr);
	}
	whole = now(CLOCK_THREAD_CPUTIME_ID) - from;
	vcpu->run->kvm_valid_regs = 0;
	return (double)whole / 1000.0 / STEPS;
}

double own_calls_us(const struct vm_vcpu *vcpu)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid;
	static uint8_t xsave[0x8000];
	struct kvm_xcrs xcrs;
	struct kvm_regs regs;
	struct kvm_sregs sregs;
	struct one_msr msr = { .head = { .nmsrs = 1 }, .entry = { .index = MSR_ALWAYS_THERE } };
	static uint64_t times[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		uint64_t from = now(CLOCK_MONOTONIC);

		(void)ioctl(vcpu->fd, KVM_GET_XSAVE2, xsave);
		cpuid.head.nent = 256;
		(void)ioctl(vcpu->fd, KVM_GET_CPUID2, &cpuid);
		(void)ioctl(vcpu->fd, KVM_GET_XCRS, &xcrs);
		(void)ioctl(vcpu->fd, KVM_GET_REGS, &regs);
		(void)ioctl(vcpu->fd, KVM_GET_SREGS, &sregs);
		(void)ioctl(vcpu->fd, KVM_GET_MSRS, &msr);
		times[i] = now(CLOCK_MONOTONIC) - from;
	}
	return percentile(times, ROUNDS, 50);
}
