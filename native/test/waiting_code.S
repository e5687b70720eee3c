/*
 * Real-mode code for a guest whose interrupt controllers are the kernel's; test_waiting.c puts it to WAITING_CODE. The first waits for
 * interrupts and counts its rounds. The second comes to the same end however its interrupts come, one after the other: of its own,
 * through the x2APIC, held back and not, over HLT, and one from outside, through the PIC.
 */
#include "waiting.h"

	.section .rodata
	.globl halting_code, halting_end
	.globl interrupted_code, interrupted_handler, interrupted_wait, interrupted_waited, interrupted_outside, interrupted_came, interrupted_end_loop, interrupted_end
	.code16
halting_code:
	nop
	hlt
	incw	WAITING_DATA
	jmp	halting_code
halting_end:

.macro write_msr number, low
	movl	$\number, %ecx
	movl	$\low, %eax
	xorl	%edx, %edx
	wrmsr
.endm

interrupted_code:
	cli
	xorw	%ax, %ax
	movw	%ax, %ss
	movw	$WAITING_STACK, %sp
	movl	$0x1b, %ecx
	rdmsr
	orw	$0xc00, %ax
	wrmsr
	write_msr 0x80f, 0x1ff
	xorw	%bp, %bp
	movw	$3, %di
	/* It waits from before the STI on, and comes behind the instruction in its shadow. */
1:	cli
	write_msr 0x83f, WAITING_SELF
	sti
	nop
	call	interrupted_wait
	/* At once. */
	write_msr 0x83f, WAITING_SELF
	call	interrupted_wait
	/* It ends a HLT. */
	cli
	write_msr 0x83f, WAITING_SELF
	sti
	hlt
	call	interrupted_wait
	decw	%di
	jnz	1b
	movb	$1, WAITING_OUTSIDE
interrupted_outside:
	cmpw	$1, WAITING_IRQ_COUNT
	jne	interrupted_outside
interrupted_came:
	cli
	/* What interrupts have left on the stack depends on where they came. */
	movw	$WAITING_STACK_BYTES / 2, %cx
2:	pushw	$0
	loop	2b
	xorl	%eax, %eax
	xorl	%ecx, %ecx
	movb	$1, WAITING_DONE
interrupted_end_loop:
	cmpb	$0, WAITING_DONE
	jne	interrupted_end_loop
	sti
	ljmp	$0, $0x1000

interrupted_wait:
	incw	%bp
1:	cmpw	%bp, WAITING_DATA
	jne	1b
interrupted_waited:
	ret

interrupted_handler:
	pushal
	incw	WAITING_DATA
	write_msr 0x80b, 0
	popal
	iretw
interrupted_end:
	.code64
	.section .note.GNU-stack, "", @progbits
