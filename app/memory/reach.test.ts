import { describe, expect, test } from 'vitest';
import { readU64, writeU64 } from '../bits/bytes.ts';
import { type GuestMemory, type MemoryPort, openMemory } from './guest-memory.ts';
import { type PagingContext, walk } from './paging.ts';

/*
 * A VMM with one mapping of 16 MiB, of which KVM was given the first 12 alone: what lies behind is the VMM's own. Page tables begin at
 * 0x1000: 4 KiB pages at 0, and large pages that map all 16 MiB to themselves from 1 GiB on.
 */

const MIB = 1 << 20;
const GUEST = 12 * MIB;
const WHOLE = 16 * MIB;
const AT = 0x7f00_0000_0000n;
const GIB = 1n << 30n;
/** Present, writable, accessed, dirty; and of a large page. */
const [USED, LARGE] = [0x63n, 0x80n];
const OWN = 0xee;

const paging: PagingContext = {
  control: { cr0: 1n << 31n, cr3: 0x1000n, cr4: 1n << 5n, efer: 0x500n },
  physicalBits: 40,
};

const entry = (memory: Uint8Array, table: number, index: number, value: bigint): void =>
  writeU64(memory, table + index * 8, value);

const filled = (): Uint8Array => {
  const memory = new Uint8Array(WHOLE);
  memory.fill(OWN, GUEST);
  entry(memory, 0x1000, 0, 0x2000n | USED);
  entry(memory, 0x2000, 0, 0x3000n | USED);
  entry(memory, 0x2000, 1, 0x5000n | USED);
  entry(memory, 0x3000, 0, 0x4000n | USED);
  for (let page = 0; page < 8; page += 1) entry(memory, 0x4000, page, BigInt(0x8000 + page * 4096) | USED);
  for (let large = 0; large < 8; large += 1) entry(memory, 0x5000, large, BigInt(large * 2 * MIB) | LARGE | USED);
  return memory;
};

/** Adds a table for page `page` of the addresses from 2 MiB on; KVM walks it where it lies in its own memory. */
const withTableAt = (memory: Uint8Array, table: number, directoryIndex: number): void => {
  entry(memory, 0x3000, directoryIndex, BigInt(table) | USED);
  entry(memory, table, 3, 0x9000n | USED);
};

interface Vmm extends MemoryPort {
  asks: number;
}

const vmm = (memory: Uint8Array, bounds: readonly boolean[] | null = null): Vmm => {
  const port: Vmm = {
    asks: 0,
    mappings: async () => ({ ok: true, value: [{ start: AT, end: AT + BigInt(WHOLE) }] }),
    bounds: async () => bounds,
    readHost: async (address, bytes) => memory.slice(Number(address - AT), Number(address - AT) + bytes),
    translate: async (linear) => {
      port.asks += 1;
      return linear.map((address) => {
        const steps = walk(paging, address);
        let next = steps.next();
        while (next.done !== true) {
          const at = Number(next.value.address);
          next = steps.next(at + 8 <= GUEST ? memory.subarray(at, at + 8) : null);
        }
        return next.value.ok ? { valid: true, physical: next.value.physical } : { valid: false, physical: 0n };
      });
    },
  };
  return port;
};

const opened = async (port: MemoryPort, next: bigint | null = null): Promise<GuestMemory> => {
  const memory = await openMemory(paging, port, [0n], next);
  if (!memory.ok) throw new Error(memory.refusal.what);
  return memory.value;
};

/** The last MiB of which a byte is known, by physical address and through a large page that the guest has used. */
const lastMib = async (memory: GuestMemory): Promise<number> => {
  let last = -1;
  for (let mib = 1; mib < WHOLE / MIB; mib += 1) {
    const at = BigInt(mib * MIB);
    const read = await memory.readPhysical(at, 1);
    expect((await memory.readLinear(GIB + at, 1)).ok, `${mib} MiB`).toBe(read.ok);
    if (read.ok) last = mib;
  }
  return last;
};

describe('[GM7] memory in a mapping that may hold more is known as far as KVM has walked tables in it', () => {
  test('up to the whole MiB of the last table, and how far is said', async () => {
    const memory = filled();
    const known = await opened(vmm(memory));
    expect(await lastMib(known)).toBe(-1);
    expect((await known.readPhysical(0x9f000n, 4096)).ok).toBe(true);
    expect(await known.readPhysical(BigInt(MIB), 1)).toMatchObject({
      refusal: { code: 'memory-unknown', remedy: expect.stringContaining('proved up to 0x100000') },
    });
  });

  test('tables that lie higher are looked for once something behind is asked for, and each is KVM’s too', async () => {
    const memory = filled();
    // More than are looked at while memory is proved, of which the last lies highest.
    for (let at = 1; at < 200; at += 1) withTableAt(memory, (at === 137 ? 9 : 2) * MIB + at * 4096, at);
    const port = vmm(memory);
    const known = await opened(port);
    const before = port.asks;
    expect((await known.readPhysical(0x8000n, 8)).ok).toBe(true);
    expect(port.asks).toBe(before);
    expect(await lastMib(known)).toBe(9);
    expect(port.asks).toBe(before + 1);
  });

  test('a table that lies in the VMM’s own memory proves nothing', async () => {
    const memory = filled();
    for (let at = 1; at < 200; at += 1) withTableAt(memory, 2 * MIB + at * 4096, at);
    withTableAt(memory, 14 * MIB, 137);
    expect(await lastMib(await opened(vmm(memory)))).toBe(2);
  });

  test('code is read in the MiB that is executed, and not written', async () => {
    const known = await opened(vmm(filled()), GIB + BigInt(5 * MIB + 0x123));
    expect(await lastMib(known)).toBe(5);
    for (const [at, isPhysical] of [
      [GIB + BigInt(5 * MIB), false],
      [BigInt(5 * MIB), true],
    ] as const) {
      expect(await known.placesToWrite(at, 4, isPhysical)).toMatchObject({
        ok: false,
        refusal: { code: 'memory-unknown' },
      });
    }
    expect((await known.placesToWrite(GIB + 0x8000n, 4, false)).ok).toBe(true);
  });

  test('a mapping that holds one thing alone is known whole; where its bounds are not said as listed, it is not', async () => {
    expect(await lastMib(await opened(vmm(filled(), [true])))).toBe(WHOLE / MIB - 1);
    expect((await (await opened(vmm(filled(), [true]))).placesToWrite(GIB + BigInt(9 * MIB), 4, false)).ok).toBe(true);
    for (const bounds of [[false], [], [true, true]])
      expect(await lastMib(await opened(vmm(filled(), bounds)))).toBe(-1);
  });

  test('no bytes of tables make the search go on: each leads to all others', async () => {
    const memory = filled();
    for (let index = 1; index < 512; index += 1) {
      entry(memory, 0x1000, index, 0x2000n | USED);
      if (index > 1) entry(memory, 0x2000, index, 0x3000n | USED);
      entry(memory, 0x3000, index, BigInt(0x10000 + (index % 64) * 4096) | USED);
    }
    const known = await opened(vmm(memory));
    expect(await lastMib(known)).toBe(-1);
    expect(readU64(memory, 0x1000)).toBe(0x2000n | USED);
  });
});
