import { concat, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';
import {
  type ControlRegisters,
  type DescriptorRegisters,
  factsOf,
  type GeneralRegisters,
  type MsrReading,
  type SegmentRegisters,
} from '../capture/capture.ts';
import type { CpuidEntry } from '../cpu/cpuid.ts';
import { readGeneral } from '../session/kvm-regs.ts';
import { controlOfSregs, descriptorsOfSregs, KVM_SREGS_BYTES, segmentsOfSregs } from '../session/segments.ts';
import { EXTENDED_OFFSET_BYTES } from '../xsave/layout.ts';
import { crc64 } from './crc64.ts';
import { Cursor } from './cursor.ts';
import { layoutFromFacts, MOST_IMAGE_BYTES } from './guess.ts';
import {
  cpuidFromKvmEntry,
  KVM_CPUID_ENTRY2_BYTES,
  KVM_DEBUGREGS_BYTES,
  KVM_LAPIC_STATE_BYTES,
  KVM_MP_STATE_BYTES,
  KVM_MSR_ENTRY_BYTES,
  KVM_REGS_BYTES,
  KVM_VCPU_EVENTS_BYTES,
  KVM_XCRS_BYTES,
  MOST_CPUID_ENTRIES,
  MOST_MSR_ENTRIES,
  msrFromKvmEntry,
  xcr0FromKvmXcrs,
} from './kvm-structs.ts';
import { fileTarget, type OpenedFile, type OpenedState, type OpenOptions, stateOf } from './opened.ts';

/*
 * The state file of a Firecracker snapshot, formats 4 to 8 (Firecracker 1.10 to 1.14). Sources, all of the repository
 * firecracker-microvm/firecracker: src/vmm/src/snapshot/mod.rs (header, checksum), src/vmm/src/persist.rs (MicrovmState),
 * src/vmm/src/arch/x86_64/vcpu.rs (VcpuState); rust-vmm/kvm: kvm-bindings/src/serialize.rs (each KVM structure is a
 * string of bytes), fam_wrappers.rs (kvm_xsave2). bincode with fixed-width integers: every length is 64 bits.
 *
 *   magic 0710198486640000H 8   version: length 8, "8.0.0"   MicrovmState   CRC-64 of all before, 8
 *
 *   VcpuState    cpuid        {8, kvm_cpuid2}, count, {40, kvm_cpuid_entry2}…
 *                saved_msrs   count, of { {8, kvm_msrs}, count, {16, kvm_msr_entry}… }
 *                {128, kvm_debugregs} {1024, kvm_lapic_state} {4, kvm_mp_state} {144, kvm_regs} {312, kvm_sregs}
 *                {64, kvm_vcpu_events} {392, kvm_xcrs}
 *                xsave        {4096, kvm_xsave}, or since format 6 {4104, kvm_xsave2}, count, u32…
 *                tsc_khz      0, or 1 and u32
 */
const MAGIC = 0x0710_1984_8664_0000n;
const ARM_MAGIC = 0x0710_1984_aaaa_0000n;
const CRC_BYTES = 8;
const KNOWN_MAJORS = [4, 5, 6, 7, 8];
/** MAX_SUPPORTED_VCPUS. */
const MOST_VCPUS = 32;
/** Firecracker itself refuses to read a longer file. */
const MOST_FILE_BYTES = 10 << 20;
const XSAVE_BYTES = 4096;
const XSAVE2_BYTES = 8 + XSAVE_BYTES;

interface Vcpu {
  readonly cpuid: readonly CpuidEntry[];
  readonly msrs: readonly MsrReading[];
  readonly general: GeneralRegisters;
  readonly control: ControlRegisters;
  readonly segments: SegmentRegisters;
  readonly descriptors: DescriptorRegisters;
  readonly xcr0: bigint | null;
  readonly image: Uint8Array;
}

const wrong = (cursor: Cursor, why: string): void => cursor.fail({ kind: 'not-allowed', what: cursor.what, why });

/** A string of bytes of one of these lengths. */
const blob = (cursor: Cursor, ...allowedBytes: readonly number[]): Uint8Array => {
  const sizeBytes = cursor.u64();
  if (cursor.ok && !allowedBytes.some((allowed) => BigInt(allowed) === sizeBytes)) {
    wrong(cursor, `a structure of ${sizeBytes} bytes at ${cursor.at - 8}, expected ${allowedBytes.join(' or ')}`);
  }
  return cursor.ok ? cursor.bytes(Number(sizeBytes)) : new Uint8Array(0);
};

const list = <T>(cursor: Cursor, what: string, entryBytes: number, most: number, read: () => T): T[] => {
  const count = cursor.u64();
  if (cursor.ok && (count > BigInt(most) || !cursor.holds(count, entryBytes))) wrong(cursor, `${count} ${what}`);
  const entries: T[] = [];
  for (let index = 0n; cursor.ok && index < count; index += 1n) entries.push(read());
  return entries;
};

/** A flexible array: a header of 8 bytes that holds the count, then the entries. */
const table = <T>(
  cursor: Cursor,
  what: string,
  entryBytes: number,
  most: number,
  decode: (b: Uint8Array) => T,
): T[] => {
  const header = blob(cursor, 8);
  const entries = list(cursor, what, 8 + entryBytes, most, () => blob(cursor, entryBytes));
  if (!cursor.ok) return [];
  if (readU32(header, 0) !== entries.length)
    wrong(cursor, `${readU32(header, 0)} ${what} announced, ${entries.length} there`);
  return entries.map(decode);
};

const readXsave = (cursor: Cursor): Uint8Array => {
  const head = blob(cursor, XSAVE_BYTES, XSAVE2_BYTES);
  if (!cursor.ok || head.length === XSAVE_BYTES) return head;
  const words = cursor.u64();
  if (words !== readU64(head, 0)) wrong(cursor, `${readU64(head, 0)} extra words announced, ${words} there`);
  if (words * 4n > BigInt(MOST_IMAGE_BYTES)) wrong(cursor, `an image of ${words} extra words`);
  return cursor.ok ? concat([head.subarray(8), cursor.bytes(Number(words) * 4)]) : head;
};

const readVcpu = (cursor: Cursor): Vcpu | null => {
  const cpuid = table(cursor, 'CPUID entries', KVM_CPUID_ENTRY2_BYTES, MOST_CPUID_ENTRIES, cpuidFromKvmEntry);
  const chunks = list(cursor, 'tables of MSRs', 24, MOST_MSR_ENTRIES, () =>
    table(cursor, 'MSRs', KVM_MSR_ENTRY_BYTES, MOST_MSR_ENTRIES, msrFromKvmEntry),
  );
  blob(cursor, KVM_DEBUGREGS_BYTES);
  blob(cursor, KVM_LAPIC_STATE_BYTES);
  blob(cursor, KVM_MP_STATE_BYTES);
  const regs = blob(cursor, KVM_REGS_BYTES);
  const sregs = blob(cursor, KVM_SREGS_BYTES);
  blob(cursor, KVM_VCPU_EVENTS_BYTES);
  const xcrs = blob(cursor, KVM_XCRS_BYTES);
  const image = readXsave(cursor);
  const hasTsc = cursor.u8();
  if (hasTsc > 1) wrong(cursor, `option byte ${hasTsc}`);
  if (hasTsc === 1) cursor.u32();
  if (!cursor.ok) return null;
  return {
    cpuid,
    msrs: chunks.flat(),
    general: readGeneral(regs),
    control: controlOfSregs(sregs),
    segments: segmentsOfSregs(sregs),
    descriptors: descriptorsOfSregs(sregs),
    xcr0: xcr0FromKvmXcrs(xcrs),
    image,
  };
};

/** Whether a list of vCPUs can begin here: its count, and the head of the first one's CPUID table, agree. */
const beginsVcpus = (bytes: Uint8Array, at: number): boolean => {
  if (at + 40 > bytes.length) return false;
  const vcpus = readU32(bytes, at);
  const entries = readU32(bytes, at + 16);
  if (vcpus < 1 || vcpus > MOST_VCPUS || readU32(bytes, at + 4) !== 0) return false;
  if (entries < 1 || entries > MOST_CPUID_ENTRIES) return false;
  return (
    readU64(bytes, at + 8) === 8n &&
    readU64(bytes, at + 24) === BigInt(entries) &&
    readU64(bytes, at + 32) === BigInt(KVM_CPUID_ENTRY2_BYTES)
  );
};

/**
 * What precedes the vCPUs (VM information, memory regions, interrupt controllers) changes with every format, so the list
 * is found by its shape: three lengths and two counts must agree before a byte of it is believed, and then all of it must
 * decode. A false start costs the bytes up to its first disagreement only.
 */
const findVcpus = (name: string, state: Uint8Array, fromByte: number): Decoded<readonly Vcpu[]> => {
  let nearest: Cursor | null = null;
  // A file made to hold many false starts ends the search when they have cost a few times its length.
  let leftBytes = 4 * state.length;
  for (let at = fromByte; at + 40 <= state.length && leftBytes > 0; at += 1) {
    if (!beginsVcpus(state, at)) continue;
    const cursor = new Cursor(state, `${name}, vCPU state`, at);
    const vcpus = list(cursor, 'vCPUs', 1, MOST_VCPUS, () => readVcpu(cursor)).filter((vcpu) => vcpu !== null);
    if (cursor.ok) return decoded(vcpus);
    leftBytes -= cursor.at - at;
    if (nearest === null || cursor.at > nearest.at) nearest = cursor;
  }
  if (nearest?.problem) return undecodable(nearest.problem);
  return undecodable({ kind: 'not-allowed', what: name, why: 'no vCPU state of a known shape in it' });
};

const refuse = (name: string, why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: name, why });

