import { readU16, readU32, readU64 } from '../../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../../bits/decoded.ts';
import type { PartReader } from '../../bits/part-reader.ts';
import { textFromUtf8, untilNul } from '../../bits/text.ts';

/**
 * Where members of a kernel's structures lie, from its BTF: /sys/kernel/btf/vmlinux, or the section .BTF of a vmlinux. (Linux,
 * Documentation/bpf/btf.rst, include/uapi/linux/btf.h; little-endian)
 */
export interface Btf {
  /** Bytes from the start of the structure; a member of one without a name in it counts too. Null: it has none of that name. */
  offsetOf(structure: string, member: string): number | null;
}

const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const TYPE_BYTES = 12;
const MEMBER_BYTES = 12;
const MOST_TYPES = 2_000_000;
const MOST_BYTES = 1 << 27;
const MOST_NAME_BYTES = 512;
/** Structures without a name, one in the other. */
const MOST_DEPTH = 8;
const STRUCT = 4;
const UNION = 5;

/** What follows a type of each kind: so many bytes, and so many for each of its vlen. */
const BEHIND: readonly (readonly [fixed: number, each: number])[] = [
  ...([
    [0, 0],
    [4, 0],
    [0, 0],
    [12, 0],
    [0, 12],
    [0, 12],
    [0, 8],
    [0, 0],
    [0, 0],
    [0, 0],
  ] as const),
  ...([
    [0, 0],
    [0, 0],
    [0, 0],
    [0, 8],
    [4, 0],
    [0, 12],
    [0, 0],
    [4, 0],
    [0, 0],
    [0, 12],
  ] as const),
];

const what = 'BTF';
const wrong = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

export const isBtf = (head: Uint8Array): boolean => head.length >= 2 && readU16(head, 0) === MAGIC;

/**
 * The types of a file of BTF, raw as in /sys/kernel/btf. A problem where it is cut short or of another byte order.
 * (Linux Documentation/bpf/btf.rst)
 */
export const readBtf = (bytes: Uint8Array): Decoded<Btf> => {
  if (bytes.length < HEADER_BYTES || !isBtf(bytes)) return wrong('it does not begin as BTF does');
  const headerBytes = readU32(bytes, 4);
  const [typesAt, typesBytes] = [headerBytes + readU32(bytes, 8), readU32(bytes, 12)];
  const [namesAt, namesBytes] = [headerBytes + readU32(bytes, 16), readU32(bytes, 20)];
  if (typesAt + typesBytes > bytes.length || namesAt + namesBytes > bytes.length) return wrong('it is cut short');
  const types = bytes.subarray(typesAt, typesAt + typesBytes);
  const names = bytes.subarray(namesAt, namesAt + namesBytes);
  const nameAt = (at: number): string =>
    at === 0 || at >= names.length ? '' : textFromUtf8(untilNul(names.subarray(at, at + MOST_NAME_BYTES)));
  const infoAt = (at: number) => {
    const info = readU32(types, at + 4);
    return { kind: (info >>> 24) & 0x1f, count: info & 0xffff, hasBitFields: info >>> 31 === 1 };
  };

  /** Where each type begins; type 0 is void. */
  const places: number[] = [-1];
  for (let at = 0; at < types.length; ) {
    if (at + TYPE_BYTES > types.length) return wrong('its types are cut short');
    if (places.length > MOST_TYPES) return wrong(`more than ${MOST_TYPES} types`);
    const { kind, count } = infoAt(at);
    const behind = BEHIND[kind];
    if (kind === 0 || behind === undefined) return wrong(`a type of kind ${kind}, which is not known here`);
    places.push(at);
    at += TYPE_BYTES + behind[0] + behind[1] * count;
    if (at > types.length) return wrong('its types are cut short');
  }

  /** @param seen each is gone through once: what is not in it the first time is not in it either the second */
  const memberIn = (place: number, member: string, depth: number, seen: Set<number>): number | null => {
    const { kind, count, hasBitFields } = infoAt(place);
    if ((kind !== STRUCT && kind !== UNION) || depth > MOST_DEPTH || seen.has(place)) return null;
    seen.add(place);
    for (let index = 0; index < count; index += 1) {
      const at = place + TYPE_BYTES + index * MEMBER_BYTES;
      const written = readU32(types, at + 8);
      const bits = hasBitFields ? written & 0xff_ffff : written;
      const name = nameAt(readU32(types, at));
      if (name === member) return bits % 8 === 0 ? bits / 8 : null;
      const inner = name === '' ? places[readU32(types, at + 4)] : undefined;
      const found = inner === undefined || inner < 0 ? null : memberIn(inner, member, depth + 1, seen);
      if (found !== null && bits % 8 === 0) return bits / 8 + found;
    }
    return null;
  };

  return decoded({
    offsetOf: (structure, member) => {
      for (const place of places) {
        if (place < 0 || infoAt(place).kind !== STRUCT || nameAt(readU32(types, place)) !== structure) continue;
        const found = memberIn(place, member, 0, new Set());
        if (found !== null) return found;
      }
      return null;
    },
  });
};

/** The bytes of a section of a 64-bit ELF file; null: there is none of that name. (System V ABI, chapter 4) */
const sectionNamed = (reader: PartReader, wanted: string): Uint8Array | null => {
  const part = (offset: bigint, bytes: bigint): Uint8Array | null =>
    offset + bytes <= BigInt(reader.bytes) && bytes <= BigInt(MOST_BYTES)
      ? reader.read(Number(offset), Number(bytes))
      : null;
  const header = part(0n, 64n);
  if (header === null || readU32(header, 0) !== 0x464c457f || header[4] !== 2 || readU16(header, 58) !== 64)
    return null;
  const [offset, count, namesIndex] = [readU64(header, 40), readU16(header, 60), readU16(header, 62)];
  const table = part(offset, BigInt(count * 64));
  if (table === null || namesIndex >= count) return null;
  const bytesOf = (index: number): Uint8Array | null =>
    part(readU64(table, index * 64 + 24), readU64(table, index * 64 + 32));
  const names = bytesOf(namesIndex);
  if (names === null) return null;
  for (let index = 0; index < count; index += 1) {
    const at = readU32(table, index * 64);
    if (at < names.length && textFromUtf8(untilNul(names.subarray(at, at + 32))) === wanted) return bytesOf(index);
  }
  return null;
};

/** Of a file that is BTF, or an ELF file that has some. */
export const readBtfFile = (reader: PartReader): Decoded<Btf> => {
  const head = reader.bytes < 4 ? null : reader.read(0, 4);
  if (head === null) return wrong('the file is empty');
  const bytes = isBtf(head)
    ? reader.bytes > MOST_BYTES
      ? null
      : reader.read(0, reader.bytes)
    : sectionNamed(reader, '.BTF');
  return bytes === null ? wrong('there is none in it') : readBtf(bytes);
};
