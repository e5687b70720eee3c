import { readUint } from '../bits/bytes.ts';
import { hexShort } from '../bits/mask.ts';
import type { Instruction, MemoryOperand } from './form.ts';
import { type GuestException, generalOf, type Machine } from './machine.ts';

/** Bytes from memory, or the exception that reading them raises. */
export type Loaded = { readonly bytes: Uint8Array } | { readonly fault: GuestException };

// A page fault on hardware; the model has no page tables, and says what it means.
const outside = (address: bigint): GuestException => ({
  kind: 'gp',
  why: `address ${hexShort(address)} is outside the model's memory`,
});

/** The linear address of a memory operand, modulo 2^64. */
export const addressOf = (machine: Machine, memory: MemoryOperand): bigint => {
  const base = memory.base === null ? 0n : generalOf(machine, memory.base);
  const index = memory.index === null ? 0n : generalOf(machine, memory.index) * BigInt(memory.scale);
  return BigInt.asUintN(64, base + index + memory.displacement);
};

/** Bytes of memory, or the #PF of what lies outside of it. */
export const loadAt = (machine: Machine, address: bigint, countBytes: number): Loaded => {
  const bytes = machine.memory.read(address, countBytes);
  return bytes === null ? { fault: outside(address) } : { bytes };
};

export const storeAt = (machine: Machine, address: bigint, bytes: Uint8Array): GuestException | null =>
  machine.memory.write(address, bytes) ? null : outside(address);

/** The operand in modrm.rm: from memory, or as `fromRegister` gives it. */
export const loadOperand = (
  machine: Machine,
  instruction: Instruction,
  countBytes: number,
  fromRegister: (register: number) => Uint8Array,
): Loaded =>
  instruction.memory === null
    ? { bytes: fromRegister(instruction.rm) }
    : loadAt(machine, addressOf(machine, instruction.memory), countBytes);

export const uintOf = (bytes: Uint8Array): bigint => readUint(bytes, 0, bytes.length);
