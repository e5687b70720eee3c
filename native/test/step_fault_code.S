/*
 * Real-mode code with an instruction that faults, and a handler that waits until it is told to go on, as one does that sleeps.
 * test/step_fault.c puts it to FAULT_CODE, and its handlers' addresses into the table of vectors.
 */
#include "step_fault.h"

	.section .rodata
	.globl fault_code, fault_at, fault_behind, fault_loop, fault_handler, fault_debug_handler, fault_end
	.code16
fault_code:
	xorl	%eax, %eax
	movw	%ax, %ss
	movw	$FAULT_STACK, %sp
	xorw	%dx, %dx
	xorw	%cx, %cx
	movw	$6, %ax
fault_at:
	divw	%cx
fault_behind:
	pushfw
	popw	FAULT_FLAGS
	incw	FAULT_DONE
fault_loop:
	incl	0x7e00
	cmpb	$0, FAULT_GO_BACK
	je	fault_loop
	movb	$0, FAULT_GO_BACK
	jmp	fault_code
fault_handler:
	incw	FAULT_COUNT
	/* Nothing will interrupt it, but an emulated CPU (Bochs 3.0) would keep the host's own interrupts away meanwhile. */
	sti
1:	incl	0x7e00
	cmpb	$0, FAULT_LEAVES
	je	2f
	inw	$0x10, %ax
	outw	%ax, $0x12
	movw	$6, %ax
2:	cmpb	$0, FAULT_MAY_GO
	je	1b
	movw	$2, %cx
	iretw
fault_debug_handler:
	incw	FAULT_DB_COUNT
	/* The TF that its frame brings back would be the next #DB. */
	pushw	%bp
	movw	%sp, %bp
	andw	$0xfeff, 6(%bp)
	popw	%bp
	iretw
fault_end:
	.code64
	.section .note.GNU-stack, "", @progbits
