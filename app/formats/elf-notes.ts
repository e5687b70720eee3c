import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { untilNul } from '../bits/text.ts';
import { Cursor } from './cursor.ts';

/*
 * ELF64 (ELF32: see CLASSES), little-endian (System V ABI; Linux include/uapi/linux/elf.h):
 *   ELF header 64    e_ident 16: 7F 45 4C 46, class, data …   e_type 16   e_machine 18   e_phoff 32   e_shoff 40
 *                    e_phentsize 54   e_phnum 56
 *   program header   p_type 0   p_offset 8   p_filesz 32
 *   note             n_namesz 0   n_descsz 4   n_type 8   name, padded to 4   descriptor, padded to 4
 */
const ELF_MAGIC = 0x464c457f;
const CLASS_32 = 1;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const ET_CORE = 4;
const EM_386 = 3;
const EM_X86_64 = 62;
const PT_NOTE = 4;

/** Where the two classes have what is read of them; a 32-bit core is that of an i386 process. */
const CLASSES = {
  [CLASS_32]: {
    ...{ machine: EM_386, entryBytes: 32, sectionBytes: 40, infoAt: 28, phoff: 28, shoff: 32, counts: 42 },
    ...{ offsetAt: 4, sizeAt: 16, wide: false },
  },
  [CLASS_64]: {
    ...{ machine: EM_X86_64, entryBytes: 56, sectionBytes: 64, infoAt: 44, phoff: 32, shoff: 40, counts: 54 },
    ...{ offsetAt: 8, sizeAt: 32, wide: true },
  },
} as const;
/** e_phnum when there are more program headers than 16 bits count: the number is sh_info of section 0. */
const PN_XNUM = 0xffff;
/** Notes of the kinds that are kept: four or five a thread, and a process has at most 32,768 threads by default. */
const MOST_NOTES = 1 << 18;

export interface ElfNote {
  /** As text, without its NUL: "CORE", "LINUX". */
  readonly name: string;
  readonly type: number;
  readonly desc: Uint8Array;
}

export const isElf = (bytes: Uint8Array): boolean => bytes.length >= 4 && new Cursor(bytes, 'ELF').u32() === ELF_MAGIC;

const notACore = (name: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: name, why: `not an x86 core file: ${why}` });

