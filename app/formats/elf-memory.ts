import { readU16, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { PartReader } from '../bits/part-reader.ts';
import { textFromUtf8, untilNul } from '../bits/text.ts';
import type { ControlRegisters, DescriptorRegisters, GeneralRegisters, SegmentRegisters } from '../capture/capture.ts';

/**
 * Memory in an ELF core: of a process, by linear addresses, or of a guest as QEMU's dump-guest-memory writes it, by physical ones,
 * with the registers of each CPU in a note of its own. (System V ABI, chapter 5; QEMU, target/i386/arch_dump.c)
 */

/** A part of memory that is in the file. */
export interface MemorySegment {
  readonly linear: bigint;
  readonly physical: bigint;
  readonly bytes: bigint;
  readonly offsetBytes: bigint;
}

export interface DumpedCpu {
  readonly general: GeneralRegisters;
  /** EFER is not kept: LMA is what the machine of the file says, and NXE is taken to be set, as wherever an entry has bit 63. */
  readonly control: ControlRegisters;
  readonly segments: SegmentRegisters;
  readonly descriptors: DescriptorRegisters;
}

export interface ElfMemory {
  readonly segments: readonly MemorySegment[];
  /** None of a process. */
  readonly cpus: readonly DumpedCpu[];
}

const MOST_SEGMENTS = 65_535;
/** Of all notes: segments may name the same bytes again and again. */
const MOST_NOTE_BYTES = 1 << 24;
const MOST_CPUS = 4096;
const [LEAST_HEADER_BYTES, MOST_HEADER_BYTES] = [52, 64];
const PT_LOAD = 1;
const PT_NOTE = 4;
const EM_X86_64 = 62;
const EFER_NXE = 0x800n;
const EFER_LONG = 0x500n;

type Part = Readonly<Record<'offsetBytes' | 'linear' | 'physical' | 'bytes', bigint>>;

/** Where an ELF file of a class has its table of segments. (System V ABI, chapters 4 and 5) */
interface Shape {
  readonly headerBytes: number;
  readonly tableAt: (header: Uint8Array) => bigint;
  /** e_phentsize, behind which e_phnum stands. */
  readonly sizeAt: number;
  readonly segmentBytes: number;
  readonly segment: (table: Uint8Array, at: number) => Part;
}

/** By EI_CLASS. QEMU writes the memory of a guest that is not in long mode, and has none above 4 GiB, as one of 32 bits. */
const SHAPES: Readonly<Record<number, Shape>> = {
  1: {
    headerBytes: 52,
    tableAt: (header) => BigInt(readU32(header, 28)),
    sizeAt: 42,
    segmentBytes: 32,
    segment: (table, at) => ({
      offsetBytes: BigInt(readU32(table, at + 4)),
      linear: BigInt(readU32(table, at + 8)),
      physical: BigInt(readU32(table, at + 12)),
      bytes: BigInt(readU32(table, at + 16)),
    }),
  },
  2: {
    headerBytes: 64,
    tableAt: (header) => readU64(header, 32),
    sizeAt: 54,
    segmentBytes: 56,
    segment: (table, at) => ({
      offsetBytes: readU64(table, at + 8),
      linear: readU64(table, at + 16),
      physical: readU64(table, at + 24),
      bytes: readU64(table, at + 32),
    }),
  },
};

const what = 'ELF core';
const wrong = (why: string): Decoded<never> => undecodable({ kind: 'not-allowed', what, why });

const GENERAL = [
  ...(['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rsp', 'rbp'] as const),
  ...(['r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'rip', 'rflags'] as const),
];
/** struct QEMUCPUState: version and size, 18 registers, ten segments of 24 bytes, CR0 to CR4. */
const CPU_REGISTERS = 8;
const CPU_SEGMENTS = CPU_REGISTERS + 18 * 8;
const SEGMENT_BYTES = 24;
/** In their order: selector, limit and flags of 32 bits, four bytes of nothing, base. */
const SEGMENTS = ['cs', 'ds', 'es', 'fs', 'gs', 'ss', 'ldt', 'tr', 'gdt', 'idt'] as const;
/** Of its flags, which are bits 8 to 23 of the descriptor where they stand there. (QEMU, target/i386/cpu.h, DESC_*) */
const [FLAG_DPL, FLAG_L, FLAG_B] = [13n, 21n, 22n];
const CPU_CONTROL = CPU_SEGMENTS + SEGMENTS.length * SEGMENT_BYTES;
const CPU_BYTES = CPU_CONTROL + 5 * 8;

const cpuOf = (state: Uint8Array, isLong: boolean): DumpedCpu => {
  const at = (index: number): bigint => readU64(state, CPU_CONTROL + index * 8);
  const segment = (name: (typeof SEGMENTS)[number]) => {
    const from = CPU_SEGMENTS + SEGMENTS.indexOf(name) * SEGMENT_BYTES;
    const [selector, limit, flags] = [0, 4, 8].map((inside) => BigInt(readU32(state, from + inside)));
    return { selector: selector ?? 0n, limit: limit ?? 0n, flags: flags ?? 0n, base: readU64(state, from + 16) };
  };
  const [cs, ss, fs] = [segment('cs'), segment('ss'), segment('fs')];
  const [gs, gdt, idt] = [segment('gs'), segment('gdt'), segment('idt')];
  return {
    segments: {
      ...{ cs: cs.selector, ss: ss.selector, ds: segment('ds').selector, es: segment('es').selector },
      ...{ fs: fs.selector, gs: gs.selector, fs_base: fs.base, gs_base: gs.base },
    },
    descriptors: {
      ...{ cs_base: cs.base, cs_l: (cs.flags >> FLAG_L) & 1n, cs_d: (cs.flags >> FLAG_B) & 1n },
      cpl: (ss.flags >> FLAG_DPL) & 3n,
      ...{ gdt_base: gdt.base, gdt_limit: gdt.limit, idt_base: idt.base, idt_limit: idt.limit },
    },
    general: Object.fromEntries(
      GENERAL.map((name, index) => [name, readU64(state, CPU_REGISTERS + index * 8)]),
    ) as unknown as GeneralRegisters,
    control: { cr0: at(0), cr2: at(2), cr3: at(3), cr4: at(4), cr8: 0n, efer: EFER_NXE | (isLong ? EFER_LONG : 0n) },
  };
};

const aligned = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** The notes that QEMU names for itself, one a CPU. */
const cpusIn = (notes: Uint8Array, isLong: boolean, most: number): readonly DumpedCpu[] => {
  const cpus: DumpedCpu[] = [];
  for (let at = 0; at + 12 <= notes.length && cpus.length < most; ) {
    const [nameBytes, bytes] = [readU32(notes, at), readU32(notes, at + 4)];
    const start = at + 12 + aligned(nameBytes);
    if (start + bytes > notes.length) break;
    const name = textFromUtf8(untilNul(notes.subarray(at + 12, at + 12 + Math.min(nameBytes, 16))));
    if (name === 'QEMU' && bytes >= CPU_BYTES) cpus.push(cpuOf(notes.subarray(start, start + bytes), isLong));
    at = start + aligned(bytes);
  }
  return cpus;
};

/** e_type: ET_EXEC and ET_DYN, ET_CORE. */
const TYPES = { core: [4], program: [2, 3] } as const;

/** @param kind a core, or a program with what it loads */
export const elfMemory = (reader: PartReader, kind: keyof typeof TYPES = 'core'): Decoded<ElfMemory> => {
  const header = reader.read(0, Math.min(reader.bytes, MOST_HEADER_BYTES)) ?? new Uint8Array();
  if (header.length < LEAST_HEADER_BYTES || readU32(header, 0) !== 0x464c457f) return wrong('it is no ELF file');
  const shape = kind === 'program' && header[4] !== 2 ? undefined : SHAPES[header[4] ?? 0];
  const isOfKind = header[5] === 1 && TYPES[kind].some((type) => type === readU16(header, 16));
  if (shape === undefined || header.length < shape.headerBytes || !isOfKind)
    return wrong(kind === 'core' ? 'it is no core of a little-endian CPU' : 'it is no program of 64 bits');
  const [offset, size, count] = [
    shape.tableAt(header),
    readU16(header, shape.sizeAt),
    readU16(header, shape.sizeAt + 2),
  ];
  if (size !== shape.segmentBytes || count === 0 || count >= MOST_SEGMENTS)
    return wrong(`${count} segments of ${size} bytes`);
  const inFile = (from: bigint, bytes: bigint): boolean => from + bytes <= BigInt(reader.bytes);
  const tableBytes = BigInt(size * count);
  const table = inFile(offset, tableBytes) ? reader.read(Number(offset), Number(tableBytes)) : null;
  if (table === null) return wrong('its segments lie outside the file');
  const isLong = readU16(header, 18) === EM_X86_64;
  const segments: MemorySegment[] = [];
  const cpus: DumpedCpu[] = [];
  let noteBytesLeft = BigInt(MOST_NOTE_BYTES);
  for (let at = 0; at < table.length; at += size) {
    const type = readU32(table, at);
    const part = shape.segment(table, at);
    const { offsetBytes, bytes } = part;
    if (type === PT_LOAD && bytes > 0n && inFile(offsetBytes, bytes)) {
      segments.push(part);
    } else if (type === PT_NOTE && bytes <= noteBytesLeft && inFile(offsetBytes, bytes)) {
      noteBytesLeft -= bytes;
      const notes = reader.read(Number(offsetBytes), Number(bytes));
      if (notes !== null) cpus.push(...cpusIn(notes, isLong, MOST_CPUS - cpus.length));
    }
  }
  return segments.length === 0 ? wrong('no memory is in it') : decoded({ segments, cpus });
};

/** Bytes of one address space of the file; null: not all of them are in it. Each segment is looked at a few times, however many there are. */
export const readSegments = (
  reader: PartReader,
  segments: readonly MemorySegment[],
  space: 'linear' | 'physical',
  address: bigint,
  bytes: number,
): Uint8Array | null => {
  const endOf = (one: MemorySegment): bigint => one[space] + one.bytes;
  const whole = segments.find((one) => address >= one[space] && address + BigInt(bytes) <= endOf(one));
  const ordered =
    whole === undefined
      ? [...segments].sort((a, b) => (a[space] < b[space] ? -1 : Number(a[space] > b[space])))
      : [whole];
  const found = new Uint8Array(bytes);
  let next = 0;
  /** Of those that begin at or below the address the one that reaches farthest. */
  let farthest: MemorySegment | undefined;
  for (let done = 0; done < bytes; ) {
    const at = address + BigInt(done);
    for (let one = ordered[next]; one !== undefined && one[space] <= at; one = ordered[next]) {
      if (farthest === undefined || endOf(one) > endOf(farthest)) farthest = one;
      next += 1;
    }
    if (farthest === undefined || endOf(farthest) <= at) return null;
    const [inside, left] = [at - farthest[space], BigInt(bytes - done)];
    const some = Number(farthest.bytes - inside < left ? farthest.bytes - inside : left);
    const part = reader.read(Number(farthest.offsetBytes + inside), some);
    if (part === null) return null;
    found.set(part, done);
    done += some;
  }
  return found;
};
