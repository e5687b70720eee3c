import { concat, equalBytes, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, undecodable } from '../bits/decoded.ts';
import type { ControlRegisters, DescriptorRegisters, GeneralRegisters, SegmentRegisters } from '../capture/capture.ts';
import { MSRS } from '../cpu/msrs.ts';
import { readGeneral, readGeneralLike } from '../session/kvm-regs.ts';
import { controlOfSregs, descriptorsOfSregs, KVM_SREGS_BYTES, segmentsOfSregs } from '../session/segments.ts';
import { atEnd, readStruct, writeStruct } from './struct.ts';
import { BREAKPOINTS_REPLY, RUN_REQUEST, STEP_CODE, STEP_LOOKUP, STEPS_EVENT, STOPPED_EVENT } from './structs.ts';
import type { VcpuRef } from './vcpu-ref.ts';

/** The message that drives a vCPU, and the events that tell of it: native/wire/protocol_run.h. */

/** Steps of one request. */
export const MOST_STEPS_AT_ONCE = 4000;
/** Rows of the table by which a chain decides whether to go on. */
export const MOST_LOOKUPS = 64;
/** States of that table. */
export const LOOKUP_STATES = 4;

/** Where each part lies in a record. */
export const RECORD = { regs: 0, sregs: 144, xcrs: 456, msrs: 848, image: 1024 } as const;

/** One byte of the record, and what it makes of the state before it: next[state * 256 + byte]. */
export interface Lookup {
  readonly offset: number;
  readonly next: Uint8Array;
}

/** What the CPU's breakpoint registers watch. */
export interface Breakpoint {
  readonly address: bigint;
  readonly on: 'execute' | 'write' | 'access';
  /** 1, 2, 4 or 8, aligned; an instruction has 1. */
  readonly bytes: number;
}

/** What is known of the code that steps go through: 64 KiB of it. */
export interface KnownCode {
  /** The first of its addresses, as RIP has them: a multiple of 65536. */
  readonly base: bigint;
  /** Bit n % 8 of byte n / 8: the instruction at base + n may be stepped. */
  readonly mayBeStepped: Uint8Array;
}

export const KNOWN_CODE_BYTES = 0x10000;

export interface RunRequest extends VcpuRef {
  readonly count: number;
  /** With breakpoints: no steps, but on until one is hit, or this long; 0, or not there: as long as it takes. */
  readonly waitMs?: number;
  /** Four at most. */
  readonly breakpoints?: readonly Breakpoint[];
  /** Records hold everything, not the general registers alone. */
  readonly keepState?: boolean;
  /** The last record alone is sent. */
  readonly keepLast?: boolean;
  /** A condition that ends the steps; see protocol_run.h. */
  readonly lookups?: readonly Lookup[];
  /** The steps end before an instruction that is not to be stepped, or is not known; the first one is made. null: all are. */
  readonly code?: KnownCode | null;
  /** RIP stands at none of the breakpoints: no step is made to pass it. */
  readonly notThere?: boolean;
  /** No interrupt is delivered on the way to the breakpoints, where KVM can keep them away. */
  readonly noInterrupts?: boolean;
}

// DR7: R/W and LEN of each. (SDM vol. 3, 18.2.4)
const RW = { execute: 0n, write: 1n, access: 3n } as const;
const LEN: ReadonlyMap<number, bigint> = new Map([
  [1, 0n],
  [2, 1n],
  [8, 2n],
  [4, 3n],
]);

/** Each of them enabled; bit 10 is always set. */
const dr7Of = (breakpoints: readonly Breakpoint[]): bigint =>
  breakpoints.reduce(
    (dr7, { on, bytes }, index) =>
      dr7 | (1n << BigInt(2 * index)) | ((RW[on] | ((LEN.get(bytes) ?? 0n) << 2n)) << BigInt(16 + 4 * index)),
    breakpoints.length === 0 ? 0n : 0x400n,
  );

const KEEP_STATE = 1;
const KEEP_LAST = 2;
const KNOWN_CODE = 4;
const NOT_THERE = 8;
const NO_INTERRUPTS = 16;

