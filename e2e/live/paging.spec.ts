import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'playwright/test';
import { elfMemory, readSegments } from '../../app/formats/elf-memory.ts';
import { type MemoryPort, openMemory } from '../../app/memory/guest-memory.ts';
import { type WalkedMemory, walkedMemory } from '../../app/memory/walked-memory.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import { QEMU_ABSENT } from '../models/guest.ts';
import type { PagedGuest } from '../models/paged-guest.ts';
import { expected, expectSamePages, outcome, started, WINDOW_BYTES } from '../models/paged-reading.ts';
import { randomFrom } from '../models/random.ts';
import { type Mapped, PAGING_MODES, type PagedMode, randomAddress } from '../models/random-tables.ts';
import { tilescopeJson } from '../models/tilescope.ts';

/*
 * Every paging mode on an emulated CPU: it needs no KVM. QEMU's monitor is the second reader: `info tlb` names every page that it sees in
 * the tables, `pmemsave` has the bytes; `gva2gpa` and `x` walk by another piece of QEMU's code, and are asked at some addresses.
 */

const MIB = 1n << 20n;
const GIB = 1n << 30n;
const FOUR_GIB = 4n * GIB;
const ADDRESSES = 10_000;
const ASKED_BY_ADDRESS = 60;

/** QEMU's two walks by address are asked as well. */
const expectSameByAddress = async (
  guest: PagedGuest,
  memory: WalkedMemory,
  addresses: readonly bigint[],
): Promise<void> => {
  const differing: unknown[] = [];
  for (const linear of addresses) {
    const walk = await memory.translate(linear);
    const read = await memory.readLinear(linear, 8);
    const word = read.ok ? Buffer.from(read.value.bytes).readBigUInt64LE(0) : null;
    const ours = [walk.ok ? walk.physical : null, word];
    const theirs = [await guest.translation(linear), word === null ? null : await guest.word(linear)];
    if (!isDeepStrictEqual(ours, theirs)) differing.push({ linear: linear.toString(16), ours, theirs });
  }
  expect(differing).toEqual([]);
};

const canonical = (linear: bigint, bits: number): boolean =>
  bits === 32 ? linear < 1n << 32n : BigInt.asUintN(64, BigInt.asIntN(bits, linear)) === linear;

