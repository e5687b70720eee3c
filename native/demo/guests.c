#include "guests.h"

#include <string.h>

#include "vm.h"

extern const uint8_t amx_guest[], amx_guest_nm[], amx_guest_end[];
extern const uint8_t avx512_guest[], avx512_guest_end[];
extern const uint8_t avx_guest[], avx_guest_end[];
extern const uint8_t general_guest[], general_guest_end[];
extern const uint8_t flags_guest[], flags_guest_int[], flags_guest_end[];

/* again: inc dword [0x7e00]; jmp again */
static const uint8_t integer_guest[] = { 0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf9 };

/* again: in ax, 0x10; mov [0x7e04], ax; out 0x12, ax; inc dword [0x7e00]; jmp again */
static const uint8_t io_guest[] = { 0xe5, 0x10, 0xa3, 0x04, 0x7e, 0xe7, 0x12, 0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf2 };

/* mov ax, 0xffff; mov es, ax; again: mov ax, es:[0x20]; mov es:[0x22], ax; inc dword [0x7e00]; jmp again: right behind its memory */
_Static_assert(DEMO_MEMORY_BYTES <= 0x100010, "what real mode reaches at most is no memory");
static const uint8_t mmio_guest[] = {
	0xb8, 0xff, 0xff, 0x8e, 0xc0, 0x26, 0xa1, 0x20, 0x00, 0x26, 0xa3, 0x22, 0x00, 0x66, 0xff, 0x06, 0x00, 0x7e, 0xeb, 0xf1,
};

/*
 * Shapes with tails, so that bytes outside rows and columns exist: tmm0 is 10×14 dwords from 24 bytes of tmm1 and tmm2,
 * tmm3 is 7×9 from 6 bf16 of tmm4 and tmm5, tmm6 is full, tmm7 is not configured.
 */
static const struct {
	uint8_t rows, colsb;
} shapes[8] = { { 10, 56 }, { 10, 24 }, { 6, 56 }, { 7, 36 }, { 7, 12 }, { 3, 36 }, { 16, 64 }, { 0, 0 } };

/* The values here have few bits: cutting the mantissa is exact. */
static void put_bf16(uint8_t *at, float value)
{
	uint32_t bits;

	memcpy(&bits, &value, sizeof(bits));
	at[0] = (uint8_t)(bits >> 16);
	at[1] = (uint8_t)(bits >> 24);
}

static void fill_amx(struct guest_area *area)
{
	area->tilecfg[0] = 1; /* palette */
	for (size_t tile = 0; tile < 8; tile++) {
		area->tilecfg[16 + 2 * tile] = shapes[tile].colsb;
		area->tilecfg[48 + tile] = shapes[tile].rows;
	}
	for (int row = 0; row < 16; row++)
		for (int byte = 0; byte < 64; byte++) {
			int at = row * TILE_ROW_BYTES + byte;

			area->a[at] = (uint8_t)(row * 23 - byte * 11 - 50);
			area->b[at] = (uint8_t)(row * 37 + byte * 3 - 100);
			area->ramp[at] = (uint8_t)(row * 16 + byte);
		}
	for (int row = 0; row < 16; row++)
		for (int element = 0; element < 32; element++) {
			int at = row * TILE_ROW_BYTES + element * 2;

			put_bf16(area->fa + at, (float)(row - 3) + 0.5f * (float)element);
			put_bf16(area->fb + at, (float)(element - 7) - 0.25f * (float)row);
		}
}

static void fill_nothing(struct guest_area *area)
{
	(void)area;
}

static void fill_lanes(struct guest_area *area)
{
	for (uint32_t i = 0; i < 16; i++)
		memcpy(area->a + i * 4, &i, sizeof(i));
}

const struct guest_program guest_programs[] = {
	{ "amx", "int8 and bf16 tile products", GUEST_64_BIT, amx_guest, amx_guest_end, amx_guest_nm, 0x602e7, 18, fill_amx,
	  vm_trial },
	{ "avx512", "sums and masks in 512-bit registers", GUEST_64_BIT, avx512_guest, avx512_guest_end, NULL, 0xe7, 0,
	  fill_lanes, vm_trial },
	{ "avx", "sums and roots in 256-bit registers", GUEST_64_BIT, avx_guest, avx_guest_end, NULL, 7, 0, fill_lanes, vm_trial },
	{ "general", "a number mixed in calls that leave all vector state alone", GUEST_64_BIT, general_guest, general_guest_end, NULL,
	  0, 0, fill_nothing, vm_trial },
	{ "integer", "an integer loop that leaves all vector state alone", GUEST_REAL_MODE, integer_guest,
	  integer_guest + sizeof(integer_guest), NULL, 0, 0, NULL, NULL },
	{ "io", "a word from a port to another, all the time", GUEST_REAL_MODE, io_guest, io_guest + sizeof(io_guest), NULL, 0, 0,
	  NULL, NULL },
	{ "mmio", "a word from a device to another, all the time", GUEST_REAL_MODE, mmio_guest, mmio_guest + sizeof(mmio_guest), NULL, 0,
	  0, NULL, NULL },
	{ "flags", "instructions that store the flags", GUEST_64_BIT, flags_guest, flags_guest_end, flags_guest_int, 3, 0, fill_nothing,
	  NULL },
};
const size_t guest_program_count = sizeof(guest_programs) / sizeof(guest_programs[0]);

const struct guest_program *guest_program_named(const char *name)
{
	for (size_t i = 0; i < guest_program_count; i++)
		if (strcmp(guest_programs[i].name, name) == 0)
			return &guest_programs[i];
	return NULL;
}

const struct guest_program *guest_program_chosen(void)
{
	for (size_t i = 0; i < guest_program_count; i++)
		if (!guest_programs[i].host_can_run || guest_programs[i].host_can_run(&guest_programs[i]))
			return &guest_programs[i];
	return NULL;
}
