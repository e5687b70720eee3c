/*
 * What the CPU does with each use of TILEDATA while IA32_XFD arms it, as in every process that has not asked the kernel for
 * tiles: a line each, `executes` or `faults`; of XSAVEC whether bit 18 of XSTATE_BV is set in what it saved.
 */
#include <immintrin.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define XSTATE_BV 512
#define TILEDATA (1ull << 18)

static sigjmp_buf back;
static uint8_t image[16384] __attribute__((aligned(64)));
static uint8_t config[64] __attribute__((aligned(64))), stored[64] __attribute__((aligned(64)));

static void on_fault(int number)
{
	siglongjmp(back, number);
}

#define USE(name, instruction) \
	do { \
		if (sigsetjmp(back, 1) == 0) { \
			instruction; \
			printf("%s executes\n", name); \
		} else { \
			printf("%s faults\n", name); \
		} \
	} while (0)

int main(void)
{
	uint64_t bv;

	(void)signal(SIGILL, on_fault);
	(void)signal(SIGSEGV, on_fault);
	config[0] = 1;
	for (int tile = 0; tile < 8; tile++) {
		config[16 + 2 * tile] = 64;
		config[48 + tile] = 16;
	}
	USE("LDTILECFG", _tile_loadconfig(config));
	USE("STTILECFG", _tile_storeconfig(stored));
	USE("TILELOADD", _tile_loadd(0, image, 64));
	USE("TILEZERO", _tile_zero(0));
	USE("TDPBSSD", _tile_dpbssd(0, 1, 2));
	_xsavec64(image, ~0ull);
	memcpy(&bv, image + XSTATE_BV, sizeof(bv));
	printf("XSAVEC %s\n", bv & TILEDATA ? "saves" : "skips");
	bv |= TILEDATA;
	memcpy(image + XSTATE_BV, &bv, sizeof(bv));
	USE("XRSTOR", _xrstor64(image, ~0ull));
	USE("TILERELEASE", _tile_release());
	return memcmp(config, stored, sizeof(config)) == 0 ? 0 : 1;
}