test.describe('guest memory in every paging mode equals what QEMU reads', () => {
  test.skip(QEMU_ABSENT !== null, QEMU_ABSENT ?? '');

  const SMALL_BYTES = 64n * MIB;
  for (const mode of Object.keys(PAGING_MODES) as PagedMode[]) {
    test(`[GM1] [GM4] ${PAGING_MODES[mode].name}: 10,000 addresses of a dump`, async () => {
      const random = randomFrom('TILESCOPE_PAGING_SEED', 31);
      const starts = [2n * MIB, 32n * MIB, SMALL_BYTES - WINDOW_BYTES];
      const { guest, shape, tables } = await started(mode, random, starts, SMALL_BYTES, ['-m', '64']);
      try {
        await expectSamePages(guest, mode, tables);
        const saved = await guest.saved(0n, Number(SMALL_BYTES));
        const dump = await guest.dump();
        const file = openSync(dump, 'r');
        try {
          const reader = {
            bytes: statSync(dump).size,
            read: (offset: number, bytes: number) => {
              const part = Buffer.alloc(bytes);
              return readSync(file, part, 0, bytes, offset) === bytes ? part : null;
            },
          };
          const opened = elfMemory(reader);
          if (!opened.ok) throw new Error(JSON.stringify(opened.problem));
          const { segments, cpus } = opened.value;
          const control = cpus[0]?.control;
          if (control === undefined) throw new Error('no CPU is in the dump');
          const memory = walkedMemory(
            { control, physicalBits: 52 },
            async (physical, bytes) => readSegments(reader, segments, 'physical', physical, bytes),
            () => refuse('memory-unknown', 'not in the dump'),
          );
          const known = (physical: bigint, bytes: number): Buffer | null =>
            physical + BigInt(bytes) <= SMALL_BYTES ? saved.subarray(Number(physical), Number(physical) + bytes) : null;
          const seen = new Map<string, number>();
          const differing: unknown[] = [];
          for (let count = 0; count < ADDRESSES; count += 1) {
            const linear = randomAddress(random, shape, tables);
            const bytes = 1 + random.below(16);
            const theirs = expected(tables.mapped, linear, bytes, known);
            const ours = await outcome(memory, linear, bytes);
            if (!isDeepStrictEqual(ours, theirs)) differing.push({ linear: linear.toString(16), bytes, ours, theirs });
            const kind = typeof theirs === 'string' ? theirs : 'read';
            seen.set(kind, (seen.get(kind) ?? 0) + 1);
          }
          expect(differing.slice(0, 5), `seed ${random.seed}`).toEqual([]);
          for (const kind of ['read', 'not-mapped', 'memory-unknown']) expect(seen.get(kind) ?? 0).toBeGreaterThan(50);
          const addresses = Array.from({ length: ASKED_BY_ADDRESS }, () => randomAddress(random, shape, tables));
          await expectSameByAddress(
            guest,
            memory,
            addresses.filter((linear) => canonical(linear, shape.linearBits)),
          );
          const { linear, physical } = tables.mapped.find((one) => one.physical < SMALL_BYTES) as Mapped;
          const [address, at] = [linear, physical].map((value) => `0x${value.toString(16)}`);
          expect(await tilescopeJson('mem', dump, address as string, '--bytes', '64')).toEqual({
            address,
            physical: at,
            hex: known(physical, 64)?.toString('hex'),
          });
        } finally {
          closeSync(file);
        }
      } finally {
        await guest.stop();
      }
    });
  }

  interface Machine {
    readonly name: string;
    readonly mode: PagedMode;
    readonly words: string[];
    /** Where memory below 4 GiB ends, and the whole of it. */
    readonly lowEnd: bigint;
    readonly end: bigint;
    /** No table of this mode can lie above 4 GiB, so that nothing proves what does: its pages are translated, and not read. */
    readonly highIsUnknown?: boolean;
  }
  const MACHINES: readonly Machine[] = [
    {
      name: 'pc, 5 GiB',
      mode: '4-level',
      words: [
        '-M',
        'pc',
        '-object',
        'memory-backend-ram,id=m,size=5G,reserve=off',
        '-machine',
        'memory-backend=m',
        '-m',
        '5G',
      ],
      lowEnd: 3n * GIB,
      end: FOUR_GIB + 2n * GIB,
    },
    {
      name: 'q35, 4 GiB, 5-level',
      mode: '5-level',
      words: [
        '-M',
        'q35',
        '-object',
        'memory-backend-ram,id=m,size=4G,reserve=off',
        '-machine',
        'memory-backend=m',
        '-m',
        '4G',
      ],
      lowEnd: 2n * GIB,
      end: FOUR_GIB + 2n * GIB,
    },
    {
      name: 'pc, 5 GiB, 4 MiB pages of PSE-36',
      mode: 'pse',
      words: [
        '-M',
        'pc',
        '-object',
        'memory-backend-ram,id=m,size=5G,reserve=off',
        '-machine',
        'memory-backend=m',
        '-m',
        '5G',
      ],
      lowEnd: 3n * GIB,
      end: FOUR_GIB + 2n * GIB,
      highIsUnknown: true,
    },
    {
      name: 'q35, PAE, memfd',
      mode: 'pae',
      words: ['-M', 'q35', '-object', 'memory-backend-memfd,id=m,size=3G', '-machine', 'memory-backend=m', '-m', '3G'],
      lowEnd: 2n * GIB,
      end: FOUR_GIB + GIB,
    },
    {
      name: 'microvm, 4 GiB',
      mode: '4-level',
      words: [
        '-M',
        'microvm',
        '-object',
        'memory-backend-ram,id=m,size=4G,reserve=off',
        '-machine',
        'memory-backend=m',
        '-m',
        '4G',
      ],
      lowEnd: 3n * GIB,
      end: FOUR_GIB + GIB,
    },
  ];

  for (const { name, mode, words, lowEnd, end, highIsUnknown = false } of MACHINES) {
    test(`[GM2] ${name}: found among QEMU's mappings, proved and read`, async () => {
      const random = randomFrom('TILESCOPE_PAGING_SEED', 47);
      const high = end > lowEnd ? [FOUR_GIB, end - WINDOW_BYTES] : [];
      const starts = [2n * MIB, lowEnd - WINDOW_BYTES, ...high];
      const { guest, shape, tables, windows } = await started(mode, random, starts, end, words);
      try {
        const port: MemoryPort = {
          mappings: async () => answer(guest.mappings()),
          bounds: async () => guest.bounds(),
          readHost: async (address, bytes) => guest.readHost(address, bytes),
          // QEMU's monitor in the place of KVM.
          translate: async (linear) => {
            const found = [];
            for (const one of linear) {
              const physical = await guest.translation(one);
              found.push({ valid: physical !== null, physical: physical ?? 0n });
            }
            return found;
          },
        };
        const used = await guest.pages();
        const own = [0xf0010n, 0xf0ff0n, ...used.slice(0, 2).map(({ linear }) => linear)];
        const memory = await openMemory({ control: guest.control, physicalBits: 40 }, port, own);
        if (!memory.ok) throw new Error(memory.refusal.what);
        await expectSamePages(guest, mode, tables);
        const saved: { readonly physical: bigint; readonly bytes: Buffer }[] = [];
        for (const { physical, bytes } of windows) {
          saved.push({ physical, bytes: await guest.saved(physical, bytes.length) });
        }
        const isKnown = (physical: bigint) =>
          physical < (highIsUnknown ? lowEnd : end) &&
          (physical < lowEnd ? physical < 0xa0000n || physical >= 0x100000n : physical >= FOUR_GIB);
        /** Outside what was loaded memory is zero. */
        const known = (physical: bigint, bytes: number): Buffer | null => {
          if (!isKnown(physical) || !isKnown(physical + BigInt(bytes) - 1n)) return null;
          const part = Buffer.alloc(bytes);
          for (let at = 0; at < bytes; at += 1) {
            const where = physical + BigInt(at);
            const one = saved.find((window) => where >= window.physical && where < window.physical + WINDOW_BYTES);
            if (one !== undefined) part[at] = one.bytes[Number(where - one.physical)] ?? 0;
          }
          return part;
        };
        const differing: unknown[] = [];
        let reads = 0;
        for (let count = 0; count < ADDRESSES; count += 1) {
          const linear = randomAddress(random, shape, tables);
          const bytes = 1 + random.below(16);
          const theirs = expected(tables.mapped, linear, bytes, known);
          const ours = await outcome(memory.value, linear, bytes);
          if (typeof theirs !== 'string') reads += 1;
          if (!isDeepStrictEqual(ours, theirs)) differing.push({ linear: linear.toString(16), bytes, ours, theirs });
        }
        expect(differing.slice(0, 5), `seed ${random.seed}, ${memory.value.proof.candidate}`).toEqual([]);
        expect(reads).toBeGreaterThan(2000);
        const high = tables.mapped.filter(({ physical }) => physical >= FOUR_GIB && physical < end);
        expect(high.length, 'pages above 4 GiB').toBeGreaterThan(end > lowEnd ? 3 : -1);
        for (const { linear, physical } of high) {
          const walk = await memory.value.translate(linear);
          expect(walk.ok && walk.physical, linear.toString(16)).toBe(physical);
          expect(await guest.translation(linear), linear.toString(16)).toBe(physical);
        }
      } finally {
        await guest.stop();
      }
    });
  }
});
