import { concat } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { GeneralRegisters } from '../capture/capture.ts';
import { KVM_REGS_BYTES, readGeneral, writeGeneral } from '../session/kvm-regs.ts';
import { decodeCaptureReply } from './capture-reply.ts';
import { PROTOCOL_VERSION } from './frames.ts';
import { decodeTargetList } from './list-reply.ts';
import {
  decodeBounds,
  decodeMappings,
  decodeMemory,
  decodeTranslate,
  encodeReadMemory,
  encodeTranslate,
  encodeWriteMemory,
} from './memory.ts';
import { decodeBreakpoints, decodeStepsEvent, decodeStopped, encodeRun } from './run.ts';
import { atEnd, type Fields, readStruct, readStructs, type Struct, type StructValue, writeStruct } from './struct.ts';
import {
  ATTACH_REPLY,
  ATTACH_REQUEST,
  CPUID_ENTRY,
  HELLO_REPLY,
  HELLO_REQUEST,
  LIST_REQUEST,
  SET_IMAGE_REQUEST,
  SET_MSR_REQUEST,
  SET_XCR0_REQUEST,
  THREAD_REPLY,
  VCPU_REF,
  VERDICT,
  VERDICTS_HEAD,
  WRITE_REPLY,
} from './structs.ts';
import type { VcpuRef } from './vcpu-ref.ts';

/** Only by the user's explicit word; needs CAP_SYS_ADMIN. */
export const ATTACH_SUSPEND_SECCOMP = 1;
/** The safe order of arming IA32_XFD: what it covers goes to init state first, and is given up. */
export const MSR_PUT_TO_INIT_FIRST = 1;

export interface ListRequest {
  /** 0: from the start; else where the page before said that there is more. */
  readonly afterPid: number;
}

export interface AttachRequest extends VcpuRef {
  /** 0n: whatever process has that pid now. */
  readonly startTimeTicks: bigint;
  readonly suspendSeccomp: boolean;
}

/** An image of exactly as many bytes as the vCPU takes. */
export interface SetImageRequest extends VcpuRef {
  readonly image: Uint8Array;
}

/** A value for XCR0. */
export interface SetXcr0Request extends VcpuRef {
  readonly value: bigint;
}

/** A value for one MSR of the list; putToInitFirst is the safe order for arming IA32_XFD over stored tiles. */
export interface SetMsrRequest extends VcpuRef {
  readonly index: number;
  readonly value: bigint;
  readonly putToInitFirst: boolean;
}

/** All general registers, RIP and RFLAGS. */
export interface SetRegsRequest extends VcpuRef {
  readonly general: GeneralRegisters;
}

const plain =
  <F extends Fields>(shape: Struct<F>, what: string) =>
  (bytes: Uint8Array): Decoded<StructValue<F>> => {
    const value = readStruct(shape, bytes, 0, what);
    return value.ok ? atEnd(value.value, shape.bytes, bytes, what) : value;
  };

const onVcpu = (request: VcpuRef): Uint8Array => writeStruct(VCPU_REF, request);

const decodeHello = (bytes: Uint8Array) => {
  const what = 'hello reply';
  const head = readStruct(HELLO_REPLY, bytes, 0, what);
  if (!head.ok) return head;
  if (head.value.version !== PROTOCOL_VERSION) {
    const why = `it speaks version ${head.value.version} of the protocol, version ${PROTOCOL_VERSION} is needed`;
    return undecodable({ kind: 'not-allowed', what: 'helper', why });
  }
  const cpuid = readStructs(CPUID_ENTRY, head.value.cpuidCount, bytes, HELLO_REPLY.bytes, what);
  if (!cpuid.ok) return cpuid;
  const endBytes = HELLO_REPLY.bytes + head.value.cpuidCount * CPUID_ENTRY.bytes;
  return atEnd({ ...head.value, cpuid: cpuid.value }, endBytes, bytes, what);
};

// Bits of attach_reply.known.
const KNOWS_GUEST_PERMISSION = 1;
const KNOWS_HOST_PERMISSION = 2;
const KNOWS_SUPPORTED_XCR0 = 4;

const decodeAttach = (bytes: Uint8Array) => {
  const reply = plain(ATTACH_REPLY, 'attach reply')(bytes);
  if (!reply.ok) return reply;
  const { known, guestPermission, hostPermission, supportedXcr0, flags, vmmNumber, reserved, ...rest } = reply.value;
  return decoded({
    ...rest,
    guestPermission: known & KNOWS_GUEST_PERMISSION ? guestPermission : null,
    hostPermission: known & KNOWS_HOST_PERMISSION ? hostPermission : null,
    supportedXcr0: known & KNOWS_SUPPORTED_XCR0 && supportedXcr0 !== 0n ? supportedXcr0 : null,
    seccompSuspended: (flags & ATTACH_SUSPEND_SECCOMP) !== 0,
    /** The CPU's number in its VMM's count; null: not known. */
    vmmNumber: vmmNumber < 0 ? null : vmmNumber,
  });
};

const decodeThread = (bytes: Uint8Array) => {
  const reply = plain(THREAD_REPLY, 'thread reply')(bytes);
  if (!reply.ok) return reply;
  const { pauseNs, inKvmRun, frozen } = reply.value;
  return decoded({ pauseNs, inKvmRun: inKvmRun !== 0, frozen: frozen !== 0 });
};

const decodeVerdicts = (bytes: Uint8Array) => {
  const what = 'verdicts reply';
  const head = readStruct(VERDICTS_HEAD, bytes, 0, what);
  if (!head.ok) return head;
  const { count, seccompMode } = head.value;
  const rows = readStructs(VERDICT, count, bytes, VERDICTS_HEAD.bytes, what);
  if (!rows.ok) return rows;
  const verdicts = rows.value.map((row) => ({ ...row, known: row.known !== 0 }));
  return atEnd({ seccompMode, verdicts }, VERDICTS_HEAD.bytes + count * VERDICT.bytes, bytes, what);
};

