import { expect, test } from 'vitest';
import { writeU64 } from '../bits/bytes.ts';
import { refuse } from '../refusals/refusal.ts';
import type { PagingContext } from './paging.ts';
import { walkedMemory } from './walked-memory.ts';

const MIB = 1 << 20;
const context: PagingContext = {
  control: { cr0: 1n << 31n, cr3: 0x1000n, cr4: 1n << 5n, efer: 0x500n },
  physicalBits: 40,
};

/** 2 MiB, mapped to themselves by pages of 4 KiB, but for those that are given. */
const guest = (elsewhere: ReadonlyMap<number, bigint> = new Map()): Uint8Array => {
  const bytes = Uint8Array.from({ length: 2 * MIB }, (_, at) => (at * 7 + (at >> 12)) & 0xff);
  bytes.fill(0, 0x1000, 0x5000);
  for (const table of [0x1000, 0x2000, 0x3000]) writeU64(bytes, table, BigInt(table + 0x1000) | 0x63n);
  for (let page = 0; page < 512; page += 1)
    writeU64(bytes, 0x4000 + page * 8, elsewhere.get(page) ?? BigInt(page * 4096) | 0x63n);
  return bytes;
};

const opened = (bytes: Uint8Array, regionEnd = bytes.length) => {
  const reads: number[] = [];
  const memory = walkedMemory(
    context,
    async (physical, count) => {
      reads.push(count);
      const at = Number(physical);
      // Two regions that touch: what goes over their border is in neither.
      const inOne = at + count <= regionEnd || at >= regionEnd;
      return inOne && at + count <= bytes.length ? bytes.subarray(at, at + count) : null;
    },
    () => refuse('memory-unknown', 'not there'),
  );
  return { memory, reads };
};

test('[GM3] a megabyte by linear addresses is one read, after one of each table', async () => {
  const bytes = guest();
  const { memory, reads } = opened(bytes);
  const read = await memory.readLinear(0x8_0001n, MIB);
  expect(read.ok && Buffer.from(read.value.bytes).equals(bytes.subarray(0x8_0001, 0x8_0001 + MIB))).toBe(true);
  expect(reads).toEqual([4096, 4096, 4096, 4096, MIB]);
});

test('[GM3] pages that lie apart, and such as follow each other in two regions', async () => {
  const bytes = guest(new Map([[257, 0x18_0063n]]));
  const { memory } = opened(bytes, 0x10_3000);
  const read = await memory.readLinear(0x10_0ff8n, 0x3000);
  const want = [
    bytes.subarray(0x10_0ff8, 0x10_1000),
    bytes.subarray(0x18_0000, 0x18_1000),
    bytes.subarray(0x10_2000, 0x10_3ff8),
  ];
  expect(read.ok && Buffer.from(read.value.bytes).equals(Buffer.concat(want))).toBe(true);
});

test('[GM3] refused whole where a page is not mapped, or not known', async () => {
  const { memory } = opened(
    guest(
      new Map([
        [256, 0n],
        [258, 0x40_0063n],
      ]),
    ),
  );
  expect(await memory.readLinear(0xf_fff8n, 16)).toMatchObject({ ok: false, refusal: { code: 'not-mapped' } });
  expect(await memory.readLinear(0x10_1ff8n, 16)).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
});
