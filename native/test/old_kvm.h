/*
 * A helper compiled behind this meets KVM as it was before Linux 5.17: whatever came with KVM_GET_XSAVE2 has a number here that
 * no kernel knows, so the kernel itself gives the answers of one that lacks it. The Makefile puts it before every source.
 */
#ifndef TILESCOPE_TEST_OLD_KVM_H
#define TILESCOPE_TEST_OLD_KVM_H

#include <asm/prctl.h>
#include <linux/kvm.h>

#undef KVM_CAP_XSAVE2
#define KVM_CAP_XSAVE2 0x7fff00d0 /* KVM_CHECK_EXTENSION: 0 */
#undef KVM_GET_XSAVE2
#define KVM_GET_XSAVE2 _IOR(KVMIO, 0xff, struct kvm_xsave) /* EINVAL */
#undef KVM_X86_XCOMP_GUEST_SUPP
#define KVM_X86_XCOMP_GUEST_SUPP 0x7fff0000 /* KVM_GET_DEVICE_ATTR: ENXIO */
#undef ARCH_GET_XCOMP_PERM
#define ARCH_GET_XCOMP_PERM 0x7fff1022 /* arch_prctl: EINVAL */
#undef ARCH_GET_XCOMP_GUEST_PERM
#define ARCH_GET_XCOMP_GUEST_PERM 0x7fff1024

#endif
