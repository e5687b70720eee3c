/*
 * The AVX-512 guest, with instructions of AVX512F alone. It starts in 64-bit mode with rdi = its area, rsi = its counter.
 */
#include "guest_round.h"

	guest_begins avx512_guest
	vmovdqu32 AREA_A(%rdi), %zmm0		/* 0, 1 … 15 */
	mov	$1, %eax
	vpbroadcastd %eax, %zmm31
	mov	$8, %eax
	vpbroadcastd %eax, %zmm30
	vpcmpltd %zmm30, %zmm0, %k1		/* the low half of the lanes */
	kmovw	%k1, %ebx
	vpxord	%zmm17, %zmm17, %zmm17
again:
	vpaddd	%zmm31, %zmm0, %zmm0
	vcvtdq2ps %zmm0, %zmm1
	vmulps	%zmm1, %zmm1, %zmm2
	vaddps	%zmm2, %zmm1, %zmm3
	vcvtdq2pd %ymm0, %zmm4
	vsqrtpd	%zmm4, %zmm5
	vpaddd	%zmm0, %zmm17, %zmm17{%k1}	/* lanes above stay as they are */
	vpcmpgtd %zmm30, %zmm17, %k2
	vpmulld	%zmm0, %zmm0, %zmm18
	vpxord	%zmm17, %zmm18, %zmm19
	between_rounds again
avx512_guest_end:

	.section .note.GNU-stack, "", @progbits
