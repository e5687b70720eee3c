/* What the guests do between two rounds that know STEP_FREE, STEP_HOLD and STEP_TRIAL alone: rdi = the area, rsi = the counter. */
#ifndef TILESCOPE_DEMO_GUEST_ROUND_H
#define TILESCOPE_DEMO_GUEST_ROUND_H

#include "guest_area.h"

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