/** The head and the image after it; `endBytes` is where the image ends. */
const readWrite = (bytes: Uint8Array) => {
  const what = 'write reply';
  const head = readStruct(WRITE_REPLY, bytes, 0, what);
  if (!head.ok) return head;
  const { pauseNs, imageBytes, frozen, value } = head.value;
  const endBytes = WRITE_REPLY.bytes + imageBytes;
  if (endBytes > bytes.length) {
    return undecodable({ kind: 'truncated', what, neededBytes: endBytes, gotBytes: bytes.length });
  }
  const readBack = bytes.slice(WRITE_REPLY.bytes, endBytes);
  return decoded({ endBytes, reply: { pauseNs, frozen: frozen !== 0, value, readBack } });
};

const decodeWrite = (bytes: Uint8Array) => {
  const read = readWrite(bytes);
  return read.ok ? atEnd(read.value.reply, read.value.endBytes, bytes, 'write reply') : read;
};

const decodeSetRegs = (bytes: Uint8Array) => {
  const what = 'write reply';
  const read = readWrite(bytes);
  if (!read.ok) return read;
  const { endBytes, reply } = read.value;
  const neededBytes = endBytes + KVM_REGS_BYTES;
  if (neededBytes > bytes.length) return undecodable({ kind: 'truncated', what, neededBytes, gotBytes: bytes.length });
  const general = readGeneral(bytes.subarray(endBytes, neededBytes));
  return atEnd({ ...reply, general }, neededBytes, bytes, what);
};

interface MessageRow {
  readonly code: number;
  readonly encode: (request: never) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => Decoded<unknown>;
}

/** Every message of native/wire/protocol.h: its code, the codec of its request and that of its reply. */
export const MESSAGES = {
  hello: {
    code: 0x01,
    encode: (_request: null) => writeStruct(HELLO_REQUEST, { version: PROTOCOL_VERSION, reserved: 0 }),
    decode: decodeHello,
  },
  listTargets: {
    code: 0x02,
    encode: (request: ListRequest) => writeStruct(LIST_REQUEST, { ...request, reserved: 0 }),
    decode: decodeTargetList,
  },
  attach: {
    code: 0x03,
    encode: ({ suspendSeccomp, ...request }: AttachRequest) =>
      writeStruct(ATTACH_REQUEST, { ...request, flags: suspendSeccomp ? ATTACH_SUSPEND_SECCOMP : 0, reserved: 0 }),
    decode: decodeAttach,
  },
  detach: { code: 0x04, encode: onVcpu, decode: decodeThread },
  freeze: { code: 0x05, encode: onVcpu, decode: decodeThread },
  resume: { code: 0x06, encode: onVcpu, decode: decodeThread },
  verdicts: { code: 0x07, encode: onVcpu, decode: decodeVerdicts },
  capture: { code: 0x10, encode: onVcpu, decode: decodeCaptureReply },
  setImage: {
    code: 0x11,
    encode: ({ image, ...vcpu }: SetImageRequest) =>
      concat([writeStruct(SET_IMAGE_REQUEST, { ...vcpu, imageBytes: image.length, reserved: 0 }), image]),
    decode: decodeWrite,
  },
  setXcr0: {
    code: 0x12,
    encode: (request: SetXcr0Request) => writeStruct(SET_XCR0_REQUEST, request),
    decode: decodeWrite,
  },
  setMsr: {
    code: 0x13,
    encode: ({ putToInitFirst, ...request }: SetMsrRequest) =>
      writeStruct(SET_MSR_REQUEST, { ...request, flags: putToInitFirst ? MSR_PUT_TO_INIT_FIRST : 0 }),
    decode: decodeWrite,
  },
  setRegs: {
    code: 0x14,
    encode: ({ general, ...vcpu }: SetRegsRequest) => concat([onVcpu(vcpu), writeGeneral(general)]),
    decode: decodeSetRegs,
  },
  mappings: { code: 0x20, encode: onVcpu, decode: decodeMappings },
  bounds: { code: 0x24, encode: onVcpu, decode: decodeBounds },
  readMemory: { code: 0x21, encode: encodeReadMemory, decode: decodeMemory },
  writeMemory: { code: 0x23, encode: encodeWriteMemory, decode: decodeMemory },
  run: { code: 0x30, encode: encodeRun, decode: (bytes: Uint8Array) => atEnd(null, 0, bytes, 'run reply') },
  breakpoints: { code: 0x31, encode: (_request: null) => new Uint8Array(0), decode: decodeBreakpoints },
  translate: { code: 0x22, encode: encodeTranslate, decode: decodeTranslate },
} as const satisfies Record<string, MessageRow>;

/** Sent unasked, with request id 0. */
export const EVENTS = {
  targetGone: { code: 0x80, decode: plain(VCPU_REF, 'target gone event') },
  /** What a run has brought so far, and its end. */
  steps: { code: 0x81, decode: decodeStepsEvent },
  stopped: { code: 0x82, decode: decodeStopped },
} as const;

export type MessageName = keyof typeof MESSAGES;
export type RequestOf<N extends MessageName> = Parameters<(typeof MESSAGES)[N]['encode']>[0];
export type ReplyOf<N extends MessageName> = Extract<ReturnType<(typeof MESSAGES)[N]['decode']>, { ok: true }>['value'];

export type HelloReply = ReplyOf<'hello'>;
export type AttachReply = ReplyOf<'attach'>;
