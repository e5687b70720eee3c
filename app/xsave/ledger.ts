import type { Capture } from '../capture/capture.ts';
import { type Cpuid, cpuidEntry } from '../cpu/cpuid.ts';
import { componentLabel } from './components.ts';
import { LEAST_KVM_BYTES, neededBytes } from './facts.ts';
import { oddPackedSize } from './state-rules.ts';
import { cutComponents } from './view.ts';

export interface LedgerVerdict {
  /** `other`: a size of another kind, not to be compared. */
  readonly kind: 'ok' | 'short' | 'other' | 'unknown';
  /** One sentence without a full stop. */
  readonly sentence: string;
}

export interface LedgerRow {
  readonly id: string;
  readonly label: string;
  /** null: not known. */
  readonly bytes: number | null;
  readonly source: string;
  readonly verdict: LedgerVerdict;
}

/** struct kvm_xsave, since Linux 2.6.36: KVM_GET_XSAVE can never return more. */
export const LEGACY_XSAVE_BYTES = LEAST_KVM_BYTES;
/** The fixed struct kvm_xsave_extension of the first proposal, 3072 words of 32 bits (LKML, 7 February 2021). */
export const RFC_XSAVE_BYTES = 12288;

/**
 * What every size is held against: what KVM copies for this vCPU, as read; for a file that does not say, what KVM would
 * copy for a vCPU with the components of its layout. Null: an image in the compacted format, which KVM never copies.
 */
export interface LedgerNeed {
  readonly bytes: number;
  readonly from: 'read' | 'layout';
}

/** How many bytes the state needs, and who says so; null: nobody does. */
export const ledgerNeed = ({ facts, image }: Capture): LedgerNeed | null => {
  const read = neededBytes(facts);
  if (read !== null) return { bytes: read.bytes, from: 'read' };
  if (image.layout.format !== 'standard') return null;
  return { bytes: Math.max(LEAST_KVM_BYTES, image.layout.totalBytes), from: 'layout' };
};

const unknown = (sentence: string): LedgerVerdict => ({ kind: 'unknown', sentence });

const compare = (bytes: number | null, need: LedgerNeed | null, equal: string): LedgerVerdict => {
  if (bytes === null) return unknown('not read');
  if (need === null) return unknown('what this VM needs was not read');
  if (bytes < need.bytes) return { kind: 'short', sentence: `${need.bytes - bytes} bytes short` };
  return { kind: 'ok', sentence: bytes === need.bytes ? equal : `${bytes - need.bytes} to spare` };
};

const EINVAL = 22;

/** KVM_GET_XSAVE: what it said where it was asked, else what it would say. (Linux 5.17; before, it cut the state off.) */
const legacyVerdict = (need: LedgerNeed | null, errno: number | null, equal: string): LedgerVerdict => {
  const verdict = compare(LEGACY_XSAVE_BYTES, need, equal);
  if (verdict.kind !== 'short' || need === null) return verdict;
  const sizes = `${need.bytes} > ${LEGACY_XSAVE_BYTES}`;
  if (errno === null) return { kind: 'short', sentence: `legacy GET would refuse: ${sizes}` };
  if (errno === 0) return { kind: 'short', sentence: `legacy GET answered and cut the state off: ${sizes}` };
  return {
    kind: 'short',
    sentence: `legacy GET refused with ${errno === EINVAL ? 'EINVAL' : `errno ${errno}`}: ${sizes}`,
  };
};

// Nothing is known of the next CPU's size, so nothing is said of it but what would not fit.
const rfcVerdict = (need: LedgerNeed | null): LedgerVerdict => {
  const verdict = compare(RFC_XSAVE_BYTES, need, 'exactly enough');
  if (need === null) return verdict;
  const spare = RFC_XSAVE_BYTES - need.bytes;
  if (spare < 0) return { kind: 'short', sentence: `a fixed buffer would not hold this CPU: ${-spare} bytes short` };
  const next = `not a next one with more than ${spare} bytes of new components`;
  return { kind: 'ok', sentence: `a fixed buffer would hold this CPU, ${next}` };
};

/** Leaf 0xD as the guest sees it, else the host's; the source says which. */
const leafOf = (capture: Capture): { readonly cpuid: Cpuid; readonly whose: string } =>
  cpuidEntry(capture.facts.guestCpuid, 0xd, 0) !== undefined
    ? { cpuid: capture.facts.guestCpuid, whose: 'guest' }
    : { cpuid: capture.facts.hostCpuid, whose: 'host' };

