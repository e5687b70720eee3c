/*
 * Do two XSAVE images in the standard format say the same? (app/SPEC.md, D6) XSTATE_BV alone does not tell: the CPU takes a
 * component that holds its initial values out of it, or puts it in, whenever the thread is switched.
 */
#ifndef TILESCOPE_TEST_SAME_IMAGE_H
#define TILESCOPE_TEST_SAME_IMAGE_H

#include <stddef.h>
#include <stdint.h>

struct image_place {
	uint32_t offset, bytes; /* 0 bytes: the component is not in this layout */
};

/* The layout is CPUID leaf 0xD's of this machine, which KVM's images follow. */
int same_image(const void *a, const void *b, size_t bytes);
/* In a layout of 64 components; of the first two nothing is read. */
int same_image_in(const struct image_place *layout, const void *a, const void *b, size_t bytes);

#endif
