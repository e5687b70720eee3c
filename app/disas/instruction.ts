/** One instruction of machine code, as it is shown: its words, and what it reads and writes. */

/** How wide code is by default: CS.L and CS.D. */
export type Bitness = 16 | 32 | 64;

/** Intel's as objdump -M intel writes it; AT&T's as the GNU tools do. */
export type Syntax = 'intel' | 'att';

export const SYNTAXES: readonly Syntax[] = ['intel', 'att'];

/** No instruction is longer. (Intel SDM vol. 2, 2.3.11) */
export const MOST_INSTRUCTION_BYTES = 15;

/** Where an instruction reads or writes memory: segment base + base + index · scale + displacement. Names of registers. */
export interface MemoryAccess {
  readonly segment: string | null;
  /** "rip" where the displacement is the address already. */
  readonly base: string | null;
  readonly index: string | null;
  readonly scale: number;
  /** Modulo 2^64. */
  readonly displacement: bigint;
  /** null: registers decide, as of a tile or an XSAVE area. */
  readonly bytes: number | null;
  readonly reads: boolean;
  readonly writes: boolean;
}

/** What is executed behind it. */
export type Flow = 'next' | 'jump' | 'branch' | 'call' | 'return' | 'interrupt' | 'exception';

export interface Instruction {
  /** Linear address. */
  readonly address: bigint;
  readonly bytes: Uint8Array;
  /** Lower case, without prefixes: "tileloadd". */
  readonly mnemonic: string;
  /** The whole line: "tileloadd tmm4,[rsi+r8*1]". */
  readonly text: string;
  /** No instruction that is known: one byte, "(bad)". */
  readonly isBad: boolean;
  readonly flow: Flow;
  /** Where a direct jump or call goes, or a RIP-relative operand lies. */
  readonly target: bigint | null;
  /** Names of registers as the instruction uses them, "eax" too, and flags as "rflags.ZF". */
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly memory: readonly MemoryAccess[];
}

/** Decodes one instruction at the start of the bytes; null: none that it knows, or cut short. */
export interface InstructionDecoder {
  decode(bytes: Uint8Array, address: bigint, bitness: Bitness, syntax: Syntax): Instruction | null;
}
