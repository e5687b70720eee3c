import { beforeEach, describe, expect, test } from 'vitest';
import { writeU32, writeU64 } from '../bits/bytes.ts';
import type { Facts } from '../capture/capture.ts';
import { readBtf } from '../disas/symbols/btf.ts';
import { symbolTable } from '../disas/symbols/symbol-table.ts';
import { smallBtf } from '../disas/testdata/small-btf.ts';
import { currentTask } from './linux-task.ts';
import { memoryOf } from './memory-of.ts';
import { type FakeMemory, fakeMemory, KERNEL_HALF, memoryCapture } from './testing/fake-memory.ts';
import { fakeTarget } from './testing/fake-target.ts';

/** Per-CPU memory at 0x401000 of the kernel's half, a task at 0x402000. */
const GS = KERNEL_HALF + 0x40_1000n;
const TASK = KERNEL_HALF + 0x40_2000n;

let fake: FakeMemory;
beforeEach(() => {
  fake = fakeMemory();
  writeU64(fake.bytes, 0x20_1000 + 0x40, TASK);
  writeU32(fake.bytes, 0x20_2000 + 0x98, 4243);
  writeU32(fake.bytes, 0x20_2000 + 0x9c, 4242);
  fake.bytes.fill(0, 0x20_2000 + 0xb8, 0x20_2000 + 0xc8);
  fake.bytes.set(new TextEncoder().encode('matmul'), 0x20_2000 + 0xb8);
});

const btf = () => {
  const read = readBtf(smallBtf());
  if (!read.ok) throw new Error('the BTF is not read');
  return read.value;
};
const facts = (gs: bigint, cpl = 0n): Facts => {
  const { facts: all } = memoryCapture();
  if (all.descriptors === null) throw new Error('the loop has descriptors');
  const segments = { cs: 16n, ss: 24n, ds: 0n, es: 0n, fs: 0n, gs: 0n, fs_base: 0n, gs_base: gs };
  return { ...all, segments, descriptors: { ...all.descriptors, cpl } };
};
const LIST = KERNEL_HALF + 0x40_3000n;
const kernel = (name: string, address: bigint, shift = 0n) =>
  symbolTable([
    { name: '_text', address: 0xffff_ffff_8100_0000n, bytes: 1n, rank: 0 },
    { name: '__per_cpu_offset', address: LIST - shift, bytes: 64n, rank: 0 },
    { name: 'x86_cpu_to_apicid', address: 0x80n, bytes: 2n, rank: 0 },
    { name, address, bytes: 8n, rank: 0 },
  ]).moved(shift);
const found = async (known: Facts, files: ReturnType<typeof kernel>) => {
  const capture = { ...memoryCapture(), facts: known };
  const memory = await memoryOf(Object.assign(fakeTarget(capture), { memory: fake.port }), known);
  if (!memory.ok) throw new Error(memory.refusal.what);
  return currentTask(memory.value, known, files, btf());
};
const MATMUL = { task: { name: 'matmul', pid: 4243, tgid: 4242, address: TASK } };

describe('[LT2] the task that a Linux guest executes', () => {
  test.each([
    ['a variable of its own', kernel('current_task', 0x40n, 0x1000_0000n)],
    ['in pcpu_hot', kernel('pcpu_hot', 0x38n, 0x1000_0000n)],
    ['a variable that KASLR moves', kernel('current_task', 0xffff_ffff_8200_0000n, 0x40n - 0xffff_ffff_8200_0000n)],
  ])('%s', async (_what, files) => {
    expect(await found(facts(GS), files)).toEqual(MATMUL);
  });

  test.each([
    ['user mode', facts(GS, 3n), kernel('current_task', 0x40n), 'user mode'],
    ['GS of a program', facts(0x40_1000n), kernel('current_task', 0x40n), 'user mode'],
    ['no symbol', facts(GS), kernel('schedule', 0x40n), 'neither current_task nor pcpu_hot'],
    ['per-CPU memory that is not there', facts(GS + 0x6000n), kernel('current_task', 0x40n), 'cannot be read'],
    ['a pointer to nothing', facts(GS), kernel('current_task', 0x48n), 'cannot be read'],
  ])('%s: not known, and why', async (_what, known, files, why) => {
    expect(await found(known, files)).toEqual({ task: null, why: expect.stringContaining(why) });
  });

  const ofVcpu = (known: Facts, vcpu: number): Facts => ({ ...known, target: { ...known.target, vcpu } });
  /** CPU 0 has nothing yet, CPU 1 another APIC id, CPU 2 this vCPU's. */
  const cpus = (): void => {
    fake.bytes.fill(0, 0x20_3000, 0x20_4000);
    writeU64(fake.bytes, 0x20_3000, 0xffff_ffff_8200_0000n);
    writeU64(fake.bytes, 0x20_3008, GS + 0x3000n);
    fake.bytes.set([4, 0], 0x20_4080);
    writeU64(fake.bytes, 0x20_3010, GS);
    fake.bytes.set([6, 0], 0x20_1080);
  };
  const BY = 'by __per_cpu_offset and its APIC id';

  test('in user mode, by the entry of the kernel’s list whose CPU has this APIC id', async () => {
    cpus();
    expect(await found(ofVcpu(facts(0n, 3n), 6), kernel('current_task', 0x40n))).toEqual({ ...MATMUL, by: BY });
    expect(await found(ofVcpu(facts(0x40_1000n), 6), kernel('current_task', 0x40n))).toEqual({ ...MATMUL, by: BY });
    expect(await found(ofVcpu(facts(0n, 3n), 5), kernel('current_task', 0x40n))).toEqual({
      task: null,
      why: expect.stringContaining('no CPU in __per_cpu_offset has its APIC id'),
    });
  });

  test('under page-table isolation through the kernel’s tables, which is said', async () => {
    cpus();
    // The user's tables, a page above the kernel's, have the program alone.
    fake.bytes.copyWithin(0x9000, 0x1000, 0x2000);
    writeU64(fake.bytes, 0x9000 + 511 * 8, 0n);
    fake.bytes.copyWithin(0x8000, 0x1000, 0x2000);
    const known = ofVcpu(facts(0n, 3n), 6);
    const control = known.control === null ? null : { ...known.control, cr3: 0x9000n };
    expect(await found({ ...known, control }, kernel('current_task', 0x40n))).toEqual({
      ...MATMUL,
      by: expect.stringContaining("the kernel's own page tables"),
    });
  });

  test('what is no task is not shown as one', async () => {
    fake.bytes.fill(0x41, 0x20_2000 + 0xb8, 0x20_2000 + 0xc8);
    expect(await found(facts(GS), kernel('current_task', 0x40n))).toEqual({
      task: null,
      why: expect.stringContaining('of another kernel'),
    });
  });
});
