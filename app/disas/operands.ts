import type { Instruction, MemoryAccess } from './instruction.ts';

/** Where an instruction's memory operands lie, by the registers as they are before it. */

/** Registers by name, "rsi" and "fs_base"; null: not known. */
export type RegisterValue = (name: string) => bigint | null;

const WIDTHS: readonly (readonly [RegExp, number])[] = [
  [/^e([abcd]x|[sd]i|[sb]p)$/, 32],
  [/^(r\d+)d$/, 32],
  [/^([abcd]x|[sd]i|[sb]p)$/, 16],
];

/** Of "esi" the low 32 bits of rsi. */
const namedValue = (name: string, register: RegisterValue): bigint | null => {
  for (const [pattern, bits] of WIDTHS) {
    const [, whole] = pattern.exec(name) ?? [];
    if (whole === undefined) continue;
    const value = register(/^r\d/.test(whole) ? whole : `r${whole}`);
    return value === null ? null : BigInt.asUintN(bits, value);
  }
  return register(name);
};

/** The linear address of an operand; null: a register of it is not known, or is a vector of them. */
export const operandAddress = (access: MemoryAccess, register: RegisterValue, withIndex = true): bigint | null => {
  const { segment, base, index, scale, displacement } = access;
  const parts = [
    segment === null ? 0n : register(`${segment}_base`),
    // RIP-relative: the displacement is the address already.
    base === null || base === 'rip' ? 0n : namedValue(base, register),
    index === null || !withIndex ? 0n : namedValue(index, register),
  ] as const;
  if (parts.includes(null)) return null;
  const [from, at, times] = parts as readonly [bigint, bigint, bigint];
  return BigInt.asUintN(64, from + at + times * BigInt(scale) + displacement);
};

/** What an index counts for a tile's rows: bytes from one to the next. */
export const strideOf = ({ index, scale }: MemoryAccess, register: RegisterValue): bigint | null => {
  const value = index === null ? 0n : namedValue(index, register);
  return value === null ? null : BigInt.asIntN(64, BigInt.asUintN(64, value * BigInt(scale)));
};

/** Loads and stores of whole tiles, whose index is a stride. */
export const movesTile = ({ mnemonic }: Instruction): boolean => /^(tileload|tilestore|t2rpntlvw)/.test(mnemonic);
