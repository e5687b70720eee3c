import { type Decoded, type Problem, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';
import { atEnd, readStruct, readStructs, type StructValue } from './struct.ts';
import { LIST_HEAD, TARGET_RECORD, VCPU_RECORD } from './structs.ts';

type VcpuFields = StructValue<{
  /** KVM's: the APIC id. */
  index: 'u32';
  fd: 'i32';
  tid: 'i32';
  vmFd: 'i32';
  seccompMode: 'u32';
  /** The CPU's number in its VMM's count; -1: not known. */
  vmmNumber: 'i32';
}>;

/** A process with KVM vCPU descriptors, as the helper found it. */
export interface FoundTarget {
  readonly pid: number;
  readonly uid: number;
  /** Why attach would fail, as a number of enum reason; 0 where it should work. */
  readonly reasonCode: number;
  readonly errnoOrScope: number;
  readonly tracerPid: number;
  /** The call that the reason is about; empty where it is about none. */
  readonly call: string;
  readonly seccompAction: number;
  readonly startTimeTicks: bigint;
  readonly runningMs: number;
  readonly vcpus: readonly VcpuFields[];
  /** So many vCPUs more have no row in `vcpus`. */
  readonly vcpusLeftOut: number;
  readonly executable: string;
  readonly commandLine: readonly string[];
  readonly comm: string;
}

const WHAT = 'target list';

const wrong = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what: WHAT, why });

const argumentsOf = (bytes: Uint8Array): string[] => {
  const text = textFromUtf8(bytes);
  return text === '' ? [] : text.replace(/\0$/, '').split('\0');
};

/** One record, which has to hold all its lists within its own length. */
const decodeTarget = (bytes: Uint8Array, offsetBytes: number): Decoded<{ target: FoundTarget; nextBytes: number }> => {
  const head = readStruct(TARGET_RECORD, bytes, offsetBytes, WHAT);
  if (!head.ok) return head;
  const { recordBytes, reason, vcpuCount, exeBytes, cmdlineBytes, runningMs, ...rest } = head.value;
  const nextBytes = offsetBytes + recordBytes;
  if (nextBytes > bytes.length) {
    return undecodable({ kind: 'truncated', what: WHAT, neededBytes: nextBytes, gotBytes: bytes.length });
  }
  const usedBytes = TARGET_RECORD.bytes + vcpuCount * VCPU_RECORD.bytes + exeBytes + cmdlineBytes;
  if (recordBytes !== Math.ceil(usedBytes / 8) * 8) {
    return wrong(`the record of pid ${rest.pid} says ${recordBytes} bytes and holds ${usedBytes}`);
  }
  const listOffset = offsetBytes + TARGET_RECORD.bytes;
  const vcpus = readStructs(VCPU_RECORD, vcpuCount, bytes, listOffset, WHAT);
  if (!vcpus.ok) return vcpus;
  const exeOffset = listOffset + vcpuCount * VCPU_RECORD.bytes;
  const cmdlineOffset = exeOffset + exeBytes;
  const target: FoundTarget = {
    ...rest,
    reasonCode: reason,
    runningMs: Number(runningMs),
    vcpus: vcpus.value,
    executable: textFromUtf8(bytes.subarray(exeOffset, cmdlineOffset)),
    commandLine: argumentsOf(bytes.subarray(cmdlineOffset, cmdlineOffset + cmdlineBytes)),
  };
  return { ok: true, value: { target, nextBytes } };
};

/** A page of the list. */
export interface TargetPage {
  readonly targets: readonly FoundTarget[];
  readonly skippedCount: number;
  /** The next page comes after this pid; 0: this was the last. */
  readonly moreAfterPid: number;
}

/** A page of the list of targets. A problem where it is cut short or counts are wrong. */
export const decodeTargetList = (bytes: Uint8Array): Decoded<TargetPage> => {
  const head = readStruct(LIST_HEAD, bytes, 0, WHAT);
  if (!head.ok) return head;
  const { targetCount, skippedCount, moreAfterPid } = head.value;
  const problem = tooMany(targetCount, bytes.length);
  if (problem !== null) return undecodable(problem);
  const targets: FoundTarget[] = [];
  let offsetBytes: number = LIST_HEAD.bytes;
  for (let index = 0; index < targetCount; index += 1) {
    const record = decodeTarget(bytes, offsetBytes);
    if (!record.ok) return record;
    targets.push(record.value.target);
    offsetBytes = record.value.nextBytes;
  }
  return atEnd({ targets, skippedCount, moreAfterPid }, offsetBytes, bytes, WHAT);
};

const tooMany = (targetCount: number, gotBytes: number): Problem | null => {
  const neededBytes = LIST_HEAD.bytes + targetCount * TARGET_RECORD.bytes;
  return neededBytes > gotBytes ? { kind: 'truncated', what: WHAT, neededBytes, gotBytes } : null;
};
