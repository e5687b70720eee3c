/*
 * The guest of the live tests: a 64 KiB ROM for QEMU's -bios. It goes from the reset vector straight to long mode, enables
 * XCR0 = 0xe7 (x87, SSE, AVX, AVX-512; bits the CPU lacks are left out; or what XCR0 is defined as), and counts at 0x7e00 for ever. Integer code only:
 * it never touches a vector register, so whatever a test writes there stays until the test writes again.
 *
 * With SMP defined the other vCPUs run the same loop: the first one wakes them, and vCPU N counts at 0x7e00 + N * 0x40.
 *
 * With RAM defined the loop is copied to 0x8000 and runs there: code that lies in memory, and not in the ROM. With CALLS as well it calls
 * a function that keeps a frame pointer, which calls one that keeps none and is where the guest is nearly always; and it stores its flags.
 *
 *   as [--defsym SMP=1] [--defsym RAM=1] -o rom.o rom.S && ld -m elf_x86_64 -Ttext=0 --oformat binary -o rom.bin rom.o
 */
	.ifndef XCR0
	.equ XCR0, 0xe7
	.endif
	.globl _start
	.code16
_start:
	cli
	xorw %ax, %ax
	movw %ax, %ds
	movw %ax, %es
	movw %ax, %ss
	movw $0x7000, %sp
	cld
	.ifdef SMP
	movl $0x1b, %ecx		/* IA32_APIC_BASE: bit 8 marks the first vCPU, whose page tables all use */
	rdmsr
	testl $0x100, %eax
	movl $0, %eax
	jz tables
	.endif
	movw $0x1000, %di		/* page tables at 0x1000: the first 2 MiB, one large page */
	movw $0x1800, %cx
	rep stosw
	movl $0x2003, 0x1000
	movl $0x3003, 0x2000
	movl $0x83, 0x3000
tables:	cs lgdtl gdtr - _start
	movl %cr4, %eax
	orl $0x40620, %eax		/* PAE, OSFXSR, OSXMMEXCPT, OSXSAVE */
	movl %eax, %cr4
	movl $0x1000, %eax
	movl %eax, %cr3
	movl $0xc0000080, %ecx		/* EFER.LME */
	rdmsr
	orl $0x100, %eax
	wrmsr
	movl %cr0, %eax
	andl $0xfffffffb, %eax		/* not EM */
	orl $0x80000003, %eax		/* PG, MP, PE */
	movl %eax, %cr0
	ljmpl $8, $(0xf0000 + long_mode - _start)

	.code64
long_mode:
	movl $0x10, %eax
	movl %eax, %ds
	movl %eax, %ss
	.ifdef SMP
	movl $0x1b, %ecx
	rdmsr
	testl $0x100, %eax
	jz 3f
	orl $0x400, %eax		/* x2APIC, for its ICR is an MSR */
	wrmsr
	movl $0x830, %ecx
	xorl %edx, %edx
	movl $0xc4500, %eax		/* INIT to all others */
	wrmsr
	movl $100000, %eax
2:	decl %eax
	jnz 2b
	movl $0xc46f0, %eax		/* start-up at 0xf0000 */
	wrmsr
3:
	.endif
	movl $0xd, %eax			/* what XCR0 may hold, cut to what it is to hold */
	xorl %ecx, %ecx
	cpuid
	andl $XCR0, %eax
	xorl %edx, %edx
	xorl %ecx, %ecx
	xsetbv
	movq $0x1111222233334444, %rbx
	.ifdef SMP
	movl $1, %eax			/* initial APIC ID */
	cpuid
	shrl $24, %ebx
	shll $6, %ebx
	leaq 0x7e00(%rbx), %rdi
	movq $0x1111222233334444, %rbx
	.else
	movq $0x7e00, %rdi
	.endif
	.ifdef RAM
	movq %rdi, %rbp
	movl $(0xf0000 + 1f - _start), %esi
	movl $0x8000, %edi
	movl $(2f - 1f), %ecx
	rep movsb
	movq %rbp, %rdi
	movl $0x8000, %eax
	jmpq *%rax
	.endif
1:	incq (%rdi)
	.ifdef CALLS
	call 4f
	pushfq
	popq %rax
	.endif
	jmp 1b
	.ifdef CALLS
4:	pushq %rbp
	movq %rsp, %rbp
	call 5f
	nop
	popq %rbp
	ret
5:	movl $40, %ecx
6:	decl %ecx
	jnz 6b
	ret
	.endif
2:

	.align 8
gdt:	.quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdtr:	.word 23
	.long 0xf0000 + gdt - _start

	.org 0xfff0
	.code16
	ljmp $0xf000, $0
	.org 0x10000
