import { beforeEach, describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import type { GeneralRegisters } from '../capture/capture.ts';
import { symbolTable } from '../disas/symbols/symbol-table.ts';
import { memoryOf } from './memory-of.ts';
import { decodeOrc, orcCalls, orcTables } from './orc.ts';
import { type FakeMemory, fakeMemory, KERNEL_HALF, memoryCapture } from './testing/fake-memory.ts';
import { fakeTarget } from './testing/fake-target.ts';

/** Code from here on, the stack at 0x402000, the tables at 0x403000 and 0x404000, the banner at 0x409000. */
const at = (offset: number): bigint => KERNEL_HALF + 0x40_0000n + BigInt(offset);
const [CODE, STACK, IPS, ENTRIES, BANNER] = [0x1000, 0x2000, 0x3000, 0x4000, 0x9000];

type Row = readonly [
  code: number,
  spReg: number,
  spOffset: number,
  bpReg: number,
  bpOffset: number,
  type: number,
  flag?: number,
];
const [SP, BP, R10, SP_INDIRECT, BP_INDIRECT] = [5, 4, 6, 9, 8];
const [CALL, REGS, IRET] = [0, 1, 2];

/** What each part of the code would say: as Linux 6.1 has it. */
const ROWS: readonly Row[] = [
  [0x000, SP, 8, 0, 0, CALL],
  [0x100, SP, 0x18, 1, -16, CALL],
  [0x200, BP, 16, 1, -16, CALL],
  [0x300, SP, 0, 0, 0, REGS],
  [0x400, SP, 0, 0, 0, IRET],
  [0x500, SP_INDIRECT, 8, 0, 0, CALL],
  [0x600, BP_INDIRECT, -8, 0, 0, CALL],
  [0x700, R10, 8, 0, 0, CALL],
  [0x800, 0, 0, 0, 0, CALL, 1],
  [0x900, 0, 0, 0, 0, CALL, 0],
  [0xa00, 0, 0, 0, 0, CALL, 0],
];

/** Bits 8 and up: what the version has there. */
const bitsOf = (version: string, [, spReg, , , , type, end = 0]: Row): number => {
  if (version === '5.10' || version === '6.1') return (type << 8) | (end << 10);
  if (version === '6.3') return (type << 8) | (1 << 10) | (end << 11);
  return (spReg === 0 ? end : type + 2) << 8;
};

let fake: FakeMemory;
const put = (offset: number, value: bigint): void => writeU64(fake.bytes, 0x20_0000 + offset, value);
const tablesOf = (version: string): void => {
  const view = new DataView(fake.bytes.buffer);
  for (const [index, row] of ROWS.entries()) {
    const [code, spReg, spOffset, bpReg, bpOffset] = row;
    view.setInt32(0x20_0000 + IPS + index * 4, CODE + code - (IPS + index * 4), true);
    const entry = 0x20_0000 + ENTRIES + index * 6;
    view.setInt16(entry, spOffset, true);
    view.setInt16(entry + 2, bpOffset, true);
    view.setUint16(entry + 4, spReg | (bpReg << 4) | bitsOf(version, row), true);
  }
  fake.bytes.set(new TextEncoder().encode(`Linux version ${version}.0-test (x)\0`), 0x20_0000 + BANNER);
};
beforeEach(() => {
  fake = fakeMemory();
  fake.bytes.fill(0, 0x20_2000, 0x20_3000);
  tablesOf('6.1');
});

const symbols = symbolTable(
  [
    ['__start_orc_unwind_ip', IPS],
    ['__stop_orc_unwind_ip', IPS + ROWS.length * 4],
    ['__start_orc_unwind', ENTRIES],
    ['linux_banner', BANNER],
  ].map(([name, offset]) => ({ name: String(name), address: at(Number(offset)), bytes: 8n, rank: 0 })),
);

const memory = async () => {
  const capture = memoryCapture();
  const opened = await memoryOf(Object.assign(fakeTarget(capture), { memory: fake.port }), capture.facts);
  if (!opened.ok) throw new Error(opened.refusal.what);
  return opened.value;
};
const calls = async (code: number, more: Partial<GeneralRegisters> = {}, most = 64) => {
  const general = { ...memoryCapture().facts.general, rip: at(CODE + code), rsp: at(STACK), rbp: 0n, ...more };
  const tables = await orcTables(await memory(), symbols);
  if (tables === null) throw new Error('there are tables');
  const { addresses, end } = await orcCalls(await memory(), tables, general as GeneralRegisters, most);
  return { calls: addresses.map((address) => Number(address - at(CODE))), end };
};
/** Code at its own offset, told as an address. */
const code = (offset: number): bigint => at(CODE + offset);

describe('[LT5] calls of a kernel by its ORC tables', () => {
  test.each(['5.10', '6.1', '6.3', '6.4', '6.12'])(
    'as Linux %s has them, through each way to the frame before',
    async (version) => {
      tablesOf(version);
      // 0x000, called by 0x110, which has pushed RBP, called by 0x220 with a frame pointer, called by the code that ends.
      put(STACK, code(0x110));
      put(STACK + 8 + 8, at(STACK + 0x100));
      put(STACK + 8 + 0x10, code(0x220));
      put(STACK + 0x100 + 8, code(0x810));
      expect(await calls(0x005)).toEqual({ calls: [0x005, 0x110, 0x220, 0x810], end: 'the stack ends there' });
    },
  );

  test('through what an exception has stored, whole or as the CPU itself stores it; to user mode and no further', async () => {
    put(STACK + 128, code(0x405));
    put(STACK + 136, 0x10n);
    put(STACK + 152, at(STACK + 0x200));
    put(STACK + 0x200, code(0x003));
    put(STACK + 0x208, 0x10n);
    put(STACK + 0x218, at(STACK + 0x300));
    put(STACK + 0x300, code(0x320));
    put(STACK + 0x308 + 128, 0x40_1234n);
    put(STACK + 0x308 + 136, 0x33n);
    expect(await calls(0x305)).toEqual({
      calls: [0x305, 0x405, 0x003, 0x320, Number(0x40_1234n - at(CODE))],
      end: 'user mode was left there',
    });
  });

  test('the first instruction behind a call that never returns belongs to the function that called', async () => {
    put(STACK, code(0x100));
    put(STACK + 8, code(0x810));
    // 0x100 begins a function that keeps 0x18 bytes; the one before it keeps none.
    expect(await calls(0x005)).toMatchObject({ calls: [0x005, 0x100, 0x810] });
  });

  test('through a register that points at the stack, and one that points at where it is kept', async () => {
    put(STACK, at(STACK + 0x80));
    put(STACK + 0x80, code(0x610));
    put(STACK + 0x40, at(STACK + 0x90));
    put(STACK + 0x88, code(0x810));
    expect(await calls(0x505, { rbp: at(STACK + 0x48) })).toMatchObject({ calls: [0x505, 0x610, 0x810] });
    put(STACK + 0x100, code(0x810));
    expect(await calls(0x705, { r10: at(STACK + 0x100) })).toMatchObject({ calls: [0x705, 0x810] });
  });

  test.each<[string, number, () => void, string]>([
    ['what ORC does not say', 0x905, () => undefined, 'ORC does not say'],
    ['code below all entries', -0x10, () => undefined, 'no ORC entry'],
    ['code behind all entries', 0xa10, () => undefined, 'no ORC entry'],
    ['a register that only the vCPU itself has', 0x005, () => put(STACK, code(0x710)), 'is not known there'],
    ['a stack that is not mapped', 0x205, () => undefined, 'cannot be read'],
    [
      'a chain in a circle',
      0x505,
      () => {
        put(STACK, at(STACK - 8));
        put(STACK - 16, code(0x505));
      },
      'back to itself',
    ],
  ])('%s ends it, with why', async (_what, from, draw, why) => {
    fake.bytes.fill(0, 0x20_1f00, 0x20_2000);
    draw();
    expect((await calls(from)).end).toContain(why);
  });

  test('so many calls and no more', async () => {
    put(STACK, code(0x110));
    put(STACK + 8 + 0x10, code(0x810));
    expect(await calls(0x005, {}, 2)).toEqual({ calls: [0x005, 0x110], end: 'only 2 calls are followed' });
  });

  test('a kernel older than the layouts that are known, or one that does not say which it is, has none', async () => {
    tablesOf('4.19');
    expect(await orcTables(await memory(), symbols)).toBeNull();
    fake.bytes.fill(0, 0x20_9000, 0x20_9100);
    expect(await orcTables(await memory(), symbols)).toBeNull();
    expect(await orcTables(await memory(), symbolTable([]))).toBeNull();
  });

  test('any bytes are an entry, or none', () => {
    for (let bits = 0; bits < 1 << 16; bits += 1) {
      const bytes = Uint8Array.of(0, 0x80, 0xff, 0x7f, bits & 0xff, bits >> 8);
      expect(decodeOrc(bytes, 6, 12)).toMatchObject({ spOffset: -32768, bpOffset: 32767 });
    }
  });
});