/** Formats up to 3 keep a number in the low 16 bits of the magic, or another VcpuState; later ones the version as text. */
const readHeader = (name: string, bytes: Uint8Array): Decoded<{ version: string; endBytes: number }> => {
  const cursor = new Cursor(bytes, `${name}, header`);
  const magic = cursor.u64();
  if (magic !== MAGIC) {
    if (magic >> 16n === ARM_MAGIC >> 16n) return refuse(name, 'Firecracker snapshot of an Arm guest');
    return refuse(name, 'Firecracker snapshot in versionize form (Firecracker up to 1.5): not known here');
  }
  const length = cursor.u64();
  if (length > 64n) return refuse(name, `Firecracker snapshot with a version of ${length} characters`);
  const version = textFromUtf8(cursor.bytes(Number(length)));
  return cursor.problem === null ? decoded({ version, endBytes: cursor.at }) : undecodable(cursor.problem);
};

/** Begins with Firecracker's magic, any of its formats up to 8. */
export const isFirecracker = (bytes: Uint8Array): boolean =>
  bytes.length >= 8 && [MAGIC, ARM_MAGIC].some((magic) => readU64(bytes, 0) >> 16n === magic >> 16n);

/**
 * Since January 2026 (pull request 5617) the file is bitcode: columns of packed bits, readable only with every type at
 * hand. There is no magic in front, but the checksum at the end makes the whole file's 0.
 */
