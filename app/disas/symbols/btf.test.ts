import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concat, writeU16, writeU32 } from '../../bits/bytes.ts';
import { smallBtf } from '../testdata/small-btf.ts';
import { isBtf, readBtf, readBtfFile } from './btf.ts';

const REAL = '/sys/kernel/btf/vmlinux';
const read = (bytes: Uint8Array) => {
  const btf = readBtf(bytes);
  if (!btf.ok) throw new Error('not read');
  return btf.value;
};

describe('[LT1] BTF', () => {
  test('members by name, those of a structure without a name inside too', () => {
    const btf = read(smallBtf());
    expect(btf.offsetOf('task_struct', 'pid')).toBe(0x98);
    expect(btf.offsetOf('task_struct', 'comm')).toBe(0xb8);
    expect(btf.offsetOf('pcpu_hot', 'current_task')).toBe(8);
    expect(btf.offsetOf('pcpu_hot', 'flag')).toBeNull();
    expect(btf.offsetOf('task_struct', 'nothing')).toBeNull();
    expect(btf.offsetOf('nothing', 'pid')).toBeNull();
  });

  test.skipIf(!existsSync(REAL))('that of the kernel that runs here', () => {
    const btf = read(new Uint8Array(readFileSync(REAL)));
    const [pid, tgid, comm] = ['pid', 'tgid', 'comm'].map((name) => btf.offsetOf('task_struct', name) ?? 0);
    expect(tgid).toBe((pid ?? 0) + 4);
    expect(comm).toBeGreaterThan(0);
    // struct list_head { next, prev } and struct page are what every kernel has them.
    expect(btf.offsetOf('list_head', 'prev')).toBe(8);
    expect(btf.offsetOf('page', 'flags')).toBe(0);
  });

  test('out of an ELF file by its section, and of a file of its own', () => {
    const bytes = smallBtf();
    const reader = (all: Uint8Array) => ({
      bytes: all.length,
      read: (at: number, count: number) => all.slice(at, at + count),
    });
    expect(readBtfFile(reader(bytes)).ok).toBe(true);
    const names = new TextEncoder().encode('\0.shstrtab\0.BTF\0');
    const file = new Uint8Array(64 + 3 * 64);
    file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
    writeU32(file, 40, 64);
    for (const [at, value] of [
      [58, 64],
      [60, 3],
      [62, 1],
    ] as const)
      writeU16(file, at, value);
    for (const [index, name, offset, count] of [
      [1, 1, file.length, names.length],
      [2, 11, file.length + names.length, bytes.length],
    ] as const) {
      writeU32(file, 64 + index * 64, name);
      writeU32(file, 64 + index * 64 + 24, offset);
      writeU32(file, 64 + index * 64 + 32, count);
    }
    const elf = readBtfFile(reader(concat([file, names, bytes])));
    expect(elf.ok && elf.value.offsetOf('task_struct', 'pid')).toBe(0x98);
    expect(readBtfFile(reader(file)).ok).toBe(false);
  });

  test('cut short at any length, or of any bytes, it is a problem or answers', () => {
    const bytes = smallBtf();
    for (let length = 0; length < bytes.length; length += 1) expect(readBtf(bytes.slice(0, length)).ok).toBe(false);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 12 }), (changes) => {
        const changed = bytes.slice();
        for (const [at, byte] of changes) changed[at] = byte;
        const btf = readBtf(changed);
        if (btf.ok) btf.value.offsetOf('task_struct', 'comm');
        expect(typeof isBtf(changed)).toBe('boolean');
      }),
    );
  });

  test('a structure that holds itself ends', () => {
    const bytes = smallBtf({ isLoop: true });
    expect(read(bytes).offsetOf('loop', 'nothing')).toBeNull();
  });
});
