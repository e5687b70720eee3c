/*
 * What the guests that know STEP_FREE, STEP_HOLD and STEP_TRIAL alone have in common: how they begin, and what they do between two
 * rounds. rdi = the area, rsi = the counter.
 */
#ifndef TILESCOPE_DEMO_GUEST_ROUND_H
#define TILESCOPE_DEMO_GUEST_ROUND_H

#include "guest_area.h"

	.macro	guest_begins name
	.section .rodata
	.globl \name, \name\()_end
	.balign 16
\name:
	mov	AREA_XCR0(%rdi), %eax
	mov	AREA_XCR0 + 4(%rdi), %edx
	xor	%ecx, %ecx
	xsetbv
	.endm

	.macro	between_rounds again
	incl	AREA_ROUND(%rdi)
	mov	$SPIN_ROUNDS, %ecx
spin:
	incl	(%rsi)
	mov	AREA_STEP(%rdi), %eax
	cmp	$STEP_HOLD, %eax
	je	spin
	cmp	$STEP_TRIAL, %eax
	je	trial
	dec	%ecx
	jnz	spin
	jmp	\again
trial:
	hlt
	.endm

#endif
