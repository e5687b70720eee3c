#include "guard.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "frame.h"
#include "kernel.h"

uint64_t image_xstate_bv(const uint8_t *image)
{
	uint64_t bv;

	memcpy(&bv, image + XSAVE_BV_OFFSET, sizeof(bv));
	return bv;
}

/* Legacy region and header are always there; an extended component must lie inside the bytes that came. */
static int check_size(const uint8_t *image, size_t image_bytes, size_t takes_bytes,
		      const struct component components[64], struct refusal *why)
{
	uint64_t bv;

	if (image_bytes < XSAVE_MIN_BYTES)
		return refuse(why, REASON_BAD_SIZE, 0, "KVM_SET_XSAVE", "An image has at least 576 bytes, this one has %zu.",
			      image_bytes);
	if (image_bytes > takes_bytes)
		return refuse(why, REASON_BAD_SIZE, 0, "KVM_SET_XSAVE", "The vCPU takes %zu bytes, the image has %zu.",
			      takes_bytes, image_bytes);
	bv = image_xstate_bv(image);
	for (unsigned int bit = 2; bit < 64; bit++) {
		const struct component *c = &components[bit];

		if (!(bv >> bit & 1))
			continue;
		if (c->bytes == 0 || (size_t)c->offset_bytes + c->bytes > image_bytes) {
			(void)refuse(why, REASON_BAD_SIZE, 0, "KVM_SET_XSAVE",
				     "XSTATE_BV says component %u is stored, but the image's %zu bytes end before it does.",
				     bit, image_bytes);
			why->mask = 1ull << bit;
			return -1;
		}
	}
	return 0;
}

int guard_image(const uint8_t *image, size_t image_bytes, size_t takes_bytes, const struct xfd_reading *xfd,
		const struct component components[64], struct refusal *why)
{
	uint64_t covered;

	if (check_size(image, image_bytes, takes_bytes, components, why) < 0)
		return -1;
	/* Only "no such MSR" means that nothing is covered. Any other failure means that we do not know: refuse. */
	if (xfd->errno_value != 0 && xfd->errno_value != EINVAL)
		return refuse(why, REASON_CALL_FAILED, xfd->errno_value, "KVM_GET_MSRS",
			      "IA32_XFD could not be read, so the image was not written.");
	covered = xfd->errno_value ? 0 : image_xstate_bv(image) & xfd->value;
	if (covered) {
		(void)refuse(why, REASON_GUARD_XFD_COVERS_IMAGE, 0, "KVM_SET_XSAVE",
			     "IA32_XFD is armed for components %#" PRIx64 " of this image. Disarm IA32_XFD first, or clear "
			     "these XSTATE_BV bits.", covered);
		why->mask = covered;
		return -1;
	}
	return 0;
}

int guard_arming(uint64_t value, uint64_t stored_xstate_bv, struct refusal *why)
{
	uint64_t covered = value & stored_xstate_bv;

	if (!covered)
		return 0;
	(void)refuse(why, REASON_GUARD_ARMING_OVER_STATE, 0, "KVM_SET_MSRS",
		     "Components %#" PRIx64 " are in use. Safe order: put them to init, then arm. This gives up what they "
		     "hold; MSR_PUT_TO_INIT_FIRST does both.", covered);
	why->mask = covered;
	return -1;
}

int guard_msr_listed(uint32_t index)
{
	static const uint32_t listed[] = { MSR_IA32_XFD, 0x1c5, 0x6a0, 0x6a2, 0x6a4, 0x6a5, 0x6a6, 0x6a7, 0x6a8, 0xda0 };

	for (size_t i = 0; i < sizeof(listed) / sizeof(listed[0]); i++)
		if (listed[i] == index)
			return 1;
	return 0;
}

int guard_is_protected(const uint8_t *image, size_t image_bytes)
{
	if (image_bytes < XSAVE_MIN_BYTES)
		return 0;
	for (size_t i = 0; i < XSAVE_MIN_BYTES; i++)
		if (image[i])
			return 0;
	return 1;
}
