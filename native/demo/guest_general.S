/*
 * The guest of general registers: a number is mixed in calls that have frames. It starts in 64-bit mode with rdi = its area,
 * rsi = its counter, rsp = the top of its stack, and leaves all vector state alone.
 */
#include "guest_area.h"

	.section .rodata
	.globl general_guest, general_guest_end
	.balign 16
general_guest:
	xor	%ebp, %ebp
	mov	$1, %ebx
again:
	mov	%rbx, %r8
	call	mix
	mov	%rax, %rbx
	mov	%rax, AREA_OUT(%rdi)
	incl	AREA_ROUND(%rdi)
hold:
	incl	(%rsi)
	mov	AREA_STEP(%rdi), %eax
	cmp	$STEP_HOLD, %eax
	je	hold
	cmp	$STEP_TRIAL, %eax
	jne	again
	hlt

/* rax = r8 turned three times: Marsaglia's xorshift of 64 bits */
mix:
	push	%rbp
	mov	%rsp, %rbp
	mov	$13, %cl
	call	up
	mov	$7, %cl
	mov	%r8, %rax
	shr	%cl, %rax
	xor	%rax, %r8
	mov	$17, %cl
	call	up
	mov	%r8, %rax
	pop	%rbp
	ret
up:
	push	%rbp
	mov	%rsp, %rbp
	mov	%r8, %rax
	shl	%cl, %rax
	xor	%rax, %r8
	pop	%rbp
	ret
general_guest_end:

	.section .note.GNU-stack, "", @progbits
