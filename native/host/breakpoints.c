#include "breakpoints.h"

#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

/* In 64-bit mode, as nearly all guests are: an Intel CPU without unrestricted guest has real mode emulated. */
#define MEMORY_BYTES 0x10000u
#define CODE 0x1000u
#define DATA 0x2000u
#define PML4 0x4000u
#define PDPT 0x5000u
#define PD 0x6000u
#define PAGE_PRESENT_WRITABLE 3u
#define PAGE_LARGE 0x80u
#define TSS_ADDRESS 0xfffbd000u
#define CR0_64_BIT 0x80000031u /* PG, NE, ET, PE */
#define CR4_64_BIT 0x20u       /* PAE */
#define EFER_64_BIT 0x500u     /* LMA, LME */
#define RFLAGS 0x202u          /* IF: an emulated CPU may hold back the host's own interrupts with the guest's */

/* nop; nop; mov %al, (%rbx); nop; hlt */
static const uint8_t code[] = { 0x90, 0x90, 0x88, 0x03, 0x90, 0xf4 };
#define SECOND_NOP (CODE + 1)
/* ud2; nop; nop; hlt, and its handler: nop; addq $2, (%rsp); iretq */
static const uint8_t faulting[] = { 0x0f, 0x0b, 0x90, 0x90, 0xf4 };
static const uint8_t handler[] = { 0x90, 0x48, 0x83, 0x04, 0x24, 0x02, 0x48, 0xcf };
#define FAULTING 0x1800u
#define HANDLER 0x1900u
#define STACK 0x3000u
#define GDT 0x7000u
#define IDT 0x8000u
#define CODE_SELECTOR 8u
#define DATA_SELECTOR 16u
#define CODE_DESCRIPTOR 0x00af9b000000ffffull
#define DATA_DESCRIPTOR 0x00cf93000000ffffull
#define VECTOR_UD 6u
#define INTERRUPT_GATE 0x8e00ull

struct trial {
	int vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_bytes;
};

static void put_u64(const struct trial *t, uint32_t at, uint64_t value)
{
	memcpy(t->memory + at, &value, sizeof(value));
}

static struct kvm_segment flat(uint16_t selector, uint8_t type, int is_code)
{
	return (struct kvm_segment){
		.limit = 0xffffffffu, .selector = selector, .type = type, .present = 1, .s = 1, .l = (uint8_t)is_code,
		.db = (uint8_t)!is_code, .g = 1,
	};
}