/** Where the bytes of a program header lie in the file. */
export interface Segment {
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

const truncated = (name: string, neededBytes: bigint, gotBytes: number): Decoded<never> =>
  undecodable({ kind: 'truncated', what: name, neededBytes: Number(neededBytes), gotBytes });

/** @param fileBytes what of the file there is, where bytes are its beginning alone */
export const noteSegments = (
  name: string,
  bytes: Uint8Array,
  fileBytes: number = bytes.length,
): Decoded<readonly Segment[]> => {
  const header = new Cursor(bytes, name);
  const magic = header.u32();
  const elfClass = header.u8();
  const data = header.u8();
  header.at = 16;
  const type = header.u16();
  const machine = header.u16();
  const shape = elfClass === CLASS_32 ? CLASSES[CLASS_32] : CLASSES[CLASS_64];
  const word = (cursor: Cursor): bigint => (shape.wide ? cursor.u64() : BigInt(cursor.u32()));
  header.at = shape.phoff;
  const phoff = word(header);
  header.at = shape.shoff;
  const shoff = word(header);
  header.at = shape.counts;
  const entryBytes = header.u16();
  const shortCount = header.u16();
  if (header.problem !== null) return undecodable(header.problem);
  if (magic !== ELF_MAGIC) return notACore(name, 'no ELF magic');
  if (elfClass !== CLASS_64 && elfClass !== CLASS_32) return notACore(name, `its ELF class is ${elfClass}`);
  if (data !== LITTLE_ENDIAN) return notACore(name, 'not little-endian');
  if (type !== ET_CORE) return notACore(name, `its ELF type is ${type}, a core's is ${ET_CORE}`);
  if (machine !== shape.machine) {
    const is = shape.wide ? `x86-64 is ${EM_X86_64}` : `i386 is ${EM_386} in the 32-bit class`;
    return notACore(name, `its machine is ${machine}, ${is}`);
  }
  if (entryBytes !== shape.entryBytes) return notACore(name, `program headers of ${entryBytes} bytes`);

  let count = shortCount;
  if (shortCount === PN_XNUM) {
    if (shoff + BigInt(shape.sectionBytes) > BigInt(bytes.length)) {
      return truncated(name, shoff + BigInt(shape.sectionBytes), bytes.length);
    }
    count = new Cursor(bytes, name, Number(shoff) + shape.infoAt).u32();
  }
  const end = phoff + BigInt(count) * BigInt(shape.entryBytes);
  if (end > BigInt(bytes.length)) return truncated(name, end, bytes.length);

  const segments: Segment[] = [];
  let total = 0n;
  const table = new Cursor(bytes, name, Number(phoff));
  for (let index = 0; index < count; index += 1) {
    const start = table.at;
    const segmentType = table.u32();
    table.at = start + shape.offsetAt;
    const offset = word(table);
    table.at = start + shape.sizeAt;
    const size = word(table);
    table.at = start + shape.entryBytes;
    if (segmentType !== PT_NOTE || size === 0n) continue;
    if (offset + size > BigInt(fileBytes)) return truncated(name, offset + size, fileBytes);
    // A few headers may point at the same bytes over and over: the work would not be bounded by the file's size.
    total += size;
    if (total > BigInt(fileBytes)) return notACore(name, 'its notes overlap');
    segments.push({ offsetBytes: Number(offset), sizeBytes: Number(size) });
  }
  return decoded(segments);
};

/**
 * A core of these notes alone: of one whose memory is too much to read.
 *
 * @param head its beginning, which noteSegments has read
 * @param notes the bytes of the segments, one behind the other
 */
export const coreOfNotes = (head: Uint8Array, segments: readonly Segment[], notes: Uint8Array): Uint8Array => {
  const shape = head[4] === CLASS_32 ? CLASSES[CLASS_32] : CLASSES[CLASS_64];
  // Both classes have e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx at the end of their header.
  const headerBytes = shape.counts + 10;
  const notesAt = headerBytes + segments.length * shape.entryBytes;
  const core = new Uint8Array(notesAt + notes.length);
  const view = new DataView(core.buffer);
  const word = (at: number, value: number): void =>
    shape.wide ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true);
  core.set(head.subarray(0, headerBytes));
  word(shape.phoff, headerBytes);
  word(shape.shoff, 0);
  view.setUint16(shape.counts + 2, segments.length, true);
  let from = notesAt;
  for (const [index, { sizeBytes }] of segments.entries()) {
    const at = headerBytes + index * shape.entryBytes;
    view.setUint32(at, PT_NOTE, true);
    word(at + shape.offsetAt, from);
    word(at + shape.sizeAt, sizeBytes);
    from += sizeBytes;
  }
  core.set(notes, notesAt);
  return core;
};

const pad4 = (sizeBytes: number): number => (4 - (sizeBytes % 4)) % 4;

const asciiName = (bytes: Uint8Array): string => String.fromCharCode(...untilNul(bytes.subarray(0, 16)));

/** The notes of these types of a core, in file order. Descriptors are views of the file. */
export const readCoreNotes = (
  name: string,
  bytes: Uint8Array,
  types: ReadonlySet<number>,
): Decoded<readonly ElfNote[]> => {
  const segments = noteSegments(name, bytes);
  if (!segments.ok) return segments;
  const notes: ElfNote[] = [];
  for (const segment of segments.value) {
    const cursor = new Cursor(bytes, `${name}, notes`, segment.offsetBytes, segment.offsetBytes + segment.sizeBytes);
    while (cursor.ok && cursor.left >= 12) {
      const nameBytes = cursor.u32();
      const descBytes = cursor.u32();
      const type = cursor.u32();
      // A file full of notes that nobody asks for makes nothing that would be kept.
      const isWanted = types.has(type);
      const noteName = isWanted ? asciiName(cursor.bytes(nameBytes)) : '';
      if (!isWanted) cursor.skip(nameBytes);
      cursor.skip(Math.min(pad4(nameBytes), cursor.left));
      const desc = isWanted ? cursor.bytes(descBytes) : null;
      if (desc === null) cursor.skip(descBytes);
      cursor.skip(Math.min(pad4(descBytes), cursor.left));
      if (!cursor.ok || desc === null) continue;
      if (notes.length >= MOST_NOTES) return notACore(name, `more than ${MOST_NOTES} notes of threads`);
      notes.push({ name: noteName, type, desc });
    }
    if (cursor.problem !== null) return undecodable(cursor.problem);
  }
  return decoded(notes);
};
