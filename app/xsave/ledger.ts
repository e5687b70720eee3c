import { type Cpuid, cpuidEntry } from '../cpu/cpuid.ts';
import type { Capture } from '../session/capture.ts';
import { neededBytes } from './facts.ts';

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
export const LEGACY_XSAVE_BYTES = 4096;
/** The fixed struct kvm_xsave_extension of the first proposal, 3072 words of 32 bits (LKML, 7 February 2021). */
export const RFC_XSAVE_BYTES = 12288;

const compare = (bytes: number | null, needed: number | null, equal: string): LedgerVerdict => {
  if (bytes === null) return { kind: 'unknown', sentence: 'not read' };
  if (needed === null) return { kind: 'unknown', sentence: 'what this VM needs was not read' };
  if (bytes < needed) return { kind: 'short', sentence: `${needed - bytes} bytes short` };
  return { kind: 'ok', sentence: bytes === needed ? equal : `${bytes - needed} to spare` };
};

const legacyVerdict = (needed: number | null, errno: number | null): LedgerVerdict => {
  const verdict = compare(LEGACY_XSAVE_BYTES, needed, 'what this VM needs');
  if (verdict.kind !== 'short') return verdict;
  const asked = errno === null ? 'would refuse' : errno === 0 ? 'answered all the same' : 'refused';
  return { kind: 'short', sentence: `${verdict.sentence}: KVM_GET_XSAVE ${asked}` };
};

const rfcVerdict = (needed: number | null): LedgerVerdict => {
  const verdict = compare(RFC_XSAVE_BYTES, needed, 'exactly enough');
  return verdict.kind === 'ok'
    ? { kind: 'ok', sentence: `${verdict.sentence} on this CPU, none promised on the next` }
    : verdict;
};

/** Leaf 0xD as the guest sees it, else the host's; the source says which. */
const leafOf = (capture: Capture): { readonly cpuid: Cpuid; readonly whose: string } =>
  cpuidEntry(capture.facts.guestCpuid, 0xd, 0) !== undefined
    ? { cpuid: capture.facts.guestCpuid, whose: 'guest' }
    : { cpuid: capture.facts.hostCpuid, whose: 'host' };

/** Every size that the kernel, the CPU and history name for this state, who names it, and who falls short. */
export const sizeLedger = (capture: Capture): LedgerRow[] => {
  const { facts, image } = capture;
  const needed = neededBytes(facts)?.bytes ?? null;
  const { cpuid, whose } = leafOf(capture);
  const standard = cpuidEntry(cpuid, 0xd, 0);
  const compacted = cpuidEntry(cpuid, 0xd, 1);
  const cap = facts.sizes.capXsave2Vm ?? facts.sizes.capXsave2System;
  const capFrom = facts.sizes.capXsave2Vm !== null ? 'the VM' : '/dev/kvm';
  const compactedBytes = compacted === undefined ? null : compacted.ebx >>> 0;
  return [
    {
      id: 'cap-xsave2',
      label: 'KVM_CAP_XSAVE2',
      bytes: cap,
      source: `KVM_CHECK_EXTENSION on ${capFrom}`,
      verdict: compare(cap, needed, 'what this VM needs'),
    },
    {
      id: 'kvm-xsave',
      label: 'struct kvm_xsave',
      bytes: LEGACY_XSAVE_BYTES,
      source: 'KVM_GET_XSAVE, fixed by its ABI',
      verdict: legacyVerdict(needed, facts.sizes.legacyErrno),
    },
    cpuidRow('cpuid-0d-0-ebx', 'CPUID 0xD.0.EBX', standard?.ebx, `standard, components in XCR0 now, ${whose}`, needed),
    cpuidRow('cpuid-0d-0-ecx', 'CPUID 0xD.0.ECX', standard?.ecx, `standard, all the CPU offers, ${whose}`, needed),
    {
      id: 'cpuid-0d-1-ebx',
      label: 'CPUID 0xD.1.EBX',
      bytes: compactedBytes,
      source: `compacted, XCR0 and XSS, ${whose}`,
      verdict:
        compactedBytes === null
          ? { kind: 'unknown', sentence: 'not read' }
          : { kind: 'other', sentence: 'other format: not compared' },
    },
    {
      id: 'rfc',
      label: 'RFC constant',
      bytes: RFC_XSAVE_BYTES,
      source: 'struct kvm_xsave_extension, proposed 2021, fixed',
      verdict: rfcVerdict(needed),
    },
    {
      id: 'image',
      label: 'Image read',
      bytes: image.bytes.length,
      source: facts.imageCall,
      verdict: imageVerdict(image.bytes.length, image.layout.totalBytes, needed),
    },
  ];
};

// A smaller total does not fall short: KVM's least size is 4096, whatever the components need.
const cpuidRow = (
  id: string,
  label: string,
  register: number | undefined,
  source: string,
  needed: number | null,
): LedgerRow => {
  const bytes = register === undefined ? null : register >>> 0;
  const short = bytes !== null && needed !== null && bytes < needed;
  const verdict: LedgerVerdict =
    short && needed === LEGACY_XSAVE_BYTES
      ? { kind: 'ok', sentence: `within the ${LEGACY_XSAVE_BYTES} bytes that KVM always copies` }
      : compare(bytes, needed, 'equal');
  return { id, label, bytes, source, verdict };
};

const imageVerdict = (bytes: number, layoutBytes: number, needed: number | null): LedgerVerdict => {
  if (needed !== null && bytes < needed) return { kind: 'short', sentence: `${needed - bytes} bytes short: cut off` };
  if (needed === null && bytes < layoutBytes) {
    return { kind: 'short', sentence: `cut off: the components end at ${layoutBytes}` };
  }
  return compare(bytes, needed, 'equal to what KVM copies');
};
