import { describe, expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import { tracedLoop } from '../fixtures/traced-loop.ts';
import type { MemoryPort } from '../memory/guest-memory.ts';
import { answer } from '../refusals/refusal.ts';
import { createCodeReader } from './next-code.ts';
import { fakeTarget } from './testing/fake-target.ts';

const HOST = 0x7f00_0000_0000n;
/** Page tables at 0x1000: the 2 MiB at 0x400000 are memory from 0x200000 on, four MiB in all. */
const guest = () => {
  const bytes = new Uint8Array(4 << 20);
  writeU64(bytes, 0x1000, 0x2063n);
  writeU64(bytes, 0x2000, 0x3063n);
  writeU64(bytes, 0x3010, 0x20_00e3n);
  const asked = { translations: 0, mappings: 0 };
  const port: MemoryPort = {
    mappings: async () => {
      asked.mappings += 1;
      return answer([{ start: HOST, end: HOST + BigInt(bytes.length) }]);
    },
    readHost: async (address, count) => bytes.slice(Number(address - HOST), Number(address - HOST) + count),
    translate: async (linear) => {
      asked.translations += 1;
      return linear.map((one) => ({ valid: true, physical: one - 0x20_0000n }));
    },
  };
  return { bytes, port, asked };
};

const at = (rip: bigint): Capture => {
  const [stop] = tracedLoop('TDPBSSD', 0);
  if (stop?.capture.facts.general == null) throw new Error('the loop has registers');
  const { capture } = stop;
  return { ...capture, facts: { ...capture.facts, general: { ...stop.capture.facts.general, rip } } };
};

describe('[TP3] the instructions of a trace', () => {
  test('are read from proved memory, each page once, over the end of a page too', async () => {
    const { bytes, port, asked } = guest();
    bytes.set([1, 2, 3, 4], 0x20_1000);
    bytes.set([5, 6], 0x20_1fff);
    const target = Object.assign(fakeTarget(at(0x40_1000n)), { memory: port });
    const codes = await createCodeReader(target).codeOf([at(0x40_1000n), at(0x40_1001n), at(0x40_1fffn)]);
    expect(codes.map((code) => code?.length)).toEqual([15, 15, 15]);
    expect(codes.map((code) => [...(code ?? [])].slice(0, 2))).toEqual([
      [1, 2],
      [2, 3],
      [5, 6],
    ]);
    expect(asked.mappings).toBe(1);
  });

  test('[S2] an instruction that is executed again is the same object, and memory is proved once for a trace', async () => {
    const { bytes, port, asked } = guest();
    bytes.set([1, 2, 3, 4], 0x20_1000);
    const reader = createCodeReader(Object.assign(fakeTarget(at(0x40_1000n)), { memory: port }));
    const [first, , again] = await reader.codeOf([at(0x40_1000n), at(0x40_1fffn), at(0x40_1000n)]);
    expect(again).toBe(first);
    for (let part = 0; part < 5; part += 1) await reader.codeOf(Array.from({ length: 900 }, () => at(0x40_1000n)));
    expect(asked.mappings).toBe(1);
  });

  test('where what was proved has gone, it is proved anew', async () => {
    const { bytes, port, asked } = guest();
    bytes.set([1, 2, 3, 4], 0x20_1000);
    let moved = 0n;
    const moving: MemoryPort = {
      ...port,
      mappings: async () => {
        asked.mappings += 1;
        return answer([{ start: HOST + moved, end: HOST + moved + BigInt(bytes.length) }]);
      },
      readHost: async (address, count) => (address < HOST + moved ? null : port.readHost(address - moved, count)),
    };
    const reader = createCodeReader(Object.assign(fakeTarget(at(0x40_1000n)), { memory: moving }));
    await reader.codeOf(Array.from({ length: 1_000 }, () => at(0x40_1000n)));
    moved = 0x1000_0000n;
    expect((await reader.codeOf([at(0x40_1000n)]))[0]?.[0]).toBe(1);
    expect(asked.mappings).toBe(2);
  });

  test('of memory that is not known there are none', async () => {
    const { port } = guest();
    const wrong: MemoryPort = {
      ...port,
      translate: async (linear) => linear.map(() => ({ valid: true, physical: 1n })),
    };
    const target = Object.assign(fakeTarget(at(0x40_1000n)), { memory: wrong });
    expect(await createCodeReader(target).codeOf([at(0x40_1000n)])).toEqual([null]);
    expect(await createCodeReader(fakeTarget(at(0x40_1000n))).codeOf([at(0x40_1000n)])).toEqual([null]);
  });

  test('code that is written anew is read anew, no later than a thousand instructions behind', async () => {
    const { bytes, port } = guest();
    const reader = createCodeReader(Object.assign(fakeTarget(at(0x40_1000n)), { memory: port }));
    const many = Array.from({ length: 1_000 }, () => at(0x40_1000n));
    await reader.codeOf(many);
    bytes[0x20_1000] = 0xcc;
    expect((await reader.codeOf([at(0x40_1000n)]))[0]?.[0]).toBe(0xcc);
  });
});
