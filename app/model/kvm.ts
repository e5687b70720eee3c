import { readU32, readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import { hasBit, maskOf } from '../bits/mask.ts';
import type { MsrReading } from '../capture/capture.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { BIT, keepsWhenClear } from '../xsave/components.ts';
import { DYNAMIC_MASK, LEAST_KVM_BYTES } from '../xsave/facts.ts';
import { firstReservedByte, XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { MXCSR_MASK_OFFSET_BYTES, MXCSR_OFFSET_BYTES } from '../xsave/legacy.ts';
import { INIT_MXCSR, initBytes } from '../xsave/view.ts';
import {
  DEFAULT_FEATURES,
  guestCpuid,
  HOST_LAYOUT,
  offeredXcr0,
  SUPPORTED_XCR0,
  standardBytes,
  xcr0Fault,
} from './cpu.ts';
import { type Machine, msrOf } from './machine.ts';

/** What a call answers: 0, or a positive errno as in errno.h. */
export type Errno = number;
/** errno values of asm-generic/errno-base.h and errno.h. */
export const EPERM = 1;
/** Bad address. */
export const EFAULT = 14;
/** A permission that is asked for after the first vCPU. */
export const EBUSY = 16;
/** What most refusals of KVM answer. */
export const EINVAL = 22;
/** A component that CPU or kernel does not have. */
export const EOPNOTSUPP = 95;

/** Above the components that Linux knows. */
const XFEATURE_MAX = 20;

/** Of the host's CPU, where the kernel refuses an MXCSR. */
const MXCSR_FEATURE_MASK = 0xffff;
const SW_RESERVED_OFFSET_BYTES = 464;
const LEGACY = maskOf([BIT.x87, BIT.SSE]);
const MXCSR_USERS = maskOf([BIT.SSE, BIT.AVX]);

/**
 * KVM around the model's CPU, by its documented rules: how large an image is, what needs a permission, what KVM_SET_XSAVE
 * refuses and with which errno, what IA32_XFD does to it. (Linux 7.1 arch/x86/kvm/x86.c, kernel/fpu/xstate.c.)
 */
export interface ModelKvm {
  readonly machine: Machine;
  /** ARCH_GET_XCOMP_GUEST_PERM. */
  permission(): bigint;
  /** ARCH_REQ_XCOMP_GUEST_PERM: before the first vCPU, or never. */
  requestGuestPermission(bit: number): Errno;
  /** KVM_CREATE_VCPU, then KVM_SET_CPUID2 with AMX or without it. */
  createVcpu(withAmx: boolean): Errno;
  cpuid(): Cpuid;
  /** KVM_CHECK_EXTENSION(KVM_CAP_XSAVE2): by permission, not by vCPU. */
  capXsave2(): number;
  /** What KVM_GET_XSAVE2 writes and KVM_SET_XSAVE reads for this vCPU. */
  uabiBytes(): number;
  getXsave2(): Uint8Array;
  /** KVM_GET_XSAVE: fails where 4096 bytes are too few. */
  legacyErrno(): Errno;
  setXsave(image: Uint8Array): Errno;
  setXcr0(value: bigint): Errno;
  getMsr(index: number): MsrReading;
  setMsr(index: number, value: bigint): Errno;
}

export const createKvm = (machine: Machine): ModelKvm => {
  const { xstate } = machine;
  let permission = DEFAULT_FEATURES;
  let hasVcpu = false;
  // Room in the vCPU's state; it grows when KVM_SET_CPUID2 exposes TILEDATA. (Linux core.c fpu_alloc_guest_fpstate.)
  let userFeatures = DEFAULT_FEATURES;

  const uabiBytes = (): number => Math.max(LEAST_KVM_BYTES, standardBytes(userFeatures));
  /** KVM_GET_XSAVE2 reports what the guest may have, x87 and SSE always. */
  const reported = (): bigint => xstate.inUse & userFeatures & (offeredXcr0(machine.amxOffered) | LEGACY);

  const getXsave2 = (): Uint8Array => {
    const bytes = new Uint8Array(uabiBytes());
    const bv = reported();
    for (const { bit, offsetBytes, sizeBytes } of HOST_LAYOUT.components) {
      if (offsetBytes + sizeBytes > bytes.length) continue;
      bytes.set(hasBit(bv, bit) ? xstate.component(bit) : initBytes(bit, sizeBytes), offsetBytes);
    }
    const mxcsrSaved = (bv & MXCSR_USERS) !== 0n;
    writeU32(bytes, MXCSR_OFFSET_BYTES, mxcsrSaved ? xstate.mxcsr : INIT_MXCSR);
    writeU32(bytes, MXCSR_MASK_OFFSET_BYTES, mxcsrSaved ? xstate.mxcsrMask : MXCSR_FEATURE_MASK);
    writeU64(bytes, SW_RESERVED_OFFSET_BYTES, SUPPORTED_XCR0);
    writeU64(bytes, XSTATE_BV_OFFSET_BYTES, bv);
    return bytes;
  };

  /** Its checks in their order; nothing is stored before the last one has passed. */
  const refusedWith = (image: Uint8Array, bv: bigint): Errno => {
    if ((bv & ~SUPPORTED_XCR0) !== 0n || (bv & ~userFeatures) !== 0n) return EINVAL;
    if (readU64(image, XCOMP_BV_OFFSET_BYTES) !== 0n || firstReservedByte(image) !== null) return EINVAL;
    const looksAtMxcsr = (bv & (MXCSR_USERS | 1n)) !== 0n;
    return looksAtMxcsr && (readU32(image, MXCSR_OFFSET_BYTES) & ~MXCSR_FEATURE_MASK) !== 0 ? EINVAL : 0;
  };

  const setXsave = (image: Uint8Array): Errno => {
    if (image.length < uabiBytes()) return EFAULT;
    // Armed components are dropped in silence, on kernels of 2026 and their stable releases.
    const bv = readU64(image, XSTATE_BV_OFFSET_BYTES) & ~msrOf(machine, MSR_INDEX.IA32_XFD);
    const refused = refusedWith(image, bv);
    if (refused !== 0) return refused;
    if ((bv & (MXCSR_USERS | 1n)) !== 0n) {
      xstate.mxcsr = readU32(image, MXCSR_OFFSET_BYTES);
      xstate.mxcsrMask = readU32(image, MXCSR_MASK_OFFSET_BYTES);
    }
    for (const { bit, offsetBytes, sizeBytes } of HOST_LAYOUT.components) {
      if (hasBit(bv, bit)) xstate.load(bit, ownBytes(bit, image.subarray(offsetBytes, offsetBytes + sizeBytes)));
      // What keeps its value is not reported then until the guest has run.
      else if (!keepsWhenClear(bit)) xstate.putToInit(bit);
    }
    xstate.inUse = bv;
    return 0;
  };

  const msrAllows = (index: number): bigint | null => {
    if (index === MSR_INDEX.IA32_XSS) return 0n;
    const isXfd = index === MSR_INDEX.IA32_XFD || index === MSR_INDEX.IA32_XFD_ERR;
    return isXfd ? offeredXcr0(machine.amxOffered) & DYNAMIC_MASK : null;
  };

  return {
    machine,
    permission: () => permission,
    requestGuestPermission: (bit) => {
      if (bit >= XFEATURE_MAX) return EINVAL;
      if (!hasBit(DYNAMIC_MASK & SUPPORTED_XCR0, bit)) return EOPNOTSUPP;
      if (hasBit(permission, bit)) return 0;
      if (hasVcpu) return EBUSY;
      permission |= 1n << BigInt(bit);
      return 0;
    },
    createVcpu: (withAmx) => {
      hasVcpu = true;
      if (withAmx && (permission & DYNAMIC_MASK) === 0n) return EPERM;
      machine.amxOffered = withAmx;
      if (withAmx) userFeatures |= DYNAMIC_MASK & SUPPORTED_XCR0;
      return 0;
    },
    cpuid: () => guestCpuid(machine.amxOffered, machine.xcr0),
    capXsave2: () => Math.max(LEAST_KVM_BYTES, standardBytes(permission)),
    uabiBytes,
    getXsave2,
    legacyErrno: () => (uabiBytes() > LEAST_KVM_BYTES ? EINVAL : 0),
    setXsave,
    setXcr0: (value) => {
      if (xcr0Fault(value, offeredXcr0(machine.amxOffered)) !== null) return EINVAL;
      machine.xcr0 = value;
      return 0;
    },
    getMsr: (index) =>
      msrAllows(index) === null
        ? { index, value: null, errno: EINVAL }
        : { index, value: msrOf(machine, index), errno: 0 },
    setMsr: (index, value) => {
      const allows = msrAllows(index);
      if (allows === null || (value & ~allows) !== 0n) return EINVAL;
      machine.msrs.set(index, value);
      return 0;
    },
  };
};

/** The bytes of x87 that are its own: 24 to 31 hold MXCSR and its mask. */
const ownBytes = (bit: number, bytes: Uint8Array): Uint8Array => {
  if (bit !== BIT.x87) return bytes;
  const own = bytes.slice();
  own.fill(0, MXCSR_OFFSET_BYTES, MXCSR_MASK_OFFSET_BYTES + 4);
  return own;
};
