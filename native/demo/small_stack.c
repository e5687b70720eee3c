#include "small_stack.h"

#include <linux/kvm.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#define SIGNAL_STACK_BYTES 65536u
#define VECTOR_BYTES 16u
#define VECTOR_COUNT 16u

/* rdi, rsi, rdx, r10, r8, r9, and the vectors: a call made without libc may count on all of them. */
static __thread int lost;
static __thread uint8_t vectors[2][VECTOR_COUNT][VECTOR_BYTES]; /* as loaded before the call, and as found after it */

void small_stack_fill(uint8_t *arena)
{
	for (uint32_t at = 0; at < DEMO_ARENA_BYTES; at++)
		arena[at] = DEMO_CANARY(at);
}

int small_stack_prepare(void)
{
	stack_t stack = { .ss_size = SIGNAL_STACK_BYTES, .ss_sp = malloc(SIGNAL_STACK_BYTES) };

	for (uint32_t i = 0; i < VECTOR_COUNT; i++)
		memset(vectors[0][i], (int)(0xa0 + i), VECTOR_BYTES);
	return stack.ss_sp ? sigaltstack(&stack, NULL) : -1;
}

long small_stack_run(uint8_t *arena, int index, int fd)
{
	uint8_t *top = arena + ((uint32_t)index * DEMO_BLOCKS_PER_VCPU + DEMO_OWN_BLOCK + 1) * DEMO_BLOCK_BYTES - 64;
	uint64_t rdi = (uint64_t)(unsigned int)fd, rsi = KVM_RUN, rdx = 0;
	register uint64_t r10 __asm__("r10") = 0x1010101010101010ull;
	register uint64_t r8 __asm__("r8") = 0x0808080808080808ull;
	register uint64_t r9 __asm__("r9") = 0x0909090909090909ull;
	register uint8_t *stack __asm__("r12") = top;
	register uint8_t *all_vectors __asm__("r13") = &vectors[0][0][0];
	long result = SYS_ioctl;

	/* rbx and rbp keep the stack pointer and the vectors' address; the kernel preserves both. */
	__asm__ volatile("sub $128, %%rsp\n\t" /* the red zone */
			 "push %%rbp\n\t"
			 "mov %[vectors], %%rbp\n\t"
			 "mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "movups 0(%%rbp), %%xmm0\n\t" "movups 16(%%rbp), %%xmm1\n\t"
			 "movups 32(%%rbp), %%xmm2\n\t" "movups 48(%%rbp), %%xmm3\n\t"
			 "movups 64(%%rbp), %%xmm4\n\t" "movups 80(%%rbp), %%xmm5\n\t"
			 "movups 96(%%rbp), %%xmm6\n\t" "movups 112(%%rbp), %%xmm7\n\t"
			 "movups 128(%%rbp), %%xmm8\n\t" "movups 144(%%rbp), %%xmm9\n\t"
			 "movups 160(%%rbp), %%xmm10\n\t" "movups 176(%%rbp), %%xmm11\n\t"
			 "movups 192(%%rbp), %%xmm12\n\t" "movups 208(%%rbp), %%xmm13\n\t"
			 "movups 224(%%rbp), %%xmm14\n\t" "movups 240(%%rbp), %%xmm15\n\t"
			 "syscall\n\t"
			 "movups %%xmm0, 256(%%rbp)\n\t" "movups %%xmm1, 272(%%rbp)\n\t"
			 "movups %%xmm2, 288(%%rbp)\n\t" "movups %%xmm3, 304(%%rbp)\n\t"
			 "movups %%xmm4, 320(%%rbp)\n\t" "movups %%xmm5, 336(%%rbp)\n\t"
			 "movups %%xmm6, 352(%%rbp)\n\t" "movups %%xmm7, 368(%%rbp)\n\t"
			 "movups %%xmm8, 384(%%rbp)\n\t" "movups %%xmm9, 400(%%rbp)\n\t"
			 "movups %%xmm10, 416(%%rbp)\n\t" "movups %%xmm11, 432(%%rbp)\n\t"
			 "movups %%xmm12, 448(%%rbp)\n\t" "movups %%xmm13, 464(%%rbp)\n\t"
			 "movups %%xmm14, 480(%%rbp)\n\t" "movups %%xmm15, 496(%%rbp)\n\t"
			 "mov %%rbx, %%rsp\n\t"
			 "pop %%rbp\n\t"
			 "add $128, %%rsp"
			 : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
			 : [vectors] "r"(all_vectors), [top] "r"(stack)
			 : "rbx", "rcx", "r11", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
			   "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	lost = rdi != (uint64_t)(unsigned int)fd || rsi != KVM_RUN || rdx != 0 || r10 != 0x1010101010101010ull ||
	       r8 != 0x0808080808080808ull || r9 != 0x0909090909090909ull || memcmp(vectors[0], vectors[1], sizeof(vectors[0])) != 0;
	return result;
}

int small_stack_lost_registers(void)
{
	return lost;
}
