/*
 * Position-independent, and laid into the target as it is: it knows nothing but rbx, a struct step_code_data, and a stack pointer that
 * stands at the frame that ends it, with room for signal handlers below. It calls nothing and keeps nothing on the stack, so a handler
 * may run at any place. Signals are open as they are in the thread's own loop around KVM_RUN; the frame at the end blocks them.
 */
#include "step_code.h"

#define SYS_IOCTL 16
#define KVM_RUN 0xae80
#define KVM_GET_REGS 0x8090ae81
#define KVM_SET_REGS 0x4090ae82
#define KVM_GET_SREGS 0x8138ae83
#define KVM_GET_MSRS 0xc008ae88
#define KVM_SET_GUEST_DEBUG 0x4048ae9b
#define KVM_GET_XCRS 0x8188aea6
#define EXIT_DEBUG 4
#define EXIT_INTR 10
#define NO_EXIT 0xff
#define RECORD_SREGS 144
#define RECORD_XCRS 456
#define RECORD_MSRS 848
#define RECORD_IMAGE 1024

	.section .rodata
	.globl step_code
	.globl step_code_end

/* An ioctl of the vCPU, its argument in rdx. */
.macro call_kvm request
	mov	$\request, %esi
	mov	CODE_FD(%rbx), %rdi
	mov	$SYS_IOCTL, %eax
	syscall
.endm

step_code:
	mov	CODE_RUN(%rbx), %r12
	mov	CODE_SYNC(%rbx), %rax
	test	%rax, %rax
	jz	run
	mov	%rax, RUN_VALID_REGS(%r12)

run:
	xor	%edx, %edx
	call_kvm KVM_RUN
	/* What it returned does not tell: an exit, the VMM's signal, or no exit at all. */
	movzbl	RUN_EXIT_REASON(%r12), %ecx
	cmp	$EXIT_DEBUG, %ecx
	je	stepped
	mov	CODE_ENDS+16(%rbx), %rax
	cmp	$EXIT_INTR, %ecx
	je	end
	cmp	$NO_EXIT, %ecx
	je	end
	mov	CODE_ENDS+8(%rbx), %rax
	jmp	end

stepped:
	mov	CODE_RECORD(%rbx), %r13
	cmpq	$0, CODE_SYNC(%rbx)
	je	read_regs
	lea	RUN_REGS(%r12), %rsi
	mov	%r13, %rdi
	mov	$REGS_WORDS, %ecx
	cmpq	$0, CODE_GET_IMAGE(%rbx)
	je	1f
	mov	$REGS_WORDS+SREGS_WORDS, %ecx
1:	rep movsq
	jmp	read_rest
read_regs:
	mov	%r13, %rdx
	call_kvm KVM_GET_REGS
	cmpq	$0, CODE_GET_IMAGE(%rbx)
	je	look_up
	lea	RECORD_SREGS(%r13), %rdx
	call_kvm KVM_GET_SREGS
read_rest:
	cmpq	$0, CODE_GET_IMAGE(%rbx)
	je	look_up
	lea	RECORD_IMAGE(%r13), %rdx
	mov	CODE_GET_IMAGE(%rbx), %rsi
	mov	CODE_FD(%rbx), %rdi
	mov	$SYS_IOCTL, %eax
	syscall
	lea	RECORD_XCRS(%r13), %rdx
	call_kvm KVM_GET_XCRS
	mov	CODE_NOW(%rbx), %rsi
	add	$RECORD_MSRS, %rsi
	lea	RECORD_MSRS(%r13), %rdi
	mov	$CODE_MSRS_WORDS, %ecx
	rep movsq
	cmpq	$0, CODE_HAS_MSRS(%rbx)
	je	look_up
	lea	RECORD_MSRS(%r13), %rdx
	call_kvm KVM_GET_MSRS

look_up:
	xor	%r14d, %r14d
	mov	CODE_LOOKUPS(%rbx), %rcx
	test	%rcx, %rcx
	jz	2f
	mov	CODE_LOOKUP_LIST(%rbx), %rsi
1:	mov	(%rsi), %rax
	movzbl	(%r13,%rax), %eax
	shl	$8, %r14d
	add	%eax, %r14d
	mov	8(%rsi), %rax
	movzbl	(%rax,%r14), %r14d
	add	$16, %rsi
	dec	%rcx
	jnz	1b
2:	movzbl	RUN_DR6(%r12), %r8d
	mov	REGS_RIP(%r13), %r15
	/* The record is whole: it counts. */
	mov	CODE_STRIDE(%rbx), %rax
	add	%rax, CODE_RECORD(%rbx)
	incq	CODE_MADE(%rbx)
	movl	$NO_EXIT, RUN_EXIT_REASON(%r12)

	cmpq	$0, CODE_FINISHES(%rbx)
	jne	stored
	test	CODE_STORED_DR6(%rbx), %r8
	jnz	stored
	mov	CODE_ENDS(%rbx), %rax
	cmp	$1, %r14d
	je	end
	mov	CODE_MADE(%rbx), %rcx
	cmp	CODE_LIMIT(%rbx), %rcx
	jae	end
	mov	CODE_VERDICTS(%rbx), %rdx
	test	%rdx, %rdx
	jz	on
	mov	%r15, %rcx
	sub	CODE_BASE(%rbx), %rcx
	cmp	$0x10000, %rcx
	jae	end
	cmpb	$0, (%rdx,%rcx)
	je	end
	/*
	 * TF again, for a POPF or IRET, or KVM itself where it emulated the instruction, has taken it away. Where registers are
	 * synchronized it goes the same way: KVM_RUN loads RFLAGS with it. That forgets an exception that waits to be delivered, as of
	 * an INT3 or INTO, which known code does not step, or of an instruction that has not ended.
	 */
	xchg	%r15, CODE_RIP(%rbx)
	cmp	CODE_RIP(%rbx), %r15
	je	on
	cmpq	$0, CODE_SYNC(%rbx)
	je	on
	orl	$0x100, RUN_REGS+REGS_RFLAGS(%r12)
	movq	$1, RUN_DIRTY_REGS(%r12)
	jmp	run
on:
	mov	CODE_ON(%rbx), %rdx
	call_kvm KVM_SET_GUEST_DEBUG
	jmp	run

	/* The TF that a SYSCALL stored in R11, or that a fault's frame brought back in RFLAGS. */
stored:
	mov	%r13, %rsi
	mov	CODE_NOW(%rbx), %rdi
	mov	$REGS_WORDS, %ecx
	rep movsq
	mov	CODE_NOW(%rbx), %rdx
	mov	CODE_FLAGS_BYTE(%rbx), %rax
	andb	$0xfe, (%rdx,%rax)
	call_kvm KVM_SET_REGS
	mov	CODE_ENDS(%rbx), %rax

end:
	cmpq	$0, CODE_SYNC(%rbx)
	je	1f
	movq	$0, RUN_VALID_REGS(%r12)
	movq	$0, RUN_DIRTY_REGS(%r12)
	mov	CODE_SAVED(%rbx), %rsi
	lea	RUN_REGS(%r12), %rdi
	mov	$SYNCED_BYTES/8, %ecx
	rep movsq
1:	mov	CODE_TO_END(%rbx), %rdx
	mov	%rax, (%rdx)
	ret
step_code_end:

	.section .note.GNU-stack,"",@progbits
