/*
 * The write guard. Two moves panic host kernels: storing an XSAVE image whose XSTATE_BV has a bit that IA32_XFD covers
 * (kernels without the fix of January 2026), and arming IA32_XFD over a stored image that has the bit (every kernel so
 * far: XRSTOR raises #NM in the host at the next KVM_RUN). These functions decide; nothing is written around them.
 */
#ifndef TILESCOPE_GUARD_H
#define TILESCOPE_GUARD_H

#include "host_cpuid.h"
#include "protocol.h"

#define MSR_IA32_XFD 0x1c4u

/* The closed list of protocol.h: what a capture and a stepped vCPU read, and what alone is written. */
extern const uint32_t listed_msrs[LISTED_MSRS];

/* What a stopped vCPU said about IA32_XFD. errno_value 0: value is right; EINVAL: KVM has no such MSR for this guest. */
struct xfd_reading {
	int errno_value;
	uint64_t value;
};

/* May this image be given to KVM_SET_XSAVE? takes_bytes: how many bytes the vCPU's own image has. 0, or -1 and why. */
int guard_image(const uint8_t *image, size_t image_bytes, size_t takes_bytes, const struct xfd_reading *xfd,
		const struct component components[64], struct refusal *why);

/* May IA32_XFD become value while the stored image has this XSTATE_BV? */
int guard_arming(uint64_t value, uint64_t stored_xstate_bv, struct refusal *why);

/* May the MSR be written? It is on the closed list of protocol.h. */
int guard_msr_listed(uint32_t index);

struct kvm_regs;
struct kvm_sregs;
struct kvm_vcpu_events;
/*
 * May the vCPU go on with these registers? The CPU refuses to enter a guest with reserved bits of RFLAGS, or RIP out of
 * reach (Intel SDM vol. 3, 28.3.1.4), and a VMM ends such a guest.
 */
int guard_regs(const struct kvm_regs *regs, const struct kvm_sregs *sregs, struct refusal *why);

/* KVM_SET_REGS drops an exception that waits, and an event half delivered belongs to the registers it found. */
int guard_events(const struct kvm_vcpu_events *events, struct refusal *why);

/* Legacy SEV-ES answers KVM_GET_XSAVE with zeros, which no real guest has: its FCW can be 0, but not with MXCSR 0 too. */
int guard_is_protected(const uint8_t *image, size_t image_bytes);

/* Of an image of XSAVE_MIN_BYTES or more. */
uint64_t image_xstate_bv(const uint8_t *image);

#endif