export const isFirecrackerBitcode = (bytes: Uint8Array): boolean =>
  bytes.length > 4096 && bytes.length <= MOST_FILE_BYTES && bytes.some((byte) => byte !== 0) && crc64(bytes) === 0n;

export const BITCODE_REFUSAL = 'Firecracker snapshot in bitcode (written since 2026): not known here';

/**
 * A Firecracker state file: a state a vCPU. A problem where the checksum is wrong, the version is not known, or it is
 * of an Arm guest.
 */
export const openFirecracker = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  if (bytes.length > MOST_FILE_BYTES)
    return refuse(name, `a Firecracker state file of ${bytes.length} bytes is too long`);
  const header = readHeader(name, bytes);
  if (!header.ok) return header;
  const { version, endBytes } = header.value;
  const numbers = /^(\d{1,9})\.\d{1,9}\.\d{1,9}$/.exec(version);
  if (numbers === null || !KNOWN_MAJORS.includes(Number(numbers[1]))) {
    return refuse(name, `Firecracker snapshot version ${JSON.stringify(version)}: not known here`);
  }
  const state = bytes.subarray(0, bytes.length - CRC_BYTES);
  if (state.length < endBytes || crc64(bytes) !== 0n) return refuse(name, 'Firecracker snapshot whose CRC-64 is wrong');
  const vcpus = findVcpus(name, state, endBytes);
  if (!vcpus.ok) return vcpus;

  const states: OpenedState[] = [];
  for (const [index, vcpu] of vcpus.value.entries()) {
    if (options.thread !== undefined && options.thread !== index) continue;
    if (vcpu.image.length < EXTENDED_OFFSET_BYTES) return refuse(name, `vCPU ${index} without an image`);
    const layout = layoutFromFacts(vcpu.image, vcpu.cpuid, 'guest CPUID 0xD in the snapshot', options.preset);
    if (!layout.ok) return layout;
    const target = fileTarget(name, 'Firecracker', { vcpu: index });
    const { msrs, xcr0, general, control, segments, descriptors } = vcpu;
    const facts = factsOf(target, `Firecracker snapshot ${version}`, {
      guestCpuid: vcpu.cpuid,
      msrs,
      xcr0,
      general,
      control,
      segments,
      descriptors,
    });
    states.push(stateOf(`vCPU ${index}`, { bytes: vcpu.image.slice(), layout: layout.value }, facts));
  }
  if (states.length === 0) return refuse(name, `no vCPU ${options.thread}; it has ${vcpus.value.length}`);
  return decoded({ kind: 'firecracker', states });
};
