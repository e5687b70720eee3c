import { beforeEach, describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import type { Facts } from '../capture/capture.ts';
import { symbolTable } from '../disas/symbols/symbol-table.ts';
import { kernelEntry } from './kernel-entry.ts';
import { memoryOf } from './memory-of.ts';
import { PT_REGS, PT_REGS_BYTES } from './orc.ts';
import { type FakeMemory, fakeMemory, KERNEL_HALF, memoryCapture } from './testing/fake-memory.ts';
import { fakeTarget } from './testing/fake-target.ts';

/** Per-CPU memory at 0x401000 of the kernel's half, with the top of the task's stack, which lies below 0x404000. */
const GS = KERNEL_HALF + 0x40_1000n;
const TOP = KERNEL_HALF + 0x40_4000n;
const REGS = TOP - BigInt(PT_REGS_BYTES);

let fake: FakeMemory;
const put = (offset: number, value: bigint): void => writeU64(fake.bytes, 0x20_4000 - PT_REGS_BYTES + offset, value);
beforeEach(() => {
  fake = fakeMemory();
  writeU64(fake.bytes, 0x20_1040, TOP);
  for (const [field, value] of [
    [PT_REGS.cs, 0x33n],
    [PT_REGS.flags, 0x246n],
    [PT_REGS.ss, 0x2bn],
    [PT_REGS.origAx, 0n],
  ] as const) {
    put(field, value);
  }
});

const symbols = (name: string) =>
  symbolTable([
    { name: '_text', address: 0xffff_ffff_8100_0000n, bytes: 1n, rank: 0 },
    { name, address: 0x40n, bytes: 8n, rank: 0 },
    { name: 'hardirq_stack_ptr', address: 0x48n, bytes: 8n, rank: 0 },
  ]);
interface At {
  readonly rsp?: bigint;
  readonly gs?: bigint;
  readonly userRegs?: bigint;
  readonly name?: string;
}
const found = async ({ rsp = REGS - 0x100n, gs = GS, userRegs, name = 'cpu_current_top_of_stack' }: At = {}) => {
  const { facts: all } = memoryCapture();
  if (all.general === null) throw new Error('the loop has registers');
  const segments = { cs: 16n, ss: 24n, ds: 0n, es: 0n, fs: 0n, gs: 0n, fs_base: 0n, gs_base: gs };
  const facts: Facts = { ...all, segments, general: { ...all.general, rsp } };
  const memory = await memoryOf(Object.assign(fakeTarget({ ...memoryCapture(), facts }), { memory: fake.port }), facts);
  if (!memory.ok) throw new Error(memory.refusal.what);
  return kernelEntry(memory.value, facts, symbols(name), null, userRegs ?? null);
};
const unknown = (why: string) => ({ entry: null, why: expect.stringContaining(why) });

describe('[LT6] how the kernel was entered', () => {
  test.each([
    [0n, { kind: 'system call', number: 0 }],
    [231n, { kind: 'system call', number: 231 }],
    [-1n, { kind: 'interrupt or exception', vector: null }],
    [~0xecn, { kind: 'interrupt or exception', vector: 0xec }],
    [-4096n, { kind: 'interrupt or exception', vector: null }],
  ])('by orig_ax %i', async (origAx, entry) => {
    put(PT_REGS.origAx, BigInt.asUintN(64, origAx));
    expect(await found()).toEqual({ entry });
    // Where ORC has found those registers, the stack that is in use need not be the task's.
    expect(await found({ rsp: GS, userRegs: REGS, name: 'schedule' })).toEqual({ entry });
  });

  test('what an earlier entry has left is not taken for this one', async () => {
    for (const rsp of [REGS + 8n, TOP, TOP - 0x4000n, KERNEL_HALF]) {
      expect(await found({ rsp })).toEqual(unknown('RSP is not on the task'));
    }
  });

  test('in an interrupt, by where the kernel has left the stack of the task', async () => {
    // Its own stack ends below 0x403000.
    const end = KERNEL_HALF + 0x40_2ff8n;
    writeU64(fake.bytes, 0x20_1048, end);
    const systemCall = { entry: { kind: 'system call', number: 0 } };
    writeU64(fake.bytes, 0x20_2ff8, REGS - 0x100n);
    for (const rsp of [end, end - 0x80n, end - 0x3ff8n]) expect(await found({ rsp })).toEqual(systemCall);
    // Above it, on the task's stack again; an interrupt of user mode, whose registers the entry has stored; one of a stack that is none of the task.
    expect(await found({ rsp: end + 8n })).toEqual(systemCall);
    writeU64(fake.bytes, 0x20_2ff8, REGS);
    expect(await found({ rsp: end - 0x80n })).toEqual(systemCall);
    writeU64(fake.bytes, 0x20_2ff8, TOP);
    expect(await found({ rsp: end - 0x80n })).toEqual(unknown('RSP is not on the task'));
  });

  test.each([
    ['a thread of the kernel’s own', PT_REGS.cs, 0x10n],
    ['a stack segment of the kernel’s', PT_REGS.ss, 0x18n],
    ['flags that no CPU stores', PT_REGS.flags, 0n],
  ])('%s: not known', async (_what, field, value) => {
    put(field, value);
    expect(await found()).toEqual(unknown('no registers of user mode'));
  });

  test('without the symbol, with GS of a program, with a top that is not there: not known, and why', async () => {
    expect(await found({ name: 'schedule' })).toEqual(unknown('neither cpu_current_top_of_stack'));
    expect(await found({ gs: 0x40_1000n })).toEqual(unknown('GS is that of user mode'));
    expect(await found({ gs: GS + 0x6000n })).toEqual(unknown('cannot be read'));
    expect(await found({ userRegs: KERNEL_HALF + 0x40_7000n })).toEqual(unknown('cannot be read'));
  });
});
