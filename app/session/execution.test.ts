import { describe, expect, test } from 'vitest';
import { writeU16, writeU64 } from '../bits/bytes.ts';
import { factsOf, targetOf } from '../capture/capture.ts';
import { describeExecution, executionOf } from './execution.ts';
import { descriptorsOfSregs } from './segments.ts';

/** A struct kvm_sregs in which these bytes are set. */
const sregs = (...set: readonly (readonly [offsetBytes: number, value: number])[]): Uint8Array => {
  const bytes = new Uint8Array(312);
  for (const [offsetBytes, value] of set) bytes[offsetBytes] = value;
  return bytes;
};

const SS = 5 * 24;
const control = (cr0: bigint, cr3: bigint, cr4: bigint, efer: bigint) => ({ cr0, cr2: 0n, cr3, cr4, cr8: 0n, efer });

const told = (bytes: Uint8Array, registers: ReturnType<typeof control>): string => {
  const facts = factsOf(targetOf('file', 'test', 'test'), 'test', {
    control: registers,
    descriptors: descriptorsOfSregs(bytes),
  });
  const execution = executionOf(facts);
  return execution === null ? 'not known' : describeExecution(execution);
};

describe('[WH1] who executes', () => {
  test.each([
    [
      'a user program',
      sregs([19, 1], [SS + 16, 3]),
      control(0x80050033n, 0x12345005n, 0x20000n, 0x500n),
      '64-bit code, CPL 3 (user), page tables at 0x12345000, PCID 5',
    ],
    [
      'a kernel',
      sregs([19, 1]),
      control(0x80050033n, 0x1000n, 0x20n, 0x500n),
      '64-bit code, CPL 0 (kernel), page tables at 0x1000',
    ],
    [
      'a 32-bit program of a 64-bit kernel',
      sregs([17, 1], [SS + 16, 3]),
      control(0x80000001n, 0x1000n, 0x20n, 0x500n),
      '32-bit code in compatibility mode, CPL 3 (user), page tables at 0x1000',
    ],
    [
      'a 32-bit kernel',
      sregs([17, 1]),
      control(0x80000001n, 0x1018n, 0x20n, 0n),
      '32-bit code in protected mode, CPL 0 (kernel), page tables at 0x1000',
    ],
    [
      'firmware',
      sregs([17, 1]),
      control(0x10n, 0n, 0n, 0n),
      '16-bit code in real mode, CPL 0 (kernel), page tables at 0x0',
    ],
  ])('%s', (_who, bytes, registers, words) => {
    expect(told(bytes, registers)).toBe(words);
  });

  test('what was not read is not guessed', () => {
    expect(executionOf(factsOf(targetOf('file', 'test', 'test'), 'test'))).toBeNull();
  });

  test('the tables stand behind the segments', () => {
    const bytes = sregs();
    writeU64(bytes, 192, 0x1000n);
    writeU16(bytes, 200, 0x7f);
    writeU64(bytes, 208, 0xfffffe0000000000n);
    writeU16(bytes, 216, 0xfff);
    expect(descriptorsOfSregs(bytes)).toMatchObject({
      ...{ gdt_base: 0x1000n, gdt_limit: 0x7fn, idt_base: 0xfffffe0000000000n, idt_limit: 0xfffn },
    });
  });
});