/** Every size that the kernel, the CPU and history name for this state, who names it, and who falls short. */
export const sizeLedger = (capture: Capture): LedgerRow[] => {
  const { facts, image } = capture;
  const need = ledgerNeed(capture);
  const { cpuid, whose } = leafOf(capture);
  const standard = cpuidEntry(cpuid, 0xd, 0);
  const compacted = cpuidEntry(cpuid, 0xd, 1);
  const { capXsave2Vm, capXsave2System, legacyErrno } = facts.sizes;
  const compactedBytes = compacted === undefined ? null : compacted.ebx >>> 0;
  const asked = 'KVM_CHECK_EXTENSION';
  const from = need?.from === 'layout' ? 'what this layout needs' : 'what this VM needs';
  return [
    row('cap-xsave2', 'KVM_CAP_XSAVE2, VM', capXsave2Vm, `${asked} on the VM`, compare(capXsave2Vm, need, from)),
    row(
      'cap-xsave2-system',
      'KVM_CAP_XSAVE2, system',
      capXsave2System,
      `${asked} on /dev/kvm`,
      compare(capXsave2System, need, from),
    ),
    row(
      'kvm-xsave',
      'struct kvm_xsave',
      LEGACY_XSAVE_BYTES,
      'KVM_GET_XSAVE, fixed by its ABI',
      legacyVerdict(need, legacyErrno, from),
    ),
    cpuidRow('cpuid-0d-0-ebx', 'CPUID 0xD.0.EBX', standard?.ebx, `standard, XCR0 as it is, ${whose}`, need),
    cpuidRow('cpuid-0d-0-ecx', 'CPUID 0xD.0.ECX', standard?.ecx, `standard, all the CPU offers, ${whose}`, need),
    row(
      'cpuid-0d-1-ebx',
      'CPUID 0xD.1.EBX',
      compactedBytes,
      `compacted, XCR0 and XSS, ${whose}`,
      packedVerdict(compactedBytes, whose === 'guest' ? oddPackedSize(capture) : null),
    ),
    row('rfc', 'RFC constant', RFC_XSAVE_BYTES, 'proposed in 2021, a fixed size', rfcVerdict(need)),
    row(
      'layout',
      'Components end at',
      image.layout.totalBytes,
      image.layout.source,
      image.layout.format === 'standard'
        ? layoutVerdict(image.layout.totalBytes, need)
        : { kind: 'other', sentence: 'compacted format: not compared' },
    ),
    row('image', 'Image read', image.bytes.length, facts.imageCall, imageVerdict(capture, need)),
  ];
};

const row = (id: string, label: string, bytes: number | null, source: string, verdict: LedgerVerdict): LedgerRow => ({
  id,
  label,
  bytes,
  source,
  verdict,
});

/** Held against its own format: what XCR0 and IA32_XSS take there. */
const packedVerdict = (said: number | null, odd: ReturnType<typeof oddPackedSize>): LedgerVerdict => {
  if (said === null) return unknown('not read');
  if (odd === null) return { kind: 'other', sentence: 'other format: not compared' };
  return { kind: 'short', sentence: `XCR0 with IA32_XSS take ${odd.takes} in the compacted format` };
};

// A smaller total does not fall short: KVM's least size is 4096, whatever the components need.
const withinLeast = (bytes: number, need: LedgerNeed): LedgerVerdict | null =>
  bytes < need.bytes && need.bytes === LEAST_KVM_BYTES
    ? { kind: 'ok', sentence: `within the ${LEAST_KVM_BYTES} bytes that KVM always copies` }
    : null;

const cpuidRow = (
  id: string,
  label: string,
  register: number | undefined,
  source: string,
  need: LedgerNeed | null,
): LedgerRow => {
  const bytes = register === undefined ? null : register >>> 0;
  const within = bytes === null || need === null ? null : withinLeast(bytes, need);
  return row(id, label, bytes, source, within ?? compare(bytes, need, 'equal'));
};

/** Where the host's components end may be less than KVM copies (4096 at least) and, without permission, more. */
const layoutVerdict = (bytes: number, need: LedgerNeed | null): LedgerVerdict => {
  if (need === null) return unknown('what this VM needs was not read');
  if (bytes > need.bytes)
    return {
      kind: 'other',
      sentence: `KVM copies ${need.bytes} for this VM: the rest is not permitted, or not in its CPUID`,
    };
  return withinLeast(bytes, need) ?? compare(bytes, need, 'equal');
};

const imageVerdict = (capture: Capture, need: LedgerNeed | null): LedgerVerdict => {
  const { image } = capture;
  const bytes = image.bytes.length;
  const cut = cutComponents(image);
  if (cut.length > 0) {
    return {
      kind: 'short',
      sentence: `this snapshot is truncated at ${bytes}: ${cut.map(componentLabel).join(', ')} lost`,
    };
  }
  if (need === null) return unknown('what this VM needs was not read');
  if (bytes >= need.bytes) return compare(bytes, need, need.from === 'read' ? 'equal to what KVM copies' : 'equal');
  // Raw images and cores end where their components end, without KVM's zeros behind them.
  if (bytes >= image.layout.totalBytes) {
    return { kind: 'ok', sentence: `whole: the components end at ${image.layout.totalBytes}` };
  }
  return { kind: 'short', sentence: `${need.bytes - bytes} bytes short: cut off, nothing in use is lost` };
};
