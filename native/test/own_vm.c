#include "own_vm.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE_BYTES 4096u
#define START 0x1000u
#define WRITTEN 0x1100u

/* What the guest does, in real mode, and where DR0 stops it by DR7. */
struct trial {
	uint8_t code[8];
	uint64_t dr0, dr7;
};
/* nop; nop; hlt, with a breakpoint at the second. */
static const struct trial breakpoint = { { 0x90, 0x90, 0xf4 }, START + 1, 0x402 };
/* mov [0x1100], al; nop; hlt, with a watchpoint on the byte that is written. */
static const struct trial watchpoint = { { 0xa2, WRITTEN & 0xff, WRITTEN >> 8, 0x90, 0xf4 }, WRITTEN, 0x10402 };

static int is_hit_in(int vcpu, const struct kvm_run *run, const struct trial *trial)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
	struct kvm_sregs sregs;
	struct kvm_regs regs = { .rip = START, .rflags = 2 };

	debug.arch.debugreg[0] = trial->dr0;
	debug.arch.debugreg[7] = trial->dr7;
	if (ioctl(vcpu, KVM_GET_SREGS, &sregs) < 0)
		return 0;
	sregs.cs.base = sregs.cs.selector = 0;
	return ioctl(vcpu, KVM_SET_SREGS, &sregs) == 0 && ioctl(vcpu, KVM_SET_REGS, &regs) == 0 &&
	       ioctl(vcpu, KVM_SET_GUEST_DEBUG, &debug) == 0 && ioctl(vcpu, KVM_RUN, 0) == 0 && run->exit_reason == KVM_EXIT_DEBUG;
}

static int ask(int kvm, int vm, const struct trial *trial)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = START, .memory_size = PAGE_BYTES };
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), are_hit = 0;
	uint8_t *memory = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct kvm_run *run = bytes > 0 ? mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0) : MAP_FAILED;

	if (memory != MAP_FAILED && run != MAP_FAILED) {
		memcpy(memory, trial->code, sizeof(trial->code));
		region.userspace_addr = (uintptr_t)memory;
		are_hit = ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) == 0 && is_hit_in(vcpu, run, trial);
	}
	if (run != MAP_FAILED)
		(void)munmap(run, (size_t)bytes);
	(void)close(vcpu);
	return are_hit;
}

static int is_hit(const struct trial *trial)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vm = kvm < 0 ? -1 : ioctl(kvm, KVM_CREATE_VM, 0);
	int are_hit = vm >= 0 && ask(kvm, vm, trial);

	(void)close(vm);
	(void)close(kvm);
	return are_hit;
}

int breakpoints_are_hit(void)
{
	return is_hit(&breakpoint);
}

int watchpoints_are_hit(void)
{
	return is_hit(&watchpoint);
}
