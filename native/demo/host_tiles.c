#include "host_tiles.h"

#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef ARCH_REQ_XCOMP_PERM
#define ARCH_REQ_XCOMP_PERM 0x1023
#endif
#define COMPONENT_TILEDATA 18ul
#define ROW_BYTES 64ul

static uint8_t pattern[8][1024];

int host_tiles_permit(void)
{
	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i / 1024][i % 1024] = (uint8_t)(i * 7 + i / 1024 * 29 + 1);
	return (int)syscall(SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, COMPONENT_TILEDATA);
}

/* The assembler knows the instructions whatever CPU the compiler builds for; so no option, and no intrinsics. */
#define LOAD(tile) __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #tile : : "r"(pattern[tile]), "r"(ROW_BYTES) : "memory")
#define STORE(tile) __asm__ volatile("tilestored %%tmm" #tile ", (%0,%1,1)" : : "r"(found[tile]), "r"(ROW_BYTES) : "memory")

void host_tiles_load(void)
{
	uint8_t full[64] __attribute__((aligned(64))) = { 1 };

	for (size_t tile = 0; tile < 8; tile++) {
		full[16 + 2 * tile] = 64;
		full[48 + tile] = 16;
	}
	__asm__ volatile("ldtilecfg %0" : : "m"(full) : "memory");
	LOAD(0);
	LOAD(1);
	LOAD(2);
	LOAD(3);
	LOAD(4);
	LOAD(5);
	LOAD(6);
	LOAD(7);
}

int host_tiles_intact(void)
{
	uint8_t found[8][1024];

	memset(found, 0, sizeof(found));
	STORE(0);
	STORE(1);
	STORE(2);
	STORE(3);
	STORE(4);
	STORE(5);
	STORE(6);
	STORE(7);
	return memcmp(found, pattern, sizeof(found)) == 0;
}

void host_tiles_release(void)
{
	__asm__ volatile("tilerelease" : : : "memory");
}
