/*
 * What Tilescope looks at in a Linux guest, and nothing else of a kernel: handlers in an IDT, IA32_LSTAR, per-CPU memory with a task behind GS, and
 * calls that end in a loop. It is linked at the address of its symbols, runs wherever it is mapped, and begins with its entry.
 *
 * With ORC defined its functions keep no frame pointers, and tables say where each frame lies, as Linux 6.1 has them.
 *
 *	as [--defsym ORC=1] -o kernel.o kernel.S && ld -m elf_x86_64 -e start_kernel -Ttext=0xffffffff81000000 --section-start=.percpu=0 -o kernel kernel.o
 */
	.code64
	.text
	.globl start_kernel
start_kernel:
	leaq stack_top(%rip), %rsp
	leaq handlers(%rip), %rsi
	leaq idt(%rip), %rdi
	movl $20, %ecx
1:	movq %rsi, %rax
	movw %ax, (%rdi)
	movw $8, 2(%rdi)
	movw $0x8e00, 4(%rdi)		/* present, an interrupt gate */
	shrq $16, %rax
	movw %ax, 6(%rdi)
	shrq $16, %rax
	movl %eax, 8(%rdi)
	addq $16, %rdi
	addq $16, %rsi
	decl %ecx
	jnz 1b
	leaq idt(%rip), %rax
	movq %rax, idtr+2(%rip)
	lidt idtr(%rip)
	movl $0xc0000082, %ecx		/* IA32_LSTAR */
	leaq entry_SYSCALL_64(%rip), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	movl $0xc0000101, %ecx		/* IA32_GS_BASE */
	leaq per_cpu(%rip), %rax
	movq %rax, %rdx
	shrq $32, %rdx
	wrmsr
	leaq init_task(%rip), %rax
	movq %rax, per_cpu+0x40(%rip)
	xorl %ebp, %ebp
	call rest_init
	hlt

	.globl rest_init, do_idle, default_idle
	.ifdef ORC
rest_init:
	subq $24, %rsp
.Lrest:	call do_idle
	hlt
do_idle:
	subq $40, %rsp
.Ldo:	call default_idle
	hlt
default_idle:
	pushq %rbx
.Ldefault:
	incq counter(%rip)
	jmp .Ldefault
	.else
rest_init:
	pushq %rbp
	movq %rsp, %rbp
	call do_idle
	hlt
do_idle:
	pushq %rbp
	movq %rsp, %rbp
	subq $16, %rsp
	call default_idle
	hlt
default_idle:
	pushq %rbp
	movq %rsp, %rbp
1:	incq counter(%rip)
	jmp 1b
	.endif
.Lend:

	.globl entry_SYSCALL_64
entry_SYSCALL_64:
	hlt

	.macro handler name
	.balign 16
	.globl \name
\name:	hlt
	.endm
	.balign 16
handlers:
	.irp name, asm_exc_divide_error, asm_exc_debug, asm_exc_nmi, asm_exc_int3, asm_exc_overflow, asm_exc_bounds, asm_exc_invalid_op
	handler \name
	.endr
	.irp name, asm_exc_device_not_available, asm_exc_double_fault, vector_9, asm_exc_invalid_tss, asm_exc_segment_not_present
	handler \name
	.endr
	.irp name, asm_exc_stack_segment, asm_exc_general_protection, asm_exc_page_fault, vector_15, asm_exc_coprocessor_error
	handler \name
	.endr
	.irp name, asm_exc_alignment_check, asm_exc_machine_check, asm_exc_simd_coprocessor_error
	handler \name
	.endr

	.ifdef ORC
	.globl __start_orc_unwind_ip, __stop_orc_unwind_ip, __start_orc_unwind, linux_banner
	.balign 4
__start_orc_unwind_ip:
	.irp at, start_kernel, rest_init, .Lrest, do_idle, .Ldo, default_idle, .Ldefault, .Lend
	.long \at - .
	.endr
__stop_orc_unwind_ip:
	/* Where the frame before lies, RBP, and bits: RSP is register 5; a row without one ends the stack by bit 10. */
__start_orc_unwind:
	.word 0, 0, 1 << 10
	.word 8, 0, 5
	.word 32, 0, 5
	.word 8, 0, 5
	.word 48, 0, 5
	.word 8, 0, 5
	.word 16, 0, 5
	.word 0, 0, 0
linux_banner:
	.asciz "Linux version 6.1.0-test (of the tests)"
	.endif

	.balign 16
idtr:	.word 20 * 16 - 1
	.quad 0
	.balign 16
idt:	.fill 20 * 16
	/* struct task_struct as the BTF of the tests has it. */
	.globl init_task
init_task:
	.org init_task + 0x98
	.long 4243, 4242
	.org init_task + 0xb8
	.asciz "matmul"
	.org init_task + 0x100
per_cpu:
	.fill 0x100
	.globl counter
counter: .quad 0
	.balign 16
	.fill 0x400
stack_top:
	.fill 0x40

	/* At address 0, as a kernel's linker lays it: what stands there is an offset into the memory of each CPU. */
	.section .percpu, "aw"
	.org 0x40
	.globl current_task
current_task: .quad 0
