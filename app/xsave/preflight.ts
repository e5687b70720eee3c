import { readU32 } from '../bits/bytes.ts';
import { bitsOf, hasBit, hexShort, maskOf } from '../bits/mask.ts';
import type { Facts } from '../capture/capture.ts';
import type { ComponentPlace, Image } from '../capture/image.ts';
import { cpuidEntry } from '../cpu/cpuid.ts';
import { BIT, componentLabel } from './components.ts';
import { cpuVendor, DYNAMIC_MASK, LEAST_KVM_BYTES, neededBytes, xfdValue } from './facts.ts';
import { firstReservedByte, xcompBv, xstateBv } from './header.ts';
import { EXTENDED_OFFSET_BYTES, enumeratedUser, placeOf } from './layout.ts';
import { MXCSR_MASK_OFFSET_BYTES, MXCSR_OFFSET_BYTES } from './legacy.ts';
import { brokenTileRules } from './tilecfg.ts';
import { INIT_MXCSR, viewComponent } from './view.ts';

/**
 * `pass`: checked and good. `warning`: the kernel takes it, with a loss that the sentence names. `not-known`: a fact that
 * the check needs was not read. `fail`: the first one is the verdict. `not-reached`: it comes after a fail.
 */
export type PreflightOutcome = 'pass' | 'warning' | 'not-known' | 'fail' | 'not-reached';

export interface PreflightStep {
  readonly id: string;
  readonly label: string;
  /** Who makes this check: KVM_SET_XSAVE, or Tilescope, which is stricter and says so. */
  readonly by: 'kernel' | 'tilescope';
  /** What was looked at, as text. */
  readonly value: string;
  readonly outcome: PreflightOutcome;
  /** What the kernel would answer; absent where Tilescope refuses by itself. */
  readonly errno?: 'EFAULT' | 'EINVAL';
  /** One sentence without a full stop. */
  readonly sentence: string;
  /** The register that a fail is about, and the bits of it that are refused; absent where it is about more than one. */
  readonly about?: { readonly register: string; readonly bits: bigint };
}

type Finding = Pick<PreflightStep, 'value' | 'outcome' | 'sentence' | 'about'> & {
  /** Where Tilescope refuses in a step of the kernel's, because what the kernel would do cannot be told. */
  readonly by?: 'tilescope';
};

interface Check {
  readonly id: string;
  readonly label: string;
  readonly by: PreflightStep['by'];
  readonly errno?: PreflightStep['errno'];
  readonly look: (image: Image, facts: Facts) => Finding;
}

const pass = (value: string, sentence: string): Finding => ({ value, outcome: 'pass', sentence });
const fail = (value: string, sentence: string): Finding => ({ value, outcome: 'fail', sentence });
const warning = (value: string, sentence: string): Finding => ({ value, outcome: 'warning', sentence });
const notKnown = (value: string, sentence: string): Finding => ({ value, outcome: 'not-known', sentence });

const named = (mask: bigint): string =>
  bitsOf(mask)
    .map((bit) => `${bit} (${componentLabel(bit)})`)
    .join(', ');
const ofXstateBv = (bits: bigint): Pick<Finding, 'about'> => ({ about: { register: 'xstate_bv', bits } });
const bitWord = (mask: bigint): string => (bitsOf(mask).length === 1 ? 'bit' : 'bits');

const LEGACY_MASK = maskOf([BIT.x87, BIT.SSE]);
const MXCSR_USERS = maskOf([BIT.x87, BIT.SSE, BIT.AVX]);

const lookXfd = (image: Image, facts: Facts): Finding => {
  const bv = xstateBv(image);
  const xfd = xfdValue(facts);
  if (xfd === null) {
    const capable = maskOf(image.layout.components.filter((place) => place.xfdCapable).map((place) => place.bit));
    const atRisk = bv & (capable | DYNAMIC_MASK);
    const value = 'IA32_XFD not read';
    if (atRisk === 0n) return pass(value, 'IA32_XFD was not read, and XSTATE_BV has no bit that it could arm');
    return fail(
      value,
      `IA32_XFD was not read and XSTATE_BV has ${bitWord(atRisk)} ${named(atRisk)}: if it is armed, entering the guest can take the host down`,
    );
  }
  const covered = bv & xfd;
  const value = `XSTATE_BV ${hexShort(bv)}, IA32_XFD ${hexShort(xfd)}`;
  if (covered === 0n) return pass(value, 'no bit of XSTATE_BV is armed by IA32_XFD');
  const sentence = `${bitWord(covered)} ${named(covered)} of XSTATE_BV is armed by IA32_XFD: older host kernels die entering the guest with it, newer ones drop it`;
  return { ...fail(value, sentence), ...ofXstateBv(covered) };
};

