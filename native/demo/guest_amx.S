/*
 * The AMX guest. It starts in 64-bit mode with rdi = its area, rsi = its counter, rsp = the top of its stack.
 *
 * What another process writes to AREA_STEP decides what it does; it never leaves guest mode for that.
 */
#include "guest_area.h"

#define MSR_XFD 0x1c4
#define MSR_XFD_ERR 0x1c5
#define XFD_TILEDATA 0x40000

	.section .rodata
	.globl amx_guest, amx_guest_nm, amx_guest_end
	.balign 16
amx_guest:
	mov	AREA_XCR0(%rdi), %eax
	mov	AREA_XCR0 + 4(%rdi), %edx
	xor	%ecx, %ecx
	xsetbv
	lea	touch(%rip), %rax
	mov	%rax, AREA_TOUCH_RIP(%rdi)
	mov	$TILE_ROW_BYTES, %ebx
again:
	incl	(%rsi)
	mov	AREA_STEP(%rdi), %eax
	cmp	$STEP_HOLD, %eax
	je	again
	cmp	$STEP_FREE, %eax
	je	free
	cmp	$STEP_LOAD, %eax
	je	do_load
	cmp	$STEP_MULTIPLY, %eax
	je	do_multiply
	cmp	$STEP_STORE, %eax
	je	do_store
	cmp	$STEP_TOUCH, %eax
	je	do_touch
	cmp	$STEP_RELEASE, %eax
	je	do_release
	cmp	$STEP_TRIAL, %eax
	je	trial
	jmp	again

do_load:
	call	load
	jmp	done
do_multiply:
	call	multiply
	jmp	done
do_store:
	call	store
	jmp	done
do_touch:
	lea	AREA_OUT(%rdi), %r8
touch:
	tilestored %tmm0, (%r8,%rbx,1)
	jmp	done
do_release:
	tilerelease
done:
	/* Hold first: whoever sees AREA_DONE may write the next step at once. */
	movl	$STEP_HOLD, AREA_STEP(%rdi)
	mov	%eax, AREA_DONE(%rdi)
	jmp	again

trial:
	call	load
	call	multiply
	call	store
	hlt

free:
	call	load
	call	multiply
	call	store
	call	vary
	mov	$SPIN_ROUNDS, %ecx
spin:
	incl	(%rsi)
	cmpl	$STEP_FREE, AREA_STEP(%rdi)
	jne	again
	dec	%ecx
	jnz	spin
	jmp	again

load:
	ldtilecfg AREA_TILECFG(%rdi)
	lea	AREA_A(%rdi), %r8
	tileloadd (%r8,%rbx,1), %tmm1
	lea	AREA_B(%rdi), %r8
	tileloadd (%r8,%rbx,1), %tmm2
	lea	AREA_FA(%rdi), %r8
	tileloadd (%r8,%rbx,1), %tmm4
	lea	AREA_FB(%rdi), %r8
	tileloadd (%r8,%rbx,1), %tmm5
	lea	AREA_RAMP(%rdi), %r8
	tileloadd (%r8,%rbx,1), %tmm6
	ret

multiply:
	tilezero %tmm0
	tdpbssd	%tmm2, %tmm1, %tmm0
	tilezero %tmm3
	tdpbf16ps %tmm5, %tmm4, %tmm3
	ret

store:
	lea	AREA_OUT(%rdi), %r8
	tilestored %tmm0, (%r8,%rbx,1)
	add	$1024, %r8
	tilestored %tmm1, (%r8,%rbx,1)
	add	$1024, %r8
	tilestored %tmm2, (%r8,%rbx,1)
	add	$1024, %r8
	tilestored %tmm3, (%r8,%rbx,1)
	add	$1024, %r8
	tilestored %tmm4, (%r8,%rbx,1)
	add	$1024, %r8
	tilestored %tmm5, (%r8,%rbx,1)
	add	$1024, %r8
	tilestored %tmm6, (%r8,%rbx,1)
	ret

/* One byte of A becomes another: the next round has another product. */
vary:
	mov	AREA_ROUND(%rdi), %ecx
	incl	AREA_ROUND(%rdi)
	mov	%ecx, %edx
	and	$7, %ecx
	shl	$6, %ecx
	shr	$3, %edx
	and	$15, %edx
	add	%edx, %ecx
	incb	AREA_A(%rdi,%rcx)
	ret

/*
 * #NM: IA32_XFD is armed and a tile was used. Writes down what it sees, waits until somebody disarms IA32_XFD, clears
 * IA32_XFD_ERR as software must, and goes back to the same instruction.
 */
amx_guest_nm:
	push	%rax
	push	%rcx
	push	%rdx
	mov	$MSR_XFD, %ecx
	rdmsr
	mov	%eax, AREA_NM_XFD(%rdi)
	mov	%edx, AREA_NM_XFD + 4(%rdi)
	mov	$MSR_XFD_ERR, %ecx
	rdmsr
	mov	%eax, AREA_NM_XFD_ERR(%rdi)
	mov	%edx, AREA_NM_XFD_ERR + 4(%rdi)
	mov	24(%rsp), %rax
	mov	%rax, AREA_NM_RIP(%rdi)
	incl	AREA_NM_COUNT(%rdi)
armed:
	incl	(%rsi)
	mov	$MSR_XFD, %ecx
	rdmsr
	test	$XFD_TILEDATA, %eax
	jnz	armed
	mov	$MSR_XFD_ERR, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq
amx_guest_end:

	.section .note.GNU-stack, "", @progbits
