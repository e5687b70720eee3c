import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, writeU16, writeU32 } from '../../bits/bytes.ts';
import { type Decoded, describeProblem } from '../../bits/decoded.ts';
import type { PartReader } from '../../bits/part-reader.ts';
import { smallElf } from '../testdata/small-elf.ts';
import { elfSymbols } from './elf-symbols.ts';
import { anchorOfLstar, anchorsOfIdt, IDT_BYTES, solveKaslr } from './kaslr.ts';
import { mapSymbols } from './map-symbols.ts';
import { namedText, symbolTable } from './symbol-table.ts';

const sure = <T>(read: Decoded<T>): T => {
  if (!read.ok) throw new Error(describeProblem(read.problem));
  return read.value;
};
const whyOf = <T>(read: Decoded<T>): string => (read.ok ? 'read' : describeProblem(read.problem));

const readerOf = (bytes: Uint8Array): PartReader => ({
  bytes: bytes.length,
  read: (at, count) => bytes.subarray(at, at + count),
});

const SOURCE = `
	.globl	_start, table
	.type	_start, @function
	.text
_start:	nop
	nop
	.size	_start, 2
	.type	helper, @function
helper:
inner:	ret
	.size	helper, 1
	.set	number, 0x1234
	.data
	.type	table, @object
table:	.long	1, 2
	.size	table, 8
`;

/** An ELF file as the system's own tools make it, and what nm says of it. */
const built = (bits: 32 | 64): { readonly file: Uint8Array; readonly nm: ReadonlyMap<string, bigint> } => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-symbols-'));
  try {
    const at = (name: string) => join(folder, name);
    writeFileSync(at('a.s'), SOURCE);
    execFileSync('as', [`--${bits}`, '-o', at('a.o'), at('a.s')]);
    const emulation = bits === 64 ? 'elf_x86_64' : 'elf_i386';
    execFileSync('ld', ['-m', emulation, '-Ttext=0x401000', '-Tdata=0x403000', '-o', at('a'), at('a.o')]);
    const words = execFileSync('nm', [at('a')], { encoding: 'utf8' });
    const lines = [...words.matchAll(/^([0-9a-f]+) [tTdD] (\w+)$/gm)];
    const nm = new Map(lines.map(([, address = '', name = '']) => [name, BigInt(`0x${address}`)]));
    return { file: readFileSync(at('a')), nm };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

describe('[SY1] symbols of ELF files', () => {
  test.each([64, 32] as const)('%i-bit: every address is nm’s', (bits) => {
    const { file, nm } = built(bits);
    const { symbols, base } = sure(elfSymbols(readerOf(file)));
    expect(base).toBe(0x400000n + (base & 0x1000n));
    const table = symbolTable(symbols);
    for (const name of ['_start', 'helper', 'inner', 'table']) expect(table.addressOf(name)).toBe(nm.get(name));
    expect(table.addressOf('number')).toBeNull();
    expect(table.at(0x401001n)).toEqual({ name: '_start', offset: 1n });
    // A function is shown before a label at the same place, and ends where its size says.
    expect(table.at(0x401002n)).toEqual({ name: 'helper', offset: 0n });
    expect(table.at(0x401003n)).toBeNull();
    expect(table.at(0x400fffn)).toBeNull();
    const moved = table.moved(0x1000n);
    expect(moved.at(0x402001n)).toEqual({ name: '_start', offset: 1n });
    expect(moved.addressOf('table')).toBe(0x404000n);
  });

  test.each([
    ['no ELF', (file: Uint8Array) => file.fill(0, 0, 4), 'no ELF'],
    ['big-endian', (file: Uint8Array) => file.fill(2, 5, 6), 'byte order'],
    ['no sections', (file: Uint8Array) => file.fill(0, 40, 48), 'stripped'],
    ['sections outside', (file: Uint8Array) => file.fill(0xff, 40, 48), 'outside the file'],
    ['sections of another size', (file: Uint8Array) => file.fill(1, 58, 59), '40 expected'.replace('40', '64')],
  ])('%s is refused', (_what, spoil, why) => {
    const file = Uint8Array.from(built(64).file);
    spoil(file);
    expect(whyOf(elfSymbols(readerOf(file)))).toContain(why);
  });

  test('the smallest of them, and its base', () => {
    const { symbols, base } = sure(elfSymbols(readerOf(smallElf())));
    expect(base).toBe(0x401000n);
    expect(symbols.map(({ name, address }) => [name, address])).toEqual([
      ['main', 0x401000n],
      ['helper', 0x401010n],
    ]);
  });

  test('names that overlap, more of them than there is room for, are refused', () => {
    const [count, nameBytes] = [70_000, 4096];
    const file = smallElf();
    const names = new Uint8Array(nameBytes + count).fill(0x61);
    const symbols = new Uint8Array(24 * count);
    for (let index = 1; index < count; index += 1) {
      writeU32(symbols, 24 * index, index);
      symbols[24 * index + 4] = 0x12;
      writeU16(symbols, 24 * index + 6, 1);
    }
    const sections = 64 + 56;
    for (const [section, offset, bytes] of [
      [1, file.length, symbols.length],
      [2, file.length + symbols.length, names.length],
    ] as const) {
      writeU32(file, sections + 64 * section + 24, offset);
      writeU32(file, sections + 64 * section + 32, bytes);
    }
    const whole = concat([file, symbols, names]);
    expect(whyOf(elfSymbols(readerOf(whole)))).toContain('its names have more than 268435456 bytes together');
  });

  test('whatever the bytes: an answer', () => {
    const { file } = built(64);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { maxLength: 12 }),
        fc.nat(file.length),
        (changes, length) => {
          const bytes = Uint8Array.from(file);
          for (const [at, byte] of changes) bytes[at] = byte;
          expect(() => {
            const read = elfSymbols(readerOf(bytes.subarray(0, length)));
            if (read.ok) symbolTable(read.value.symbols).at(0x401000n);
          }).not.toThrow();
        },
      ),
    );
  });
});