/** The first component in use that the bytes end before. */
const cutComponent = (image: Image): ComponentPlace | undefined =>
  image.layout.components.find(
    (place) => hasBit(xstateBv(image), place.bit) && place.offsetBytes + place.sizeBytes > image.bytes.length,
  );

// KVM_SET_XSAVE has no length: it copies what the vCPU's state takes. Of a shorter image it reads what lies behind it.
const lookSize = (image: Image, facts: Facts): Finding => {
  const needed = neededBytes(facts);
  const value = `${image.bytes.length} bytes`;
  const least = needed?.bytes ?? LEAST_KVM_BYTES;
  const cut = cutComponent(image);
  const lost = cut && `${componentLabel(cut.bit)} ends at ${cut.offsetBytes + cut.sizeBytes}`;
  if (image.bytes.length < least) {
    const reads = `KVM reads ${least} bytes (${needed?.source ?? 'the least it ever reads'})`;
    const behind = `it fails, or takes what lies behind the image's ${value}`;
    return fail(value, `${lost === undefined ? '' : `${lost}, `}${reads}: ${behind}`);
  }
  if (needed === null) {
    if (lost !== undefined) return { ...fail(value, `${lost}, the image has ${value}`), by: 'tilescope' };
    return notKnown(value, 'KVM reads as many bytes as KVM_CAP_XSAVE2 says or more, and that was not read');
  }
  return pass(value, `KVM reads ${needed.bytes} bytes (${needed.source})`);
};

const EINVAL = 22;

const lookProtected = (_image: Image, facts: Facts): Finding => {
  const refused = facts.failed.find((failed) => failed.call === 'KVM_GET_REGS' && failed.errno === EINVAL);
  if (refused === undefined) return pass('not protected', "the guest's registers could be read");
  return fail('protected', 'KVM_GET_REGS answered EINVAL: the state of a protected guest cannot be written');
};

/** CPUID 1.ECX[26]. */
const XSAVE_ECX = 1 << 26;

const lookHostXsave = (image: Image, facts: Facts): Finding => {
  const entry = cpuidEntry(facts.hostCpuid, 1, 0);
  if (entry === undefined) return notKnown('host CPUID not read', 'whether the host has XSAVE was not read');
  if ((entry.ecx & XSAVE_ECX) !== 0) return pass('host has XSAVE', 'the host has XSAVE');
  const beyond = xstateBv(image) & ~LEGACY_MASK;
  const value = 'host without XSAVE';
  if (beyond === 0n) return pass(value, 'the image holds x87 and SSE only');
  return fail(value, `the host has no XSAVE and XSTATE_BV has ${bitWord(beyond)} ${named(beyond)}`);
};

const lookSupported = (image: Image, facts: Facts): Finding => {
  const bv = xstateBv(image);
  const value = `XSTATE_BV ${hexShort(bv)}`;
  if (facts.supportedXcr0 === null) return notKnown(value, 'which components KVM supports on this host was not read');
  const beyond = bv & ~facts.supportedXcr0;
  if (beyond === 0n) return pass(value, `within KVM's supported ${hexShort(facts.supportedXcr0)}`);
  const sentence = `${bitWord(beyond)} ${named(beyond)} of XSTATE_BV: KVM supports ${hexShort(facts.supportedXcr0)}`;
  return { ...fail(value, sentence), ...ofXstateBv(beyond) };
};

const lookPermitted = (image: Image, facts: Facts): Finding => {
  const wanted = xstateBv(image) & DYNAMIC_MASK;
  const value = `XSTATE_BV ${hexShort(xstateBv(image))}`;
  if (wanted === 0n) return pass(value, 'no component that needs a permission is in use');
  const offered = enumeratedUser(facts.guestCpuid);
  if (facts.guestPermission !== null && (wanted & ~facts.guestPermission) !== 0n) {
    return fail(
      value,
      `${bitWord(wanted)} ${named(wanted)}: the VMM has no guest permission (ARCH_GET_XCOMP_GUEST_PERM ${hexShort(facts.guestPermission)})`,
    );
  }
  if (offered !== null && (wanted & ~offered) !== 0n) {
    return fail(
      value,
      `${bitWord(wanted)} ${named(wanted)}: the guest's CPUID does not have it, so this vCPU has no room for it`,
    );
  }
  if (facts.guestPermission === null || offered === null) {
    return notKnown(value, `whether ${named(wanted)} is permitted to this guest was not read`);
  }
  return pass(value, `${named(wanted)} is permitted and in the guest's CPUID`);
};

