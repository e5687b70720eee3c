import { concat, writeU64 } from '../bits/bytes.ts';
import { type Decoded, decoded } from '../bits/decoded.ts';
import { atEnd, readStruct, readStructs, writeStruct } from './struct.ts';
import {
  BOUNDS_HEAD,
  MAPPING_BOUNDS,
  MAPPING_RECORD,
  MAPPINGS_HEAD,
  READ_MEMORY_REQUEST,
  TRANSLATE_HEAD,
  TRANSLATE_REQUEST,
  TRANSLATION,
  WRITE_MEMORY_REQUEST,
} from './structs.ts';
import type { VcpuRef } from './vcpu-ref.ts';

/** The most that one frame reads or translates. */
export const MAX_READ_BYTES = 1 << 19;
/** Linear addresses that one request may ask KVM about. */
export const MAX_TRANSLATIONS = 64;

export interface ReadMemoryRequest extends VcpuRef {
  /** In the VMM, inside a mapping that was listed. */
  readonly address: bigint;
  readonly bytes: number;
}

export interface WriteMemoryRequest extends VcpuRef {
  /** In the VMM, inside a mapping that was listed; all of it on one page. */
  readonly address: bigint;
  /** As it is now: otherwise nothing is written. */
  readonly before: Uint8Array;
  /** As many bytes. */
  readonly after: Uint8Array;
}

/** Linear addresses to translate by KVM_TRANSLATE, MAX_TRANSLATIONS at most. */
export interface TranslateRequest extends VcpuRef {
  readonly linear: readonly bigint[];
}

export const encodeReadMemory = (request: ReadMemoryRequest): Uint8Array =>
  writeStruct(READ_MEMORY_REQUEST, { ...request, reserved: 0 });

export const encodeWriteMemory = ({ before, after, ...request }: WriteMemoryRequest): Uint8Array =>
  concat([writeStruct(WRITE_MEMORY_REQUEST, { ...request, bytes: after.length, reserved: 0 }), before, after]);

/** MSG_TRANSLATE. */
export const encodeTranslate = ({ linear, ...vcpu }: TranslateRequest): Uint8Array => {
  const addresses = new Uint8Array(linear.length * 8);
  for (const [at, address] of linear.entries()) writeU64(addresses, at * 8, address);
  return concat([writeStruct(TRANSLATE_REQUEST, { ...vcpu, count: linear.length, reserved: 0 }), addresses]);
};

/** The VMM's readable and writable mappings. A problem where it is cut short. */
export const decodeMappings = (bytes: Uint8Array) => {
  const what = 'mappings reply';
  const head = readStruct(MAPPINGS_HEAD, bytes, 0, what);
  if (!head.ok) return head;
  const { count, leftOut } = head.value;
  const mappings = readStructs(MAPPING_RECORD, count, bytes, MAPPINGS_HEAD.bytes, what);
  if (!mappings.ok) return mappings;
  return atEnd({ mappings: mappings.value, leftOut }, MAPPINGS_HEAD.bytes + count * MAPPING_RECORD.bytes, bytes, what);
};

/** Of each mapping that was listed last whether it holds one thing alone. A problem where it is cut short. */
export const decodeBounds = (bytes: Uint8Array) => {
  const what = 'bounds reply';
  const head = readStruct(BOUNDS_HEAD, bytes, 0, what);
  if (!head.ok) return head;
  const { count } = head.value;
  const rows = readStructs(MAPPING_BOUNDS, count, bytes, BOUNDS_HEAD.bytes, what);
  if (!rows.ok) return rows;
  const bounded = rows.value.map(({ isOneThing }) => isOneThing !== 0);
  return atEnd({ bounded }, BOUNDS_HEAD.bytes + count * MAPPING_BOUNDS.bytes, bytes, what);
};

/** The bytes as they were read; how many were asked for is checked by the asker. */
export const decodeMemory = (bytes: Uint8Array): Decoded<{ readonly bytes: Uint8Array }> =>
  decoded({ bytes: bytes.slice() });

/** The physical address of each linear one that was asked, or that it has none. A problem where it is cut short. */
export const decodeTranslate = (bytes: Uint8Array) => {
  const what = 'translate reply';
  const head = readStruct(TRANSLATE_HEAD, bytes, 0, what);
  if (!head.ok) return head;
  const { count } = head.value;
  const rows = readStructs(TRANSLATION, count, bytes, TRANSLATE_HEAD.bytes, what);
  if (!rows.ok) return rows;
  const translations = rows.value.map(({ physical, valid }) => ({ physical, valid: valid !== 0 }));
  return atEnd({ translations }, TRANSLATE_HEAD.bytes + count * TRANSLATION.bytes, bytes, what);
};
