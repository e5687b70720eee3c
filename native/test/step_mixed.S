/*
 * Real-mode code that comes to the same end each time, of instructions that a debugger easily changes. test/step_same.c puts it
 * to MIXED_CODE; it is independent of that place but for the handler's address. Between MIXED_DATA and MIXED_DATA_END lies
 * what it leaves.
 */
#include "step_same.h"

	.section .rodata
	.globl mixed_code, mixed_handler, mixed_end_loop, mixed_end
	.code16
mixed_code:
	xorl	%eax, %eax
	movw	%ax, %es
	movw	%ax, %ss		/* nothing comes between this and the next */
	movw	$MIXED_STACK, %sp
	movl	$0x11112222, %ebx
	movl	$0x33334444, %edx
	xorl	%esi, %esi
	xorl	%edi, %edi
	xorl	%ebp, %ebp
	cld
	/* Flags that go to memory and come back. */
	stc
	pushfw
	popw	MIXED_DATA
	pushfl
	popl	MIXED_DATA + 4
	pushfw
	popfw
	pushfl
	popfl
	/* Repeated instructions. */
	movl	$24, %ecx
	movw	$0x1000, %si
	movw	$MIXED_DATA + 0x40, %di
	rep movsb
	movl	$9, %ecx
	movw	$0x5a5a, %ax
	rep stosw
	movl	$40, %ecx
	movw	$MIXED_DATA + 0x40, %di
	movb	$0xa5, %al
	repne scasb
	pushfw
	popw	MIXED_DATA + 8
	/* The shadow of STI, and what comes after CLI. */
	sti
	nop
	pushfw
	popw	MIXED_DATA + 10
	cli
	pushfw
	popw	MIXED_DATA + 12
	/* Software interrupts: flags on the stack, and back. */
	int	$0x20
	int	$0x20
	/* What the CPU and the VMM answer. */
	xorl	%eax, %eax
	xorl	%ecx, %ecx
	cpuid
	movl	%ebx, MIXED_DATA + 0x10
	movl	%edx, MIXED_DATA + 0x14
	movl	%ecx, MIXED_DATA + 0x18
	inw	$0x10, %ax
	outw	%ax, $0x12
	inw	$0x10, %ax
	outw	%ax, $0x12
	hlt
	incw	MIXED_DATA + 0x36
	sti
	hlt				/* in the shadow of STI */
	cli
	incw	MIXED_DATA + 0x36
	/* A loop, a call, a far return. */
	movw	$7, %cx
1:	addw	%cx, MIXED_DATA + 0x30
	loop	1b
	call	2f
	jmp	3f
2:	incw	MIXED_DATA + 0x32
	ret
3:	xorl	%eax, %eax
	xorl	%ecx, %ecx
	movb	$1, MIXED_DONE
mixed_end_loop:
	cmpb	$0, MIXED_GO_BACK
	je	mixed_end_loop
	movb	$0, MIXED_GO_BACK
	ljmp	$0, $0x1000
mixed_handler:
	pushfw
	popw	MIXED_DATA + 14
	incw	MIXED_DATA + 0x34
	iretw
mixed_end:
	.code64
	.section .note.GNU-stack, "", @progbits
