import { describe, expect, test } from 'vitest';
import type { MemoryAccess } from './instruction.ts';
import { operandAddress, type RegisterValue, strideOf } from './operands.ts';

const access = (some: Partial<MemoryAccess>): MemoryAccess => ({
  ...{ segment: null, base: null, index: null, scale: 1, displacement: 0n, bytes: 8, reads: true, writes: false },
  ...some,
});

const REGISTERS: Readonly<Record<string, bigint>> = {
  ...{ rax: 0x1_0000_1000n, rsi: 0x2000n, r9: 0xffff_ffff_ffff_ffc0n, fs_base: 0x7000n },
};
const register: RegisterValue = (name) => REGISTERS[name] ?? null;

describe('[DA3] where operands lie', () => {
  test.each([
    [access({ base: 'rsi', displacement: 0x10n }), 0x2010n],
    [access({ base: 'rsi', index: 'r9', scale: 2 }), 0x1f80n],
    [access({ base: 'eax', displacement: 4n }), 0x1004n],
    [access({ base: 'r9d' }), 0xffffffc0n],
    [access({ base: 'rip', displacement: 0xffffffff81000000n }), 0xffffffff81000000n],
    [access({ segment: 'fs', displacement: 0x28n }), 0x7028n],
    [access({ base: 'rsi', displacement: 0xffff_ffff_ffff_ffffn }), 0x1fffn],
    [access({ base: 'rsi', index: 'zmm3' }), null],
    [access({ segment: 'gs' }), null],
  ])('%#', (given, expected) => {
    expect(operandAddress(given, register)).toBe(expected);
  });

  test('a tile’s index is its stride', () => {
    const tile = access({ base: 'rsi', index: 'r9', scale: 2, bytes: null });
    expect(operandAddress(tile, register, false)).toBe(0x2000n);
    expect(strideOf(tile, register)).toBe(-128n);
    expect(strideOf(access({ base: 'rsi' }), register)).toBe(0n);
  });
});