const lookXcomp = (image: Image): Finding => {
  const value = `XCOMP_BV ${hexShort(xcompBv(image))}`;
  if (xcompBv(image) === 0n) return pass(value, 'the standard format');
  return fail(value, 'XCOMP_BV at offset 520 is not zero: KVM takes the standard format only');
};

const lookReserved = (image: Image): Finding => {
  const offset = firstReservedByte(image.bytes);
  if (offset === null) return pass('bytes 528 to 575 zero', 'the reserved part of the header is zero');
  return fail(
    `byte ${offset} is 0x${(image.bytes[offset] ?? 0).toString(16)}`,
    `reserved header byte ${offset} is not zero`,
  );
};

/**
 * The MXCSR bits that may be set: those of the CPU that is to take the image, FFFFH on Intel, 2FFFFH on AMD, for the kernel
 * checks with the mask it found at boot. The mask stored in the image is not looked at (KVM keeps any value there and
 * hands it back); it stands in where the CPU is not known, and FFBFH where nothing is stored. (Linux fpu/init.c.)
 */
export const mxcsrAllowed = (image: Image, facts: Facts): number => {
  const vendor = cpuVendor(facts.hostCpuid);
  if (vendor === 'GenuineIntel') return 0xffff;
  if (vendor === 'AuthenticAMD' || vendor === 'HygonGenuine') return 0x2ffff;
  return readU32(image.bytes, MXCSR_MASK_OFFSET_BYTES) || 0xffbf;
};

const lookMxcsr = (image: Image, facts: Facts): Finding => {
  const mxcsr = readU32(image.bytes, MXCSR_OFFSET_BYTES);
  const value = `MXCSR ${hexShort(BigInt(mxcsr))}`;
  if ((xstateBv(image) & MXCSR_USERS) === 0n) {
    return pass(value, 'not looked at: XSTATE_BV has none of x87, SSE, AVX');
  }
  const allowed = mxcsrAllowed(image, facts);
  const reserved = (mxcsr & ~allowed) >>> 0;
  if (reserved === 0) return pass(value, `within the mask ${hexShort(BigInt(allowed))}`);
  const bits = bitsOf(BigInt(reserved)).join(', ');
  const sentence = `MXCSR at offset 24 has reserved bit ${bits} set (mask ${hexShort(BigInt(allowed))})`;
  return { ...fail(value, sentence), about: { register: 'mxcsr', bits: BigInt(reserved) } };
};

// Linux copies TILECFG unchecked. If XRSTORS then faulted on it, the kernel would reset every FPU register of the guest.
const lookTileConfig = (image: Image): Finding => {
  const view = viewComponent(image, BIT.XTILECFG);
  if (view.state !== 'inUse') return pass(`TILECFG ${view.state}`, 'no tile configuration is loaded');
  const broken = brokenTileRules(view.bytes)[0];
  if (broken === undefined) return pass('TILECFG in use', 'LDTILECFG would accept it');
  const place = placeOf(image.layout, BIT.XTILECFG);
  const offset = (place?.offsetBytes ?? 0) + broken.offsetBytes;
  return fail(`offset ${offset}`, `${broken.sentence} (offset ${offset}); LDTILECFG would raise #GP`);
};

const lookXcr0 = (image: Image, facts: Facts): Finding => {
  const bv = xstateBv(image);
  if (facts.xcr0 === null) return notKnown(`XSTATE_BV ${hexShort(bv)}`, "the guest's XCR0 was not read");
  const value = `XSTATE_BV ${hexShort(bv)}, XCR0 ${hexShort(facts.xcr0)}`;
  // x87 and SSE exist without XCR0, and KVM reports them so.
  const beyond = bv & ~(facts.xcr0 | LEGACY_MASK);
  if (beyond === 0n) return pass(value, "within the guest's XCR0");
  const offered = enumeratedUser(facts.guestCpuid);
  const lost = offered === null ? 0n : beyond & ~offered;
  if (lost !== 0n) {
    const sentence = `${bitWord(lost)} ${named(lost)} of XSTATE_BV is not in the guest's CPUID: KVM would take it and never give it back`;
    return { ...fail(value, sentence), ...ofXstateBv(lost) };
  }
  return warning(
    value,
    `${bitWord(beyond)} ${named(beyond)} of XSTATE_BV is outside the guest's XCR0: KVM keeps it, the guest cannot use it yet`,
  );
};

