import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hexShort } from '../bits/mask.ts';
import type {
  ControlRegisters,
  DescriptorRegisters,
  FailedCall,
  GeneralRegisters,
  MsrReading,
  SegmentRegisters,
} from '../capture/capture.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { KVM_REGS_BYTES, readGeneral } from '../session/kvm-regs.ts';
import { controlOfSregs, descriptorsOfSregs, KVM_SREGS_BYTES, segmentsOfSregs } from '../session/segments.ts';
import { INJECTED_CALLS } from './calls.ts';
import { atEnd, type Fields, readStruct, readStructs, type Struct, type StructValue } from './struct.ts';
import { CAPTURE_HEAD, CPUID_ENTRY, FAILED_CALL, MSR_VALUE, SECTION, XCR_VALUE } from './structs.ts';

/** What one stop brought, before it is set in the facts around it. An empty list or null: the section did not come. */
export interface RawCapture {
  readonly pauseNs: bigint;
  readonly takenRealtimeNs: bigint;
  readonly inKvmRun: boolean;
  readonly frozen: boolean;
  /** "KVM_GET_XSAVE2" or "KVM_GET_XSAVE". */
  readonly imageCall: string;
  readonly writtenBytes: number;
  readonly legacyErrno: number | null;
  readonly image: Uint8Array;
  readonly guestCpuid: Cpuid;
  readonly xcrs: readonly { readonly index: number; readonly value: bigint }[];
  readonly msrs: readonly MsrReading[];
  readonly general: GeneralRegisters | null;
  readonly control: ControlRegisters | null;
  readonly segments: SegmentRegisters | null;
  readonly descriptors: DescriptorRegisters | null;
  readonly failed: readonly FailedCall[];
}

export const SECTION_KIND = { IMAGE: 1, CPUID: 2, XCRS: 3, MSRS: 4, REGS: 5, SREGS: 6, FAILED: 7 } as const;

const WHAT = 'capture reply';

const wrong = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: WHAT, why });

type Sections = ReadonlyMap<number, Uint8Array>;

const KINDS: ReadonlyMap<number, string> = new Map(Object.entries(SECTION_KIND).map(([name, kind]) => [kind, name]));

/** Sections by kind: each at most once, each of a known kind, the padding not looked at. */
const readSections = (bytes: Uint8Array, count: number): Decoded<Sections> => {
  const sections = new Map<number, Uint8Array>();
  let offsetBytes: number = CAPTURE_HEAD.bytes;
  for (let index = 0; index < count; index += 1) {
    const head = readStruct(SECTION, bytes, offsetBytes, WHAT);
    if (!head.ok) return head;
    const start = offsetBytes + SECTION.bytes;
    const neededBytes = start + Math.ceil(head.value.bytes / 8) * 8;
    if (neededBytes > bytes.length) {
      return undecodable({ kind: 'truncated', what: WHAT, neededBytes, gotBytes: bytes.length });
    }
    const name = KINDS.get(head.value.kind);
    if (name === undefined) return wrong(`a section of kind ${head.value.kind}, which is not known`);
    if (sections.has(head.value.kind)) return wrong(`two sections of kind ${name}`);
    // A copy: the image is kept as long as the capture, the frame is not.
    sections.set(head.value.kind, bytes.slice(start, start + head.value.bytes));
    offsetBytes = neededBytes;
  }
  return atEnd(sections, offsetBytes, bytes, WHAT);
};

const listIn = <F extends Fields>(sections: Sections, kind: number, shape: Struct<F>): Decoded<StructValue<F>[]> => {
  const bytes = sections.get(kind) ?? new Uint8Array(0);
  if (bytes.length % shape.bytes !== 0) {
    return wrong(`a section of ${bytes.length} bytes does not hold whole structs of ${shape.bytes}`);
  }
  return readStructs(shape, bytes.length / shape.bytes, bytes, 0, WHAT);
};

/** A struct of the kernel's: null where it did not come, a problem where its size is another. */
const blockIn = <T>(
  sections: Sections,
  kind: number,
  sizeBytes: number,
  read: (bytes: Uint8Array) => T,
): Decoded<T | null> => {
  const bytes = sections.get(kind);
  if (bytes === undefined) return decoded(null);
  return bytes.length === sizeBytes
    ? decoded(read(bytes))
    : wrong(`${KINDS.get(kind)} has ${bytes.length} bytes, ${sizeBytes} expected`);
};

const readMsr = (row: { index: number; errnoValue: number; value: bigint }): MsrReading => ({
  index: row.index,
  value: row.errnoValue === 0 ? row.value : null,
  errno: row.errnoValue,
});

/** The answer to MSG_CAPTURE. A problem where a section is missing, comes twice, or is not of its size. */
export const decodeCaptureReply = (bytes: Uint8Array): Decoded<RawCapture> => {
  const head = readStruct(CAPTURE_HEAD, bytes, 0, WHAT);
  if (!head.ok) return head;
  const sections = readSections(bytes, head.value.sectionCount);
  if (!sections.ok) return sections;
  const image = sections.value.get(SECTION_KIND.IMAGE);
  if (image === undefined) return wrong('no image in it');
  const { pauseNs, takenRealtimeNs, writtenBytes, legacyErrno, imageCall } = head.value;
  if (image.length !== writtenBytes) {
    return wrong(`the image has ${image.length} bytes and its head says ${writtenBytes}`);
  }
  const guestCpuid = listIn(sections.value, SECTION_KIND.CPUID, CPUID_ENTRY);
  if (!guestCpuid.ok) return guestCpuid;
  const xcrs = listIn(sections.value, SECTION_KIND.XCRS, XCR_VALUE);
  if (!xcrs.ok) return xcrs;
  const msrs = listIn(sections.value, SECTION_KIND.MSRS, MSR_VALUE);
  if (!msrs.ok) return msrs;
  const failed = listIn(sections.value, SECTION_KIND.FAILED, FAILED_CALL);
  if (!failed.ok) return failed;
  const general = blockIn(sections.value, SECTION_KIND.REGS, KVM_REGS_BYTES, readGeneral);
  if (!general.ok) return general;
  const control = blockIn(sections.value, SECTION_KIND.SREGS, KVM_SREGS_BYTES, controlOfSregs);
  if (!control.ok) return control;
  const segments = blockIn(sections.value, SECTION_KIND.SREGS, KVM_SREGS_BYTES, segmentsOfSregs);
  if (!segments.ok) return segments;
  const descriptors = blockIn(sections.value, SECTION_KIND.SREGS, KVM_SREGS_BYTES, descriptorsOfSregs);
  if (!descriptors.ok) return descriptors;
  return decoded({
    pauseNs,
    takenRealtimeNs,
    inKvmRun: head.value.inKvmRun !== 0,
    frozen: head.value.frozen !== 0,
    imageCall:
      INJECTED_CALLS.find(({ request }) => request === imageCall)?.call ?? `ioctl ${hexShort(BigInt(imageCall))}`,
    writtenBytes,
    legacyErrno: legacyErrno < 0 ? null : legacyErrno,
    image,
    guestCpuid: guestCpuid.value,
    xcrs: xcrs.value.map(({ index, value }) => ({ index, value })),
    msrs: msrs.value.map(readMsr),
    general: general.value,
    control: control.value,
    segments: segments.value,
    descriptors: descriptors.value,
    failed: failed.value.map(({ call, errnoValue }) => ({ call, errno: errnoValue })),
  });
};
