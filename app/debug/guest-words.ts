import type { TileConfigLoad, TileMove } from './tile-words.ts';

/** What a page shows of guest code and guest memory: plain words and hex, read in one stop. */

export interface CodeLine {
  readonly address: string;
  /** "c4 e2 78 49 00" */
  readonly bytes: string;
  readonly text: string;
  /** RIP stands here. */
  readonly next: boolean;
  /** "schedule+0x10"; null: no symbols, or none that reaches here. */
  readonly symbol: string | null;
  /** Where it jumps, calls or points to. */
  readonly target: string | null;
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** An instruction of a trace. */
export interface KnownBytes {
  /** Linear, hex. */
  readonly address: string;
  /** In memory order, two hex digits each, 15 bytes at most. */
  readonly code: string;
  readonly bits: 16 | 32 | 64;
}

export interface NamedCode {
  readonly text: string;
  /** "schedule+0x10"; null: no symbols, or none that reaches here. */
  readonly symbol: string | null;
}

/** What the next instruction does with memory. */
export interface OperandUse {
  readonly address: string;
  readonly bytes: number | null;
  readonly reads: boolean;
  readonly writes: boolean;
}

export interface CodeView {
  readonly rip: string;
  readonly who: string;
  readonly lines: readonly CodeLine[];
  readonly uses: readonly OperandUse[];
  readonly tile: TileMove | null;
  readonly tileConfig: TileConfigLoad | null;
  /** Where the XSAVE area of the next instruction lies, one of that family; null: it is none. */
  readonly area: string | null;
  /** How many translations prove the memory that this was read from. */
  readonly translations: number;
}

export interface MemoryRequest {
  /** A number, or a register with a number added. */
  readonly address: string;
  /** The same; '': rows follow one another. */
  readonly stride: string;
  readonly rows: number;
  readonly rowBytes: number;
  readonly isPhysical: boolean;
}

export interface MemoryRow {
  readonly address: string;
  /** As much of it as is mapped and known. */
  readonly hex: string;
  /** Why not all of it. */
  readonly why: string | null;
}

/** One entry of the guest's page tables, on the way to a page or to where the way ends. */
export interface MemoryWalkStep {
  /** "PML4", "PDPT", "PD", "PT" */
  readonly table: string;
  readonly index: number;
  readonly entry: string;
}

/** One page that the rows touch. */
export interface MemoryPage {
  readonly linear: string;
  readonly physical: string | null;
  readonly pageBytes: number | null;
  /** "user read write execute" */
  readonly rights: string;
  /** "A D" */
  readonly flags: string;
  /** Its protection key; null: keys are off for such pages. */
  readonly key: number | null;
  /** Empty: nothing is walked, as without paging. */
  readonly walk: readonly MemoryWalkStep[];
  readonly why: string | null;
}

export interface MemoryView {
  readonly address: string;
  readonly stride: string;
  readonly rows: readonly MemoryRow[];
  /** The addresses are those of guest-physical memory. */
  readonly isPhysical: boolean;
  /** None of a physical address. */
  readonly pages: readonly MemoryPage[];
  readonly translations: number;
}

/** What is looked for in memory, from an address on: a value as the command line takes it, bytes with ?? for any, or text. */
export interface FindMemoryRequest {
  readonly address: string;
  readonly isPhysical: boolean;
  readonly text: string;
  readonly as: FindMemoryAs;
}

/**
 * How what is typed into a search of memory is read: bytes in hex, text in UTF-8, or a number of the type,
 * little-endian.
 */
export const FIND_MEMORY_AS = [
  ...(['bytes', 'text', 'u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64'] as const),
  ...(['f16', 'bf16', 'f32', 'f64'] as const),
] as const;
export type FindMemoryAs = (typeof FIND_MEMORY_AS)[number];

export interface MemoryFound {
  /** Where it stands first; null: not in what was looked through. */
  readonly found: string | null;
  /** How many bytes it takes. */
  readonly bytes: number;
  readonly searchedBytes: number;
  /** Where the search goes on; null: nothing is behind it. */
  readonly next: string | null;
}

/** One function that is being executed. */
export interface CallFrameView {
  /** Of the first the next instruction, of the others where it returns to. */
  readonly address: string;
  /** "schedule+0x10"; null: no symbols, or none that reaches here. */
  readonly symbol: string | null;
  readonly framePointer: string | null;
}

/** Who executes, and who called whom. */
export interface CallsView {
  readonly who: string;
  /** "matmul, pid 4243 of process 4242"; null: not known. */
  readonly task: string | null;
  /** How it was found, where that is out of the common. */
  readonly taskBy: string | null;
  /** Null: it is known, or no file says where a task is named. */
  readonly taskWhy: string | null;
  /** "the kernel was entered by system call 0", or why that is not known; null: it executes no kernel's code, or no symbols are there. */
  readonly entry: string | null;
  readonly frames: readonly CallFrameView[];
  /** Why the chain goes no further. */
  readonly end: string;
  readonly by: 'frame pointers' | 'ORC';
  readonly translations: number;
}