/** MSG_RUN. Throws where a number does not fit its field, which only our own fault could ask for. */
export const encodeRun = (request: RunRequest): Uint8Array => {
  const { breakpoints = [], waitMs = 0, keepState = false, keepLast = false, lookups = [], ...others } = request;
  const { code = null, notThere = false, noInterrupts = false, ...rest } = others;
  const [dr0 = 0n, dr1 = 0n, dr2 = 0n, dr3 = 0n] = breakpoints.map(({ address }) => address);
  const flags =
    (keepState ? KEEP_STATE : 0) |
    (keepLast ? KEEP_LAST : 0) |
    (code === null ? 0 : KNOWN_CODE) |
    (notThere ? NOT_THERE : 0) |
    (noInterrupts ? NO_INTERRUPTS : 0);
  const dr = { dr0, dr1, dr2, dr3, dr7: dr7Of(breakpoints) };
  const head = writeStruct(RUN_REQUEST, { ...rest, waitMs, ...dr, flags, lookupCount: lookups.length });
  const rows = lookups.map(({ offset, next }) => {
    const row = writeStruct(STEP_LOOKUP, { offset, reserved: 0, next: '' });
    row.set(next, STEP_LOOKUP.bytes - LOOKUP_STATES * 256);
    return row;
  });
  if (code === null) return concat([head, ...rows]);
  const known = writeStruct(STEP_CODE, { base: code.base, mayBeStepped: '' });
  known.set(code.mayBeStepped, STEP_CODE.bytes - KNOWN_CODE_BYTES / 8);
  return concat([head, ...rows, known]);
};

/** Everything after one instruction but the general registers. */
export interface StepState {
  readonly image: Uint8Array;
  readonly xcr0: bigint | null;
  readonly msrs: readonly { readonly index: number; readonly value: bigint }[];
  readonly control: ControlRegisters;
  readonly segments: SegmentRegisters;
  readonly descriptors: DescriptorRegisters;
}

export interface StepRecord {
  readonly general: GeneralRegisters;
  /** null: the general registers alone were kept. */
  readonly state: StepState | null;
}

/** struct kvm_msrs: a count, then index and value in 16 bytes each. */
const readMsrs = (bytes: Uint8Array): StepState['msrs'] =>
  Array.from({ length: Math.min(readU32(bytes, 0), MSRS.length) }, (_, at) => ({
    index: readU32(bytes, 8 + at * 16),
    value: readU64(bytes, 16 + at * 16),
  }));

/** Everything but the image and the general registers. */
type Outside = Omit<StepState, 'image'>;

const readOutside = (bytes: Uint8Array): Outside => {
  const sregs = bytes.subarray(RECORD.sregs, RECORD.sregs + KVM_SREGS_BYTES);
  return {
    xcr0: readU32(bytes, RECORD.xcrs) === 0 ? null : readU64(bytes, RECORD.xcrs + 16),
    msrs: readMsrs(bytes.subarray(RECORD.msrs, RECORD.image)),
    control: controlOfSregs(sregs),
    segments: segmentsOfSregs(sregs),
    descriptors: descriptorsOfSregs(sregs),
  };
};

interface Read {
  readonly bytes: Uint8Array;
  readonly record: StepRecord;
}

const sameWithin = (a: Uint8Array, b: Uint8Array, from: number, to: number): boolean =>
  equalBytes(a.subarray(from, to), b.subarray(from, to));

const readState = (bytes: Uint8Array, before: Read | null): StepState => {
  const was = before?.record.state ?? null;
  // A copy: it is kept as long as the capture, the frame is not.
  if (before === null || was === null) return { image: bytes.slice(RECORD.image), ...readOutside(bytes) };
  const isSame = sameWithin(bytes, before.bytes, RECORD.sregs, RECORD.image);
  const hasSameImage = sameWithin(bytes, before.bytes, RECORD.image, bytes.length);
  if (isSame && hasSameImage) return was;
  return { ...(isSame ? was : readOutside(bytes)), image: hasSameImage ? was.image : bytes.slice(RECORD.image) };
};

/** An instruction changes little: what is as in the record before is not read again, and is the same object. */
const readRecord = (bytes: Uint8Array, before: Read | null): StepRecord => {
  const regs = bytes.subarray(RECORD.regs, RECORD.sregs);
  return {
    general:
      before === null
        ? readGeneral(regs)
        : readGeneralLike(regs, { bytes: before.bytes, general: before.record.general }),
    state: bytes.length <= RECORD.image ? null : readState(bytes, before),
  };
};

/** @param bytes records of so many bytes each, one behind the other */
const readRecords = (bytes: Uint8Array, recordBytes: number): readonly StepRecord[] => {
  const records: StepRecord[] = [];
  let before: Read | null = null;
  for (let at = 0; at < bytes.length; at += recordBytes) {
    const one = bytes.subarray(at, at + recordBytes);
    before = { bytes: one, record: readRecord(one, before) };
    records.push(before.record);
  }
  return records;
};

