/*
 * A guest whose instructions store RFLAGS: PUSHF, INT, SYSCALL in R11, in ring 0 and in ring 3. It starts in 64-bit mode with
 * rdi = its area, rsi = its counter, rsp = the top of its stack. Held, it does at STEP_TOUCH one round, which comes to the same
 * end each time and leaves in AREA_OUT all that was stored on the way.
 */
#include "guest_area.h"

#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define EFER_SCE 1
/* SYSCALL: CS 8, SS 16. SYSRET: CS 32 | 3, SS 24 | 3, which the CPU takes without a look at the GDT. */
#define STAR_HIGH 0x00100008
#define FMASK 0x500 /* TF and DF */
#define PAGE_USER 4

#define OUT(at) AREA_OUT + 8 * (at)(%rdi)

	.section .rodata
	.globl flags_guest, flags_guest_int, flags_guest_end
	.balign 16
flags_guest:
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_SCE, %eax
	wrmsr
	mov	$MSR_STAR, %ecx
	xor	%eax, %eax
	mov	$STAR_HIGH, %edx
	wrmsr
	mov	$MSR_LSTAR, %ecx
	lea	on_syscall(%rip), %rax
	mov	%rax, %rdx
	shr	$32, %rdx
	wrmsr
	mov	$MSR_FMASK, %ecx
	mov	$FMASK, %eax
	xor	%edx, %edx
	wrmsr
	orb	$PAGE_USER, GUEST_PML4
	orb	$PAGE_USER, GUEST_PDPT
	orb	$PAGE_USER, GUEST_PD
	mov	%cr3, %rax
	mov	%rax, %cr3
again:
	incl	(%rsi)
	mov	AREA_STEP(%rdi), %eax
	cmp	$STEP_TOUCH, %eax
	je	round
	cmp	$STEP_FREE, %eax
	jne	again
round:
	push	%rax
	xor	%ebx, %ebx
	xor	%edx, %edx
	xor	%r8d, %r8d
	/* Flags that go to memory and come back. */
	pushfq
	popq	OUT(0)
	stc
	pushfq
	popfq
	pushfq
	popq	OUT(1)
	std
	pushfw
	popw	OUT(2)
	cld
	movb	$0x7f, %bl
	addb	$1, %bl
	pushfq
	popq	OUT(3)
	/* The frame of an interrupt, and flags in its handler. */
	int	$7
	movq	%r9, OUT(4)
	pushfq
	popq	OUT(5)
	/* SYSCALL from ring 0: it keeps the flags in R11. */
	xor	%r12d, %r12d
	syscall
	pushfq
	popq	OUT(6)
	/* To ring 3, and back from there. */
	lea	in_user(%rip), %rcx
	mov	$0x202, %r11d
	mov	$1, %r12d
	sysretq
in_user:
	stc
	pushfq
	popq	OUT(7)
	xor	%eax, %eax
	add	$3, %eax
	syscall
back:
	pushfq
	popq	OUT(8)
	mov	%rsp, OUT(9)
	pop	%rax
	cmpl	$STEP_TOUCH, %eax
	jne	again
	/* Hold first: whoever sees AREA_DONE may write the next step at once. */
	movl	$STEP_HOLD, AREA_STEP(%rdi)
	mov	%eax, AREA_DONE(%rdi)
	jmp	again

on_syscall:
	lea	(%r12,%r12,2), %r13
	lea	AREA_OUT + 8 * 16(%rdi,%r13,8), %r13
	mov	%r11, (%r13)
	mov	%rcx, 8(%r13)
	pushfq
	popq	16(%r13)
	test	%r12d, %r12d
	jnz	back
	push	%r11
	popfq
	jmp	*%rcx

flags_guest_int:
	mov	16(%rsp), %r9		/* RFLAGS of the frame */
	pushfq
	popq	OUT(10)
	iretq
flags_guest_end:

	.section .note.GNU-stack, "", @progbits
