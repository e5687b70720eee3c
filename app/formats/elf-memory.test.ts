import { describe, expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import { elfMemory, readSegments } from './elf-memory.ts';
import { smallDump } from './testdata/small-dump.ts';

const readerOf = (bytes: Uint8Array) => ({
  bytes: bytes.length,
  read: (at: number, count: number) => bytes.subarray(at, at + count),
});

describe('[GM4] memory in ELF cores', () => {
  const reader = readerOf(smallDump());
  const opened = elfMemory(reader);
  const memory = opened.ok ? opened.value : { segments: [], cpus: [] };

  test('its parts, and the registers that QEMU keeps of each CPU', () => {
    expect(memory.segments).toHaveLength(2);
    expect(memory.cpus).toMatchObject([
      { general: { rsp: 0x1020n }, control: { cr0: 0x80000001n, cr3: 0x1000n, efer: 0x500n } },
    ]);
  });

  test('bytes over two parts that touch, and none that are not there', () => {
    const read = (space: 'linear' | 'physical', at: bigint, bytes: number) =>
      readSegments(reader, memory.segments, space, at, bytes);
    expect([...(read('physical', 0x103en, 4) ?? [])]).toEqual([1, 1, 2, 2]);
    expect(read('physical', 0x107fn, 2)).toBeNull();
    expect(read('physical', 0xfffn, 2)).toBeNull();
    expect([...(read('linear', 0x9000n, 2) ?? [])]).toEqual([2, 2]);
    expect(read('linear', 0x503fn, 2)).toBeNull();
  });

  test.each([
    ['no ELF', (file: Uint8Array) => file.fill(0, 0, 4), 'no ELF file'],
    ['no core', (file: Uint8Array) => file.fill(2, 16, 17), 'no core'],
    ['segments outside', (file: Uint8Array) => file.fill(0xff, 32, 40), 'outside the file'],
    ['no memory', (file: Uint8Array) => file.fill(9, 120, 121).fill(9, 176, 177), 'no memory'],
  ])('%s is refused', (_what, spoil, why) => {
    const file = smallDump();
    spoil(file);
    const read = elfMemory(readerOf(file));
    expect(read.ok ? 'read' : describeProblem(read.problem)).toContain(why);
  });
});
