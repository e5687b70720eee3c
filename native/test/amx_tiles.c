/* The arithmetic is written out here once more, from the manual's pseudocode, and shares nothing with what it checks. */
#include <cpuid.h>
#include <string.h>

#include "amx.h"

uint32_t component_offset(uint32_t bit)
{
	uint32_t eax, ebx, ecx, edx;

	__cpuid_count(0xd, bit, eax, ebx, ecx, edx);
	return ebx;
}

uint64_t image_bv(const uint8_t *image)
{
	uint64_t bv;

	memcpy(&bv, image + BV_OFFSET, sizeof(bv));
	return bv;
}

void image_set_bv(uint8_t *image, uint64_t bv)
{
	memcpy(image + BV_OFFSET, &bv, sizeof(bv));
}

uint8_t *image_tile(uint8_t *image, uint32_t tile)
{
	return image + component_offset(18) + tile * 1024u;
}

struct shape {
	uint32_t rows, colsb;
};

static struct shape shape_of(const volatile struct guest_area *area, uint32_t tile)
{
	return (struct shape){ area->tilecfg[48 + tile], area->tilecfg[16 + 2 * tile] };
}

/* TILELOADD: rows × colsb bytes come in, the rest of the tile becomes zero. */
static void load(const volatile struct guest_area *area, uint32_t tile, const volatile uint8_t *from, uint8_t into[1024])
{
	struct shape s = shape_of(area, tile);

	memset(into, 0, 1024);
	for (uint32_t row = 0; row < s.rows; row++)
		for (uint32_t byte = 0; byte < s.colsb; byte++)
			into[row * 64 + byte] = from[row * 64 + byte];
}

static float bf16(const uint8_t *at)
{
	uint32_t bits = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 24;
	float value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void put_u32(uint8_t *at, const void *value)
{
	memcpy(at, value, 4);
}

void expect_sources(const volatile struct guest_area *area, uint8_t tiles[8][1024])
{
	memset(tiles, 0, 8 * 1024);
	load(area, 1, area->a, tiles[1]);
	load(area, 2, area->b, tiles[2]);
	load(area, 4, area->fa, tiles[4]);
	load(area, 5, area->fb, tiles[5]);
	load(area, 6, area->ramp, tiles[6]);
}

void expect_products(const volatile struct guest_area *area, uint8_t tiles[8][1024])
{
	struct shape c = shape_of(area, 0), b = shape_of(area, 2), fc = shape_of(area, 3), fb = shape_of(area, 5);

	expect_sources(area, tiles);
	for (uint32_t m = 0; m < c.rows; m++)
		for (uint32_t n = 0; n < c.colsb / 4; n++) {
			int32_t sum = 0;

			for (uint32_t k = 0; k < b.rows * 4; k++)
				sum += (int8_t)tiles[1][m * 64 + k] * (int8_t)tiles[2][k / 4 * 64 + n * 4 + k % 4];
			put_u32(&tiles[0][m * 64 + n * 4], &sum);
		}
	/* All sums are exact with the values the guest has, so their order does not show. */
	for (uint32_t m = 0; m < fc.rows; m++)
		for (uint32_t n = 0; n < fc.colsb / 4; n++) {
			float sum = 0;

			for (uint32_t k = 0; k < fb.rows * 2; k++)
				sum += bf16(&tiles[4][m * 64 + k * 2]) * bf16(&tiles[5][k / 2 * 64 + n * 4 + k % 2 * 2]);
			put_u32(&tiles[3][m * 64 + n * 4], &sum);
		}
}

int first_wrong_tile(const uint8_t *image, uint8_t tiles[8][1024])
{
	for (uint32_t tile = 0; tile < 8; tile++)
		if (memcmp(image + component_offset(18) + tile * 1024u, tiles[tile], 1024) != 0)
			return (int)tile;
	return -1;
}

/* TILESTORED writes rows × colsb bytes; tile 7 is not configured and not stored. */
int guest_stored(const volatile struct guest_area *area, uint8_t tiles[8][1024])
{
	for (uint32_t tile = 0; tile < 7; tile++) {
		struct shape s = shape_of(area, tile);

		for (uint32_t row = 0; row < s.rows; row++)
			for (uint32_t byte = 0; byte < s.colsb; byte++)
				if (area->out[tile][row * 64 + byte] != tiles[tile][row * 64 + byte])
					return 0;
	}
	return 1;
}