describe('[SY2] System.map and kallsyms', () => {
  test('lines of both; absolute numbers and offsets into areas of a CPU are no places', () => {
    const symbols = sure(
      mapSymbols(
        '0000000000000000 D __per_cpu_start\n0000000001000000 A phys_startup_64\nffffffff81000000 T _text\n' +
          'ffffffff81000000 t a_local\nffffffff81000040 t schedule\nffffffffc0001000 t kvm_init\t[kvm]\n',
      ),
    );
    const table = symbolTable(symbols);
    expect(table.at(0xffffffff81000004n)).toEqual({ name: '_text', offset: 4n });
    expect(namedText({ name: 'schedule', offset: 0x10n })).toBe('schedule+0x10');
    expect(table.addressOf('kvm.kvm_init')).toBe(0xffffffffc0001000n);
    expect([table.addressOf('phys_startup_64'), table.addressOf('__per_cpu_start')]).toEqual([null, null]);
    expect(table.at(0x1000n)).toBeNull();
    expect(table.at(0xffffffff91000000n)).toBeNull();
  });

  test.each([
    ['', 'there are none'],
    ['hello\n', 'line 1'],
    ['ffffffff81000000 T _text\nffffffff8100 T\n', 'line 2'],
    ['0000000000000000 T _text\n0000000000000000 T schedule\n', 'kptr_restrict'],
    [`ffffffff81000000 T ${'x'.repeat(5000)}\n`, 'line 1'],
  ])('%j is refused', (text, why) => {
    expect(whyOf(mapSymbols(text))).toContain(why);
  });
});

describe('[SY3] a kernel that was moved is found by its handlers', () => {
  const NAMES: readonly (readonly [number, string])[] = [
    [0, 'asm_exc_divide_error'],
    [3, 'asm_exc_int3'],
    [6, 'asm_exc_invalid_op'],
    [13, 'asm_exc_general_protection'],
    [14, 'asm_exc_page_fault'],
  ];
  const table = symbolTable(
    NAMES.map(([vector, name]) => ({ name, address: 0xffffffff81800000n + BigInt(vector * 48), bytes: 0n, rank: 0 })),
  );
  const idtOf = (shift: bigint, spoilt: readonly number[] = []): Uint8Array => {
    const idt = new Uint8Array(IDT_BYTES);
    for (const [vector, name] of NAMES) {
      const address = (table.addressOf(name) ?? 0n) + shift + (spoilt.includes(vector) ? 0x40n : 0n);
      writeU16(idt, vector * 16, Number(address & 0xffffn));
      writeU16(idt, vector * 16 + 4, 0x8e00);
      writeU16(idt, vector * 16 + 6, Number((address >> 16n) & 0xffffn));
      writeU32(idt, vector * 16 + 8, Number((address >> 32n) & 0xffffffffn));
    }
    return idt;
  };

  test('by whole pages of 2 MiB, all alike', () => {
    expect(solveKaslr(table, anchorsOfIdt(idtOf(0n)))).toEqual({ isKernel: true, shift: 0n, agreeing: 5 });
    expect(solveKaslr(table, anchorsOfIdt(idtOf(0x1a200000n)))).toEqual({
      isKernel: true,
      shift: 0x1a200000n,
      agreeing: 5,
    });
    // A handler that a hypervisor or a patch put elsewhere outvotes nobody.
    expect(solveKaslr(table, anchorsOfIdt(idtOf(0x200000n, [14]))).shift).toBe(0x200000n);
  });

  test('another kernel is not taken for it', () => {
    expect(solveKaslr(table, anchorsOfIdt(idtOf(0x1000n))).shift).toBeNull();
    expect(solveKaslr(table, anchorsOfIdt(idtOf(0x200000n, [3, 14]))).shift).toBeNull();
    expect(solveKaslr(table, anchorsOfIdt(new Uint8Array(IDT_BYTES)))).toEqual({
      isKernel: true,
      shift: null,
      agreeing: 0,
    });
    expect(solveKaslr(table, [anchorOfLstar(0xffffffff82000000n)]).shift).toBeNull();
  });

  test('a program is no kernel', () => {
    const program = symbolTable([{ name: 'main', address: 0x401000n, bytes: 0n, rank: 0 }]);
    expect(solveKaslr(program, anchorsOfIdt(idtOf(0n)))).toEqual({ isKernel: false, shift: null, agreeing: 0 });
  });
});
