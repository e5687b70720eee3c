import { readU8, readU16, readU32, readU64 } from '../../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../../bits/decoded.ts';
import type { PartReader } from '../../bits/part-reader.ts';
import { textFromUtf8, untilNul } from '../../bits/text.ts';
import type { CodeSymbol } from './symbol-table.ts';

/** The symbols of an ELF file, vmlinux or a program's: .symtab, else .dynsym. (System V ABI, chapters 4 and 5; little-endian) */

export interface ElfSymbols {
  readonly symbols: readonly CodeSymbol[];
  /** The lowest address that is loaded, rounded down to a page; what --load-address is set against. */
  readonly base: bigint;
}

const MOST_SECTIONS = 65_536;
const MOST_SEGMENTS = 4096;
const MOST_SYMBOLS = 4_000_000;
const MOST_TABLE_BYTES = 1 << 28;
const MOST_NAME_BYTES = 4096;
const SHT_SYMTAB = 2;
const SHT_DYNSYM = 11;
const PT_LOAD = 1;
/** NOTYPE, OBJECT, FUNC, and IFUNC, whose symbol is its resolver. */
const TYPES: ReadonlySet<number> = new Set([0, 1, 2, 10]);

const what = 'ELF symbols';
const wrong = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

interface Class {
  readonly isWide: boolean;
  readonly headerBytes: number;
  readonly sectionBytes: number;
  readonly segmentBytes: number;
  readonly symbolBytes: number;
}
const WIDE: Class = { isWide: true, headerBytes: 64, sectionBytes: 64, segmentBytes: 56, symbolBytes: 24 };
const NARROW: Class = { isWide: false, headerBytes: 52, sectionBytes: 40, segmentBytes: 32, symbolBytes: 16 };

const inside = (reader: PartReader, offset: bigint, bytes: bigint): Uint8Array | null =>
  offset + bytes <= BigInt(reader.bytes) && bytes <= BigInt(MOST_TABLE_BYTES)
    ? reader.read(Number(offset), Number(bytes))
    : null;

interface Section {
  readonly type: number;
  readonly offset: bigint;
  readonly bytes: bigint;
  readonly link: number;
}

const sectionIn = (table: Uint8Array, at: number, { isWide }: Class): Section =>
  isWide
    ? {
        type: readU32(table, at + 4),
        offset: readU64(table, at + 24),
        bytes: readU64(table, at + 32),
        link: readU32(table, at + 40),
      }
    : {
        type: readU32(table, at + 4),
        offset: BigInt(readU32(table, at + 16)),
        bytes: BigInt(readU32(table, at + 20)),
        link: readU32(table, at + 24),
      };

const nameIn = (names: Uint8Array, at: number): Uint8Array =>
  at >= names.length ? names.subarray(0, 0) : untilNul(names.subarray(at, at + MOST_NAME_BYTES));

/** FUNC before OBJECT before NOTYPE, global before weak before local. */
const rankOf = (info: number): number => {
  const [type, binding] = [info & 15, info >> 4];
  return (type === 2 || type === 10 ? 0 : type === 1 ? 4 : 8) + (binding === 1 ? 0 : binding === 2 ? 1 : 2);
};

const symbolsIn = (
  table: Uint8Array,
  names: Uint8Array,
  { isWide, symbolBytes }: Class,
): Decoded<readonly CodeSymbol[]> => {
  const found: { readonly at: number; readonly name: Uint8Array }[] = [];
  const count = Math.min(MOST_SYMBOLS, Math.floor(table.length / symbolBytes));
  let nameBytes = 0;
  for (let index = 1; index < count; index += 1) {
    const at = index * symbolBytes;
    const section = readU16(table, at + (isWide ? 6 : 14));
    // Undefined, or of no place: SHN_ABS and its like.
    if (section === 0 || section >= 0xff00 || !TYPES.has(readU8(table, at + (isWide ? 4 : 12)) & 15)) continue;
    const name = nameIn(names, readU32(table, at));
    if (name.length === 0) continue;
    // Names may overlap in the file: a small one can have more of them than memory has room for.
    nameBytes += name.length;
    if (nameBytes > MOST_TABLE_BYTES) return wrong(`its names have more than ${MOST_TABLE_BYTES} bytes together`);
    found.push({ at, name });
  }
  if (found.length === 0) return wrong('its symbol table is empty');
  return decoded(
    found.map(({ at, name }) => ({
      name: textFromUtf8(name),
      address: isWide ? readU64(table, at + 8) : BigInt(readU32(table, at + 4)),
      bytes: isWide ? readU64(table, at + 16) : BigInt(readU32(table, at + 8)),
      rank: rankOf(readU8(table, at + (isWide ? 4 : 12))),
    })),
  );
};

