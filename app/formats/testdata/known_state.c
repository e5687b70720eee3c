/*
 * Two threads load known values into x87, MXCSR, ZMM0-31 and k0-7; then the first one sends itself SIGABRT with all of
 * them still in place. The core of that moment is what elf-core.gdb.test.ts compares with the same formulas.
 * Exit 77: this CPU or kernel has no AVX-512.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct state {
	uint8_t zmm[32][64];
	uint64_t k[8];
	long double st[8]; /* pushed in this order: the last one is ST(0) */
	uint32_t mxcsr;
	uint16_t fcw;
};

static struct state states[2];
static volatile int loaded;

static void fill(int thread)
{
	struct state *state = &states[thread];
	for (int reg = 0; reg < 32; reg++)
		for (int byte = 0; byte < 64; byte++)
			state->zmm[reg][byte] = (uint8_t)(thread * 97 + reg * 31 + byte * 7 + 13);
	for (int reg = 0; reg < 8; reg++)
		state->k[reg] = 0x0123456789abcdefull * (uint64_t)(reg + 1) + (uint64_t)thread;
	for (int push = 0; push < 8; push++)
		state->st[push] = (thread ? -1.0L : 1.0L) * ((long double)push * 1000.0L + 0.5L);
	/* Rounding and flush-to-zero differ, no exception is unmasked. */
	state->mxcsr = thread ? 0x3f80u : 0xdf80u;
	state->fcw = thread ? 0x0f7f : 0x037f;
}

#define ZMM(n) "vmovdqu64 " #n "*64(%[zmm]), %%zmm" #n "\n\t"
#define ZMM4(a, b, c, d) ZMM(a) ZMM(b) ZMM(c) ZMM(d)
#define ALL_ZMM \
	ZMM4(0, 1, 2, 3) ZMM4(4, 5, 6, 7) ZMM4(8, 9, 10, 11) ZMM4(12, 13, 14, 15) \
	ZMM4(16, 17, 18, 19) ZMM4(20, 21, 22, 23) ZMM4(24, 25, 26, 27) ZMM4(28, 29, 30, 31)
#define K(n) "kmovq " #n "*8(%[k]), %%k" #n "\n\t"
#define ALL_K K(0) K(1) K(2) K(3) K(4) K(5) K(6) K(7)
#define FLD(n) "fldt " #n "*16(%[st])\n\t"

#define LOAD \
	"fninit\n\t" \
	"fldcw (%[fcw])\n\t" \
	FLD(0) FLD(1) FLD(2) FLD(3) FLD(4) FLD(5) \
	"ldmxcsr (%[mxcsr])\n\t" ALL_ZMM ALL_K
#define OPERANDS(s) \
	[zmm] "r"((s)->zmm), [k] "r"((s)->k), [st] "r"((s)->st), [mxcsr] "r"(&(s)->mxcsr), [fcw] "r"(&(s)->fcw)

/* Only six are pushed: two x87 registers stay empty, and TOP is 2. Neither asm statement ever ends. */
static void *second(void *unused)
{
	struct state *state = &states[1];
	__asm__ volatile(LOAD "movl $1, (%[loaded])\n1:\tpause\n\tjmp 1b" : : OPERANDS(state), [loaded] "r"(&loaded) : "memory");
	return unused;
}

static void first(void)
{
	struct state *state = &states[0];
	long pid = getpid();
	__asm__ volatile(LOAD "syscall\n1:\tpause\n\tjmp 1b"
			 : : OPERANDS(state), "a"((long)SYS_kill), "D"(pid), "S"((long)SIGABRT) : "rcx", "r11", "memory");
}

int main(void)
{
	pthread_t thread;
	if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw"))
		return 77;
	fill(0);
	fill(1);
	if (pthread_create(&thread, NULL, second, NULL) != 0)
		return 1;
	while (!loaded)
		;
	first();
	return 1;
}