const lookMxcsrKept = (image: Image): Finding => {
  const mxcsr = readU32(image.bytes, MXCSR_OFFSET_BYTES);
  const users = xstateBv(image) & MXCSR_USERS;
  const value = `MXCSR ${hexShort(BigInt(mxcsr))}`;
  if (mxcsr === INIT_MXCSR || (users & ~1n) !== 0n) return pass(value, 'MXCSR reaches the vCPU');
  return warning(value, `XSTATE_BV has neither SSE nor AVX: MXCSR will read back as 0x1f80, set bit 1 to keep it`);
};

/**
 * Tilescope's first guard, KVM_SET_XSAVE's checks in its order (Linux arch/x86/kvm/x86.c
 * kvm_vcpu_ioctl_x86_set_xsave, kernel/fpu/xstate.c copy_uabi_to_xstate), then Tilescope's own.
 */
const CHECKS: readonly Check[] = [
  { id: 'xfd', label: 'XSTATE_BV against IA32_XFD', by: 'tilescope', look: lookXfd },
  { id: 'size', label: 'Size', by: 'kernel', errno: 'EFAULT', look: lookSize },
  { id: 'protected', label: 'Protected guest', by: 'kernel', errno: 'EINVAL', look: lookProtected },
  { id: 'host-xsave', label: 'Host has XSAVE', by: 'kernel', errno: 'EINVAL', look: lookHostXsave },
  { id: 'supported', label: 'XSTATE_BV supported by KVM', by: 'kernel', errno: 'EINVAL', look: lookSupported },
  { id: 'permitted', label: 'XSTATE_BV permitted to this guest', by: 'kernel', errno: 'EINVAL', look: lookPermitted },
  { id: 'xcomp-bv', label: 'XCOMP_BV zero', by: 'kernel', errno: 'EINVAL', look: lookXcomp },
  { id: 'reserved', label: 'Reserved header bytes zero', by: 'kernel', errno: 'EINVAL', look: lookReserved },
  { id: 'mxcsr', label: 'MXCSR reserved bits', by: 'kernel', errno: 'EINVAL', look: lookMxcsr },
  { id: 'tilecfg', label: 'TILECFG contents', by: 'tilescope', look: lookTileConfig },
  { id: 'xcr0', label: "XSTATE_BV within the guest's XCR0", by: 'tilescope', look: lookXcr0 },
  { id: 'mxcsr-kept', label: 'MXCSR kept', by: 'tilescope', look: lookMxcsrKept },
];
const KERNEL_CHECKS = CHECKS.filter((check) => check.by === 'kernel');

const runChecks = (checks: readonly Check[], image: Image, facts: Facts): PreflightStep[] => {
  if (image.bytes.length < EXTENDED_OFFSET_BYTES) {
    const sentence = `the image has ${image.bytes.length} bytes, legacy region and header take ${EXTENDED_OFFSET_BYTES}`;
    const value = `${image.bytes.length} bytes`;
    return [{ id: 'size', label: 'Size', by: 'kernel', value, outcome: 'fail', errno: 'EFAULT', sentence }];
  }
  let failed = false;
  return checks.map(({ id, label, by, errno, look }) => {
    if (failed) return { id, label, by, value: '', outcome: 'not-reached', sentence: 'not reached' };
    const finding = look(image, facts);
    failed = finding.outcome === 'fail';
    const refusal = failed && errno !== undefined && finding.by === undefined ? { errno } : {};
    return { id, label, by, ...finding, ...refusal };
  });
};

/** Needs an image of at least 576 bytes, as decodeImage gives. Nothing is sent anywhere. */
export const preflight = (image: Image, facts: Facts): PreflightStep[] => runChecks(CHECKS, image, facts);

/** What KVM_SET_XSAVE by itself would say: its own checks alone, without those that Tilescope adds. */
export const kernelPreflight = (image: Image, facts: Facts): PreflightStep[] => runChecks(KERNEL_CHECKS, image, facts);

/** The verdict: the step that refuses the image, or null where it can be written. */
export const firstRefusal = (steps: readonly PreflightStep[]): PreflightStep | null =>
  steps.find((step) => step.outcome === 'fail') ?? null;
