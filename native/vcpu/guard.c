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

#define MSR_INDEX(index, name) index,
const uint32_t listed_msrs[LISTED_MSRS] = { MSR_LIST(MSR_INDEX) };

int guard_msr_listed(uint32_t index)
{
	for (size_t i = 0; i < LISTED_MSRS; i++)
		if (listed_msrs[i] == index)
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

#define RFLAGS_DEFINED 0x3f7fd7ull /* CF to ID, with bit 1, which KVM sets by itself */
#define RFLAGS_VM (1ull << 17)
#define CR0_PE 1ull
#define CR4_LA57 (1ull << 12)
#define EFER_LMA (1ull << 10)

/* Bits 63 down to the highest one that the page tables translate are all equal. */
static int is_canonical(uint64_t address, unsigned int bits)
{
	uint64_t upper = address >> (bits - 1);

	return upper == 0 || upper == UINT64_MAX >> (bits - 1);
}

int guard_regs(const struct kvm_regs *regs, const struct kvm_sregs *sregs, struct refusal *why)
{
	int is_64_bit = (sregs->efer & EFER_LMA) && sregs->cs.l;
	uint64_t reserved = regs->rflags & ~RFLAGS_DEFINED;

	if (reserved) {
		(void)refuse(why, REASON_GUARD_REGS, 0, "KVM_SET_REGS", "RFLAGS has reserved bits set: %#" PRIx64 ".", reserved);
		why->mask = reserved;
		return -1;
	}
	if ((regs->rflags & RFLAGS_VM) && ((sregs->efer & EFER_LMA) || !(sregs->cr0 & CR0_PE))) {
		(void)refuse(why, REASON_GUARD_REGS, 0, "KVM_SET_REGS", "RFLAGS.VM can be set in 32-bit protected mode only.");
		why->mask = RFLAGS_VM;
		return -1;
	}
	if (is_64_bit && !is_canonical(regs->rip, sregs->cr4 & CR4_LA57 ? 57 : 48))
		return refuse(why, REASON_GUARD_REGS, 0, "KVM_SET_REGS", "RIP %#" PRIx64 " is not canonical.", (uint64_t)regs->rip);
	if (!is_64_bit && regs->rip >> 32)
		return refuse(why, REASON_GUARD_REGS, 0, "KVM_SET_REGS", "RIP %#" PRIx64 " is beyond 4 GiB, and the vCPU runs no 64-bit code.",
			      (uint64_t)regs->rip);
	return 0;
}

int guard_events(const struct kvm_vcpu_events *events, struct refusal *why)
{
	if (events->exception.injected || events->exception.pending)
		return refuse(why, REASON_EVENT_PENDING, 0, "KVM_SET_REGS",
			      "Exception %u is on its way into the guest: KVM_SET_REGS would lose it.", events->exception.nr);
	if (events->interrupt.injected || events->nmi.injected)
		return refuse(why, REASON_EVENT_PENDING, 0, "KVM_SET_REGS",
			      "An interrupt is on its way into the guest, and belongs to the registers it found.");
	return 0;
}