/** The vCPU has made steps. */
export interface StepsEvent extends VcpuRef {
  readonly records: readonly StepRecord[];
}

/** The records of steps. A problem where one is cut short. */
export const decodeStepsEvent = (bytes: Uint8Array): Decoded<StepsEvent> => {
  const what = 'steps event';
  const head = readStruct(STEPS_EVENT, bytes, 0, what);
  if (!head.ok) return head;
  const { pid, vcpuIndex, recordBytes, recordCount } = head.value;
  if (recordBytes !== RECORD.sregs && recordBytes <= RECORD.image)
    return undecodable({ kind: 'not-allowed', what, why: `records of ${recordBytes} bytes` });
  const neededBytes = STEPS_EVENT.bytes + recordCount * recordBytes;
  if (neededBytes > bytes.length) return undecodable({ kind: 'truncated', what, neededBytes, gotBytes: bytes.length });
  const records = readRecords(bytes.subarray(STEPS_EVENT.bytes, neededBytes), recordBytes);
  return atEnd({ pid, vcpuIndex, records }, neededBytes, bytes, what);
};

/**
 * Why a vCPU stopped. done: all steps made, a condition holds, a breakpoint is hit. halted: the guest waits for an interrupt, or came to
 * no breakpoint in time. busy: the VMM had more to do than is waited for. asked: something else was asked of the helper.
 */
const STOPPED_REASONS = ['done', 'halted', 'busy', 'asked'] as const;
const FAILED = STOPPED_REASONS.length;

/** The last of a run. */
export interface StoppedEvent extends VcpuRef {
  readonly rip: bigint;
  readonly reason: (typeof STOPPED_REASONS)[number];
  /** A struct refusal: why it could not be driven on; it runs by itself then. null: it is frozen. */
  readonly refusal: Uint8Array | null;
  readonly pauseNs: bigint;
  /** Instructions that ended. */
  readonly made: number;
  /** In all events of this run. */
  readonly recordCount: number;
  readonly interruptsBlocked: boolean;
  /** The condition does, after the last step. */
  readonly holds: boolean;
  /** Which breakpoints were hit, by their bits. */
  readonly dr6: bigint;
}

/** How it ended. */
export const decodeStopped = (bytes: Uint8Array): Decoded<StoppedEvent> => {
  const what = 'stopped event';
  const head = readStruct(STOPPED_EVENT, bytes, 0, what);
  if (!head.ok) return head;
  const { pid, vcpuIndex, rip, reason, steps, irqsBlocked, pauseNs, recordCount, holds, dr6 } = head.value;
  const refusal = reason === FAILED ? bytes.slice(STOPPED_EVENT.bytes) : null;
  const event = {
    ...{ pid, vcpuIndex, rip, reason: STOPPED_REASONS[reason] ?? ('busy' as const), refusal },
    ...{ pauseNs, made: steps, recordCount, interruptsBlocked: irqsBlocked !== 0, holds: holds !== 0, dr6 },
  };
  return atEnd(event, STOPPED_EVENT.bytes + (refusal?.length ?? 0), bytes, what);
};

/** How a guest is debugged here, as a VM of the helper's own was; null: not known. A KVM whose guests' CPU is emulated differs. */
export interface BreakpointsHit {
  /** It stops at a breakpoint on an instruction. */
  readonly instructions: boolean | null;
  /** At one on data. */
  readonly data: boolean | null;
  /** A step of an instruction that faults ends behind its handler, and not in it. */
  readonly faults: boolean | null;
}

const KNOWS_BREAKPOINTS = 1;
const KNOWS_FAULTS = 2;

/** The answer to that question. */
export const decodeBreakpoints = (bytes: Uint8Array): Decoded<BreakpointsHit> => {
  const what = 'breakpoints reply';
  const reply = readStruct(BREAKPOINTS_REPLY, bytes, 0, what);
  if (!reply.ok) return reply;
  const { known, instructions, data, faults } = reply.value;
  const of = (bit: number, value: number): boolean | null => ((known & bit) === 0 ? null : value !== 0);
  const hit: BreakpointsHit = {
    instructions: of(KNOWS_BREAKPOINTS, instructions),
    data: of(KNOWS_BREAKPOINTS, data),
    faults: of(KNOWS_FAULTS, faults),
  };
  return atEnd(hit, BREAKPOINTS_REPLY.bytes, bytes, what);
};
