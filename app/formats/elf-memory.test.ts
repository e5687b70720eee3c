import { describe, expect, test } from 'vitest';
import { concat, writeU16, writeU32, writeU64 } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import { elfMemory, type MemorySegment, readSegments } from './elf-memory.ts';
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
      { general: { rsp: 0x1020n }, control: { cr0: 0x80000001n, cr3: 0x1000n, efer: 0xd00n } },
    ]);
  });

  test('the segments of each CPU: what code it executes, at which level, and where its tables lie', () => {
    const file = smallDump().slice();
    // The note's header and name, then version, size and 18 registers: cs, ds, es, fs, gs, ss, ldt, tr, gdt, idt.
    const segmentAt = (index: number) => Number(memory.segments[0]?.offsetBytes) - 460 + 20 + 8 + 18 * 8 + index * 24;
    writeU32(file, segmentAt(0), 0x33);
    writeU32(file, segmentAt(0) + 8, 0x00af_fb00);
    writeU64(file, segmentAt(3) + 16, 0x7f00_1234_5000n);
    writeU64(file, segmentAt(4) + 16, 0xffff_8880_0000_0000n);
    writeU32(file, segmentAt(5) + 8, 0x00cf_f300);
    writeU32(file, segmentAt(9) + 4, 0xfff);
    writeU64(file, segmentAt(9) + 16, 0xffff_fe00_0000_0000n);
    const read = elfMemory(readerOf(file));
    if (!read.ok) throw new Error(describeProblem(read.problem));
    expect(read.value.cpus).toMatchObject([
      {
        segments: { cs: 0x33n, fs_base: 0x7f00_1234_5000n, gs_base: 0xffff_8880_0000_0000n },
        descriptors: { cs_l: 1n, cs_d: 0n, cpl: 3n, idt_base: 0xffff_fe00_0000_0000n, idt_limit: 0xfffn },
      },
    ]);
  });

  test('one of 32 bits, as QEMU writes it of a guest outside long mode', () => {
    const file = new Uint8Array(52 + 2 * 32 + 460 + 8);
    file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
    writeU16(file, 16, 4);
    writeU16(file, 18, 3);
    writeU32(file, 28, 52);
    writeU16(file, 42, 32);
    writeU16(file, 44, 2);
    for (const [index, part] of [
      [4, 116, 0, 0, 460],
      [1, 576, 0x9000, 0x1000, 8],
    ].entries()) {
      for (const [at, value] of part.entries()) writeU32(file, 52 + index * 32 + at * 4, value);
    }
    // The note is that of the file of 64 bits.
    const small = smallDump();
    const noteAt = Number(memory.segments[0]?.offsetBytes) - 460;
    file.set(small.subarray(noteAt, noteAt + 460), 116);
    file.fill(3, 576);
    const read = elfMemory(readerOf(file));
    if (!read.ok) throw new Error(describeProblem(read.problem));
    expect(read.value.segments).toEqual([{ linear: 0x9000n, physical: 0x1000n, bytes: 8n, offsetBytes: 576n }]);
    expect(read.value.cpus).toMatchObject([
      { general: { rsp: 0x1020n }, control: { cr0: 0x80000001n, cr3: 0x1000n, efer: 0x800n } },
    ]);
    expect(elfMemory(readerOf(file), 'program').ok).toBe(false);
    for (let bytes = 0; bytes < file.length; bytes += 1) elfMemory(readerOf(file.subarray(0, bytes)));
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

  test('notes that segments name again and again are read once', () => {
    const [count, noteBytes] = [60_000, 1 << 24];
    const small = smallDump();
    const table = new Uint8Array(56 * count);
    for (let index = 0; index < count; index += 1) {
      writeU32(table, 56 * index, index === 0 ? 1 : 4);
      writeU64(table, 56 * index + 8, BigInt(64 + table.length));
      writeU64(table, 56 * index + 32, BigInt(noteBytes));
    }
    writeU16(small, 56, count);
    const head = concat([small.subarray(0, 64), table]);
    let readBytes = 0;
    const hostile = elfMemory({
      bytes: head.length + noteBytes,
      read: (at, bytes) => {
        readBytes += bytes;
        return at < head.length ? head.subarray(at, at + bytes) : new Uint8Array(bytes);
      },
    });
    expect(hostile.ok).toBe(true);
    expect(readBytes).toBe(head.length + noteBytes);
  });

  test('however many parts a range has, each is looked at a few times', () => {
    const count = 20_000;
    let looks = 0;
    const segments = Array.from({ length: count }, (_, index) => {
      const physical = BigInt(count - 1 - index);
      const rest = { linear: 0n, bytes: 1n, offsetBytes: physical };
      return Object.defineProperty(rest, 'physical', {
        get: () => {
          looks += 1;
          return physical;
        },
      }) as MemorySegment;
    });
    const bytes = Uint8Array.from({ length: count }, (_, at) => at & 0xff);
    expect(readSegments(readerOf(bytes), segments, 'physical', 0n, count)).toEqual(bytes);
    // Sorted in count · log2(count) comparisons of two.
    expect(looks).toBeLessThan(count * 64);
  });

  test('of parts that overlap the one counts that reaches farthest', () => {
    const parts = [
      { linear: 0n, physical: 0n, bytes: 8n, offsetBytes: 0n },
      { linear: 0n, physical: 2n, bytes: 2n, offsetBytes: 100n },
      { linear: 0n, physical: 8n, bytes: 4n, offsetBytes: 8n },
    ];
    const bytes = Uint8Array.from({ length: 128 }, (_, at) => at);
    expect([...(readSegments(readerOf(bytes), parts, 'physical', 1n, 10) ?? [])]).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect(readSegments(readerOf(bytes), parts, 'physical', 1n, 12)).toBeNull();
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