static int make(int kvm, struct trial *t)
{
	struct kvm_userspace_memory_region region = { .memory_size = MEMORY_BYTES };
	int run_bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	t->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (t->vm < 0 || run_bytes <= 0)
		return -1;
	t->run_bytes = (size_t)run_bytes;
	(void)ioctl(t->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
	t->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	region.userspace_addr = (uintptr_t)t->memory;
	if (t->memory == MAP_FAILED || ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return -1;
	memcpy(t->memory + CODE, code, sizeof(code));
	memcpy(t->memory + FAULTING, faulting, sizeof(faulting));
	memcpy(t->memory + HANDLER, handler, sizeof(handler));
	put_u64(t, GDT + CODE_SELECTOR, CODE_DESCRIPTOR);
	put_u64(t, GDT + DATA_SELECTOR, DATA_DESCRIPTOR);
	put_u64(t, IDT + VECTOR_UD * 16, HANDLER | (uint64_t)CODE_SELECTOR << 16 | INTERRUPT_GATE << 32);
	put_u64(t, PML4, PDPT | PAGE_PRESENT_WRITABLE);
	put_u64(t, PDPT, PD | PAGE_PRESENT_WRITABLE);
	put_u64(t, PD, PAGE_LARGE | PAGE_PRESENT_WRITABLE);
	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	if (t->vcpu < 0)
		return -1;
	t->run = mmap(NULL, t->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	return t->run == MAP_FAILED ? -1 : 0;
}

/* KVM takes 64-bit mode of a vCPU alone whose CPUID has it. */
static int set_cpuid(int kvm, const struct trial *t)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid;

	cpuid.head.nent = 256;
	return ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 ? -1 : ioctl(t->vcpu, KVM_SET_CPUID2, &cpuid);
}

/* From that instruction on, debugged so. The exit's reason; -1: the vCPU was not to be had so. */
static int run_from(const struct trial *t, uint64_t rip, const struct kvm_guest_debug *debug)
{
	struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };
	struct kvm_regs regs = { .rip = rip, .rbx = DATA, .rsp = STACK, .rflags = RFLAGS };
	struct kvm_sregs sregs;

	if (ioctl(t->vcpu, KVM_GET_SREGS, &sregs) < 0)
		return -1;
	sregs.cs = flat(CODE_SELECTOR, 11, 1);
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat(DATA_SELECTOR, 3, 0);
	sregs.gdt = (struct kvm_dtable){ .base = GDT, .limit = DATA_SELECTOR + 7 };
	sregs.idt = (struct kvm_dtable){ .base = IDT, .limit = VECTOR_UD * 16 + 15 };
	sregs.cr0 = CR0_64_BIT;
	sregs.cr3 = PML4;
	sregs.cr4 = CR4_64_BIT;
	sregs.efer = EFER_64_BIT;
	(void)ioctl(t->vcpu, KVM_SET_MP_STATE, &runnable);
	if (ioctl(t->vcpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(t->vcpu, KVM_SET_REGS, &regs) < 0 ||
	    ioctl(t->vcpu, KVM_SET_GUEST_DEBUG, debug) < 0 || ioctl(t->vcpu, KVM_RUN, 0) < 0)
		return -1;
	return (int)t->run->exit_reason;
}

/* 1: a guest stopped at what DR0 and DR7 say; 0: it halted; -1: neither. */
static int is_hit(const struct trial *t, uint64_t dr0, uint64_t dr7)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP };
	int reason;

	debug.arch.debugreg[0] = dr0;
	debug.arch.debugreg[7] = dr7;
	reason = run_from(t, CODE, &debug);
	return reason == KVM_EXIT_DEBUG ? 1 : reason == KVM_EXIT_HLT ? 0 : -1;
}

/* 1: a step of an instruction that faults ended behind its handler; 0: in the handler, whose frame has TF; -1: neither. */
static int ends_behind_handler(const struct trial *t)
{
	struct kvm_guest_debug debug = { .control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP };
	struct kvm_regs regs;

	if (run_from(t, FAULTING, &debug) != KVM_EXIT_DEBUG || ioctl(t->vcpu, KVM_GET_REGS, &regs) < 0)
		return -1;
	return regs.rip - HANDLER >= sizeof(handler);
}

static void ask(int kvm, struct breakpoints_reply *reply)
{
	struct trial t = { .vm = -1, .vcpu = -1, .memory = MAP_FAILED, .run = MAP_FAILED };
	int at_instruction = -1, at_data = -1, behind = -1;

	if (make(kvm, &t) == 0 && set_cpuid(kvm, &t) == 0) {
		at_instruction = is_hit(&t, SECOND_NOP, 0x402);
		at_data = is_hit(&t, DATA, 0x10402); /* one byte that is written */
		behind = ends_behind_handler(&t);
	}
	reply->known = (at_instruction >= 0 && at_data >= 0 ? KNOWS_BREAKPOINTS : 0) | (behind >= 0 ? KNOWS_FAULTS : 0);
	reply->instructions = at_instruction == 1;
	reply->data = at_data == 1;
	reply->faults = behind == 1;
	if (t.run != MAP_FAILED)
		(void)munmap(t.run, t.run_bytes);
	if (t.vcpu >= 0)
		(void)close(t.vcpu);
	if (t.vm >= 0)
		(void)close(t.vm);
	if (t.memory != MAP_FAILED)
		(void)munmap(t.memory, MEMORY_BYTES);
}

const struct breakpoints_reply *breakpoints_hit(void)
{
	static struct breakpoints_reply reply;
	static int is_asked;
	int kvm;

	if (is_asked)
		return &reply;
	is_asked = 1;
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm >= 0) {
		ask(kvm, &reply);
		(void)close(kvm);
	}
	return &reply;
}

int breakpoints_answer(const void *payload, size_t bytes, struct reply *reply, struct refusal *why)
{
	(void)payload;
	(void)bytes;
	(void)why;
	(void)reply_add(reply, breakpoints_hit(), sizeof(struct breakpoints_reply));
	return 0;
}
