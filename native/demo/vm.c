#include "vm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef ARCH_REQ_XCOMP_GUEST_PERM
#define ARCH_REQ_XCOMP_GUEST_PERM 0x1025
#endif
#define TRIAL_SECONDS 3

/* GDT: nothing, 64-bit code, data. A gate of the IDT that changes neither stack nor IF. */
#define CODE_SELECTOR 8u
#define DATA_SELECTOR 16u
#define CODE_DESCRIPTOR 0x00af9b000000ffffull
#define DATA_DESCRIPTOR 0x00cf93000000ffffull
#define TRAP_GATE 0x8f00ull
#define VECTOR_NM 7u
#define PAGE_PRESENT_WRITABLE 3u
#define PAGE_LARGE 0x80u

/*
 * IF is set although nothing will ever interrupt the guest: an emulated CPU (Bochs 3.0) enters a guest with IF clear still
 * holding back the host's own interrupts, and a guest that never leaves by itself would then never give the CPU back.
 */
#define RFLAGS_START 0x202u
#define CR0_64_BIT 0x80010033u /* PG, WP, NE, ET, MP, PE */
#define CR4_64_BIT 0x40620u    /* OSXSAVE, OSXMMEXCPT, OSFXSR, PAE */
#define EFER_64_BIT 0x500u     /* LMA, LME */

void vm_fail(const char *what)
{
	fprintf(stderr, "demo-vmm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put_u64(const struct vm *vm, uint64_t address, uint64_t value)
{
	memcpy(vm->memory + address, &value, sizeof(value));
}

struct guest_area *vm_area(const struct vm *vm, unsigned int index)
{
	return (struct guest_area *)(void *)(vm->memory + GUEST_AREAS + (size_t)index * GUEST_AREA_BYTES);
}

/* One large page that maps the guest's memory to itself, segments, and the one interrupt there can be. */
static void fill_64_bit(const struct vm *vm)
{
	put_u64(vm, GUEST_PML4, GUEST_PDPT | PAGE_PRESENT_WRITABLE);
	put_u64(vm, GUEST_PDPT, GUEST_PD | PAGE_PRESENT_WRITABLE);
	put_u64(vm, GUEST_PD, PAGE_LARGE | PAGE_PRESENT_WRITABLE);
	put_u64(vm, GUEST_GDT + CODE_SELECTOR, CODE_DESCRIPTOR);
	put_u64(vm, GUEST_GDT + DATA_SELECTOR, DATA_DESCRIPTOR);
	if (vm->program->on_nm)
		put_u64(vm, GUEST_IDT + VECTOR_NM * 16,
			(uint64_t)(GUEST_CODE + (vm->program->on_nm - vm->program->code)) | (uint64_t)CODE_SELECTOR << 16 |
				TRAP_GATE << 32);
}

void vm_make(struct vm *vm)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = DEMO_MEMORY_BYTES, .userspace_addr = (uint64_t)(uintptr_t)vm->memory,
	};

	/* The first vCPU closes the list of what guests of this process may use. */
	if (vm->program->permission &&
	    syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_GUEST_PERM, (unsigned long)vm->program->permission) < 0)
		vm_fail("ARCH_REQ_XCOMP_GUEST_PERM");
	vm->kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (vm->kvm < 0)
		vm_fail("/dev/kvm");
	vm->fd = ioctl(vm->kvm, KVM_CREATE_VM, 0);
	if (vm->fd < 0)
		vm_fail("KVM_CREATE_VM");
	/* Intel CPUs without unrestricted guest need a page for real mode; the address only has to be free. */
	(void)ioctl(vm->fd, KVM_SET_TSS_ADDR, 0xfffbd000u);
	if (vm->irqchip && ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
		vm_fail("KVM_CREATE_IRQCHIP");
	if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		vm_fail("KVM_SET_USER_MEMORY_REGION");
	memcpy(vm->memory + GUEST_CODE, vm->program->code, (size_t)(vm->program->code_end - vm->program->code));
	if (vm->program->mode == GUEST_64_BIT)
		fill_64_bit(vm);
}

static struct kvm_segment segment(uint16_t selector, uint8_t type, int is_code)
{
	return (struct kvm_segment){
		.limit = 0xffffffffu, .selector = selector, .type = type, .present = 1, .s = 1, .l = (uint8_t)is_code,
		.db = (uint8_t)!is_code, .g = 1,
	};
}

