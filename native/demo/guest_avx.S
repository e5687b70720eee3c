/* The AVX guest, with instructions of AVX alone. It starts in 64-bit mode with rdi = its area, rsi = its counter. */
#include "guest_round.h"

	guest_begins avx_guest
	vmovdqu	AREA_A(%rdi), %xmm0		/* 0, 1, 2, 3 */
	vpcmpeqd %xmm15, %xmm15, %xmm15
	vpsrld	$31, %xmm15, %xmm15		/* 1 in each lane */
	vcvtdq2ps AREA_A(%rdi), %ymm8		/* 0.0 … 7.0 */
again:
	vpaddd	%xmm15, %xmm0, %xmm0
	vcvtdq2ps %xmm0, %xmm1
	vinsertf128 $1, %xmm1, %ymm1, %ymm1
	vaddps	%ymm8, %ymm1, %ymm2
	vmulps	%ymm2, %ymm2, %ymm3
	vsqrtps	%ymm2, %ymm4
	vcvtps2pd %xmm2, %ymm5
	vcmpltps %ymm3, %ymm1, %ymm6
	vandps	%ymm6, %ymm3, %ymm7
	between_rounds again
avx_guest_end:

	.section .note.GNU-stack, "", @progbits
