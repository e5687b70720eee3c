#include "same_image.h"

#include <cpuid.h>
#include <string.h>

#include "kernel.h"

#define LEAF_XSTATE 0xdu
#define COMPONENTS 64u
#define INITIAL_FCW 0x037fu
#define LARGEST_BYTES 65536u

/* MXCSR and its mask belong to neither x87 nor SSE: a standard image always holds them. */
static const struct image_place x87[] = { { 0, 24 }, { 32, 128 } }, sse = { 160, 256 }, mxcsr = { 24, 8 };

static uint64_t bv_of(const uint8_t *image)
{
	uint64_t bv;

	memcpy(&bv, image + XSAVE_BV_OFFSET, sizeof(bv));
	return bv;
}

/* The initial values of an image: zeros, but for FCW. */
static const uint8_t *initial(void)
{
	static uint8_t image[LARGEST_BYTES];

	image[0] = INITIAL_FCW & 0xff;
	image[1] = INITIAL_FCW >> 8;
	return image;
}

/* In init the bytes that are there mean nothing, and what counts are the initial values. */
static int same_place(unsigned int bit, struct image_place at, const uint8_t *a, const uint8_t *b, size_t bytes)
{
	int in_a = bv_of(a) >> bit & 1, in_b = bv_of(b) >> bit & 1;

	if (!in_a && !in_b)
		return 1;
	if (!at.bytes || at.offset + at.bytes > bytes || at.offset + at.bytes > LARGEST_BYTES)
		return in_a == in_b;
	return memcmp((in_a ? a : initial()) + at.offset, (in_b ? b : initial()) + at.offset, at.bytes) == 0;
}

int same_image_in(const struct image_place *layout, const void *a, const void *b, size_t bytes)
{
	const uint8_t *one = a, *other = b;

	if (memcmp(one + mxcsr.offset, other + mxcsr.offset, mxcsr.bytes) != 0 ||
	    memcmp(one + XSAVE_BV_OFFSET + 8, other + XSAVE_BV_OFFSET + 8, 56) != 0)
		return 0;
	if (!same_place(0, x87[0], one, other, bytes) || !same_place(0, x87[1], one, other, bytes) ||
	    !same_place(1, sse, one, other, bytes))
		return 0;
	for (unsigned int bit = 2; bit < COMPONENTS; bit++)
		if (!same_place(bit, layout[bit], one, other, bytes))
			return 0;
	return 1;
}

int same_image(const void *a, const void *b, size_t bytes)
{
	static struct image_place layout[COMPONENTS];

	if (!layout[2].bytes)
		for (unsigned int bit = 2; bit < COMPONENTS; bit++) {
			unsigned int size, offset, flags, unused;

			__cpuid_count(LEAF_XSTATE, bit, size, offset, flags, unused);
			/* Supervisor components have no place in the standard format. */
			if (!(flags & 1))
				layout[bit] = (struct image_place){ offset, size };
		}
	return same_image_in(layout, a, b, bytes);
}
