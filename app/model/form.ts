import type { GuestException, Machine } from './machine.ts';

/** Where a memory operand lies: base + index · scale + displacement. */
export interface MemoryOperand {
  readonly base: number | null;
  readonly index: number | null;
  readonly scale: number;
  readonly displacement: bigint;
  /** Whether the encoding has a SIB byte, which tile loads need. */
  readonly hasSib: boolean;
}

export interface Instruction {
  readonly form: Form;
  readonly lengthBytes: number;
  readonly widthBits: 32 | 64;
  /** 16, 32 or 64. */
  readonly vectorBytes: number;
  readonly reg: number;
  /** The register in modrm.rm or in the opcode; with a memory operand it means nothing. */
  readonly rm: number;
  readonly vvvv: number;
  readonly mask: number;
  readonly zeroing: boolean;
  readonly memory: MemoryOperand | null;
  /** Sign-extended. */
  readonly immediate: bigint;
}

/** Executes on the machine; RIP stands behind the instruction already, and is put back where an exception is returned. */
export type Operation = (machine: Machine, instruction: Instruction) => GuestException | null;

/** One encoding of one instruction. A new instruction is a new row. */
export interface Form {
  /** As it stands in messages: "TILELOADD". */
  readonly name: string;
  readonly encoding: 'legacy' | 'vex' | 'evex';
  /** 0: one-byte opcodes, 1: 0F, 2: 0F 38, 3: 0F 3A. */
  readonly map: 0 | 1 | 2 | 3;
  readonly prefix: 0 | 0x66 | 0xf3 | 0xf2;
  readonly opcode: number;
  /** The low three bits of the opcode are a register. */
  readonly plusRegister?: boolean;
  readonly w?: 0 | 1;
  /** 0: 128 bits, 1: 256, 2: 512. */
  readonly length?: 0 | 1 | 2;
  readonly hasModrm: boolean;
  /** modrm.reg as part of the opcode. */
  readonly extension?: number;
  /** The whole ModRM byte as part of the opcode. */
  readonly exact?: number;
  readonly operand?: 'memory' | 'register';
  readonly noVvvv?: boolean;
  readonly immediateBytes?: 0 | 1 | 4;
  readonly run: Operation;
}