static void set_64_bit(const struct vm *vm, unsigned int index, struct kvm_sregs *sregs, struct kvm_regs *regs)
{
	uint64_t area = GUEST_AREAS + (uint64_t)index * GUEST_AREA_BYTES;

	sregs->cs = segment(CODE_SELECTOR, 11, 1);
	sregs->ds = sregs->es = sregs->fs = sregs->gs = sregs->ss = segment(DATA_SELECTOR, 3, 0);
	sregs->gdt = (struct kvm_dtable){ .base = GUEST_GDT, .limit = DATA_SELECTOR + 7 };
	sregs->idt = (struct kvm_dtable){ .base = GUEST_IDT, .limit = VECTOR_NM * 16 + 15 };
	sregs->cr0 = CR0_64_BIT;
	sregs->cr3 = GUEST_PML4;
	sregs->cr4 = CR4_64_BIT;
	sregs->efer = EFER_64_BIT;
	regs->rdi = area;
	regs->rsi = GUEST_COUNTERS + (uint64_t)index * DEMO_VCPU_STRIDE;
	regs->rsp = area + AREA_STACK_TOP;
	vm_area(vm, index)->xcr0 = vm->program->xcr0;
	vm->program->fill(vm_area(vm, index));
}

static void set_registers(const struct vm *vm, unsigned int index, const struct vm_vcpu *vcpu)
{
	struct kvm_regs regs = { .rip = GUEST_CODE, .rflags = RFLAGS_START };
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0)
		vm_fail("KVM_GET_SREGS");
	if (vm->program->mode == GUEST_64_BIT) {
		set_64_bit(vm, index, &sregs, &regs);
	} else {
		sregs.cs.base = sregs.cs.selector = 0;
		sregs.ds.selector = (uint16_t)(index * DEMO_VCPU_STRIDE / 16);
		sregs.ds.base = (uint64_t)index * DEMO_VCPU_STRIDE;
	}
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
		vm_fail("KVM_SET_REGS");
}

void vm_add_vcpu(const struct vm *vm, unsigned int index, struct vm_vcpu *vcpu)
{
	int run_bytes = ioctl(vm->kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid = { .head.nent = 256 };

	vcpu->fd = ioctl(vm->fd, KVM_CREATE_VCPU, index);
	if (vcpu->fd < 0 || run_bytes < 0)
		vm_fail("KVM_CREATE_VCPU");
	vcpu->run = mmap(NULL, (size_t)run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		vm_fail("mmap of kvm_run");
	if (ioctl(vm->kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 || ioctl(vcpu->fd, KVM_SET_CPUID2, &cpuid) < 0)
		vm_fail("KVM_SET_CPUID2");
	(void)ioctl(vcpu->fd, KVM_SET_MP_STATE, &runnable);
	set_registers(vm, index, vcpu);
}

/* No code and no data of any guest is there. Four breakpoints on instructions, global ones. */
static const struct kvm_debugregs own_debug_registers = {
	.db = { 0xf0000, 0xf1001, 0xf2002, 0xf3003 }, .dr6 = 0xffff0ff0, .dr7 = 0x4aa,
};

void vm_set_debug_registers(const struct vm_vcpu *vcpu)
{
	if (ioctl(vcpu->fd, KVM_SET_DEBUGREGS, &own_debug_registers) < 0)
		vm_fail("KVM_SET_DEBUGREGS");
}

int vm_lost_debug_registers(const struct vm_vcpu *vcpu)
{
	struct kvm_debugregs now = { .flags = 1 };

	return ioctl(vcpu->fd, KVM_GET_DEBUGREGS, &now) < 0 || memcmp(&now, &own_debug_registers, sizeof(now)) != 0;
}

static void run_trial(const struct guest_program *program)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct vm vm = { .program = program };
	struct vm_vcpu vcpu;

	/* What does not work here is no news for the user. */
	(void)dup2(null, STDERR_FILENO);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(TRIAL_SECONDS);
	vm.memory = mmap(NULL, DEMO_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm.memory == MAP_FAILED)
		vm_fail("mmap");
	vm_make(&vm);
	vm_add_vcpu(&vm, 0, &vcpu);
	vm_area(&vm, 0)->step = STEP_TRIAL;
	if (ioctl(vcpu.fd, KVM_RUN, 0) < 0)
		vm_fail("KVM_RUN");
	_exit(vcpu.run->exit_reason == KVM_EXIT_HLT ? 0 : 1);
}

int vm_trial(const struct guest_program *program)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0)
		run_trial(program);
	if (pid < 0)
		return 0;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
