import type { Instruction } from './decode.ts';
import type { GuestException, Machine } from './machine.ts';

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