const PAGE_MASK = ~0xfffn;

/** Where the first loaded segment belongs; 0 where none is. */
const baseOf = (reader: PartReader, header: Uint8Array, kind: Class): bigint => {
  const { isWide, segmentBytes } = kind;
  const offset = isWide ? readU64(header, 32) : BigInt(readU32(header, 28));
  const [size, count] = [readU16(header, isWide ? 54 : 42), readU16(header, isWide ? 56 : 44)];
  if (size !== segmentBytes || count === 0 || count > MOST_SEGMENTS) return 0n;
  const table = inside(reader, offset, BigInt(size * count));
  if (table === null) return 0n;
  let lowest: bigint | null = null;
  for (let index = 0; index < count; index += 1) {
    const at = index * size;
    if (readU32(table, at) !== PT_LOAD) continue;
    const address = isWide ? readU64(table, at + 16) : BigInt(readU32(table, at + 8));
    if (lowest === null || address < lowest) lowest = address;
  }
  return (lowest ?? 0n) & PAGE_MASK;
};

export const isElf = (head: Uint8Array): boolean =>
  head.length >= 4 && head[0] === 0x7f && head[1] === 0x45 && head[2] === 0x4c && head[3] === 0x46;

/**
 * Functions and objects of an ELF file's symbol table, read part by part. A problem where it is none of x86, or cut
 * short.
 */
export const elfSymbols = (reader: PartReader): Decoded<ElfSymbols> => {
  const ident = inside(reader, 0n, 16n);
  if (ident === null || !isElf(ident)) return wrong('it is no ELF file');
  const kind = ident[4] === 2 ? WIDE : ident[4] === 1 ? NARROW : null;
  if (kind === null || ident[5] !== 1) return wrong('it is of another class or byte order than x86 has');
  const header = inside(reader, 0n, BigInt(kind.headerBytes));
  if (header === null) return wrong('its header is cut short');
  const { isWide, sectionBytes } = kind;
  const offset = isWide ? readU64(header, 40) : BigInt(readU32(header, 32));
  const [size, counted] = [readU16(header, isWide ? 58 : 46), readU16(header, isWide ? 60 : 48)];
  if (offset === 0n) return wrong('it has no sections, and so no symbols: it is stripped');
  if (size !== sectionBytes) return wrong(`its sections have ${size} bytes each, ${sectionBytes} expected`);
  // With 65280 sections and more the count stands in the first one's size.
  const first = inside(reader, offset, BigInt(size));
  if (first === null) return wrong('its section table lies outside the file');
  const count = counted === 0 ? Number(sectionIn(first, 0, kind).bytes) : counted;
  if (count > MOST_SECTIONS) return wrong(`${count} sections`);
  const table = inside(reader, offset, BigInt(size * count));
  if (table === null) return wrong('its section table lies outside the file');
  const sections = Array.from({ length: count }, (_, index) => sectionIn(table, index * size, kind));
  const found = sections.find(({ type }) => type === SHT_SYMTAB) ?? sections.find(({ type }) => type === SHT_DYNSYM);
  if (found === undefined) return wrong('it has no symbol table: it is stripped');
  const linked = sections[found.link];
  const entries = inside(reader, found.offset, found.bytes);
  const names = linked === undefined ? null : inside(reader, linked.offset, linked.bytes);
  if (entries === null || names === null) return wrong('its symbol table lies outside the file');
  const symbols = symbolsIn(entries, names, kind);
  return symbols.ok ? decoded({ symbols: symbols.value, base: baseOf(reader, header, kind) }) : symbols;
};
