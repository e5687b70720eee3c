import { describe, expect, test } from 'vitest';
import { readU64, writeU64 } from '../bits/bytes.ts';
import { type MemoryPort, openMemory } from './guest-memory.ts';
import { type PagingContext, walk } from './paging.ts';
import { FOUR_GIB, LAYOUTS, type Mapping, type Region } from './regions.ts';

const MIB = 1n << 20n;
const GIB = 1n << 30n;
const PAGE = 4096n;
/** Present, writable, accessed, dirty. */
const USED = 0x63n;

/** Bytes at addresses, zero where nothing was written. */
class Sparse {
  readonly #pages = new Map<bigint, Uint8Array>();

  write(address: bigint, value: bigint): void {
    const base = address - (address % PAGE);
    const page = this.#pages.get(base) ?? new Uint8Array(Number(PAGE));
    this.#pages.set(base, page);
    writeU64(page, Number(address - base), value);
  }

  /** Inside one page. */
  read(address: bigint, bytes: number): Uint8Array {
    const base = address - (address % PAGE);
    const page = this.#pages.get(base) ?? new Uint8Array(Number(PAGE));
    return page.slice(Number(address - base), Number(address - base) + bytes);
  }

  copy(from: bigint, to: bigint, bytes: bigint): void {
    for (const [base, page] of [...this.#pages]) {
      if (base >= from && base < from + bytes) this.#pages.set(base - from + to, page.slice());
    }
  }
}

const paging: PagingContext = {
  control: { cr0: 1n << 31n, cr3: 0x1000n, cr4: 1n << 5n, efer: 0x500n },
  physicalBits: 46,
};

/**
 * Tables at 0x1000 of which a table lies near the end of each region: linear address n GiB is a page that the region n holds, and the
 * number of the region stands in it.
 */
const tablesIn = (regions: readonly Region[], put: (physical: bigint, value: bigint) => void): void => {
  put(0x1000n, 0x2000n | USED);
  for (const [index, { physical, bytes }] of regions.entries()) {
    const end = physical + bytes;
    put(0x2000n + BigInt(index) * 8n, (end - 2n * PAGE) | USED);
    put(end - 2n * PAGE, (end - PAGE) | USED);
    put(end - PAGE, (end - 3n * PAGE) | USED);
    put(end - 3n * PAGE, BigInt(index + 100));
  }
};

/** A VMM whose KVM has those regions, and whose memory is `host`. */
const vmm = (host: Sparse, regions: readonly Region[], mappings: readonly Mapping[]): MemoryPort => {
  const hostOf = (physical: bigint): bigint | null => {
    const region = regions.find((one) => physical >= one.physical && physical < one.physical + one.bytes);
    return region === undefined ? null : region.host + physical - region.physical;
  };
  return {
    mappings: async () => ({ ok: true, value: mappings }),
    readHost: async (address, bytes) => host.read(address, bytes),
    translate: async (linear) =>
      linear.map((address) => {
        const steps = walk(paging, address);
        let next = steps.next();
        while (next.done !== true) {
          const at = hostOf(next.value.address);
          next = steps.next(at === null ? null : host.read(at, next.value.bytes));
        }
        return next.value.ok ? { valid: true, physical: next.value.physical } : { valid: false, physical: 0n };
      }),
  };
};

/** What the layout makes of so much memory: written down by hand, not by what is tested. */
const KINDS: readonly (readonly [name: string, physical: readonly (readonly [start: bigint, bytes: bigint])[]])[] = [
  [
    'QEMU pc and microvm, Cloud Hypervisor',
    [
      [0n, 3n * GIB],
      [FOUR_GIB, 2n * GIB],
    ],
  ],
  [
    'Firecracker',
    [
      [0n, 3n * GIB],
      [FOUR_GIB, 252n * GIB],
      [512n * GIB, 5n * GIB],
    ],
  ],
  [
    'QEMU q35',
    [
      [0n, 2n * GIB],
      [FOUR_GIB, 2n * GIB],
    ],
  ],
  ['QEMU q35, all of it low', [[0n, 2n * GIB + 768n * MIB]]],
  [
    'kvmtool, crosvm, older Firecracker',
    [
      [0n, 3n * GIB + 256n * MIB],
      [FOUR_GIB, GIB],
    ],
  ],
  ['QEMU pc, all of it low', [[0n, 3n * GIB + 512n * MIB]]],
];

const AT = 0x7e00_0000_0000n;

/** The regions one behind the other in one mapping, or each in one of its own, with others between. */
const placed = (
  physical: readonly (readonly [start: bigint, bytes: bigint])[],
  apart: boolean,
): { readonly regions: readonly Region[]; readonly mappings: readonly Mapping[] } => {
  const regions: Region[] = [];
  let host = AT;
  for (const [start, bytes] of physical) {
    regions.push({ physical: start, bytes, host });
    host += bytes + (apart ? 64n * MIB : 0n);
  }
  const own = regions.map((one): Mapping => ({ start: one.host, end: one.host + one.bytes }));
  const last = own.at(-1)?.end ?? AT;
  const others = [
    { start: last + GIB, end: last + GIB + 8n * MIB },
    { start: last + 2n * GIB, end: last + 2n * GIB + 132n * MIB },
  ];
  return { regions, mappings: [...(apart ? own : [{ start: AT, end: last }]), ...others] };
};

describe('[GM2] the layouts that VMMs are published to have', () => {
  test('are all tried here', () => {
    expect(LAYOUTS.map(({ name }) => name)).toEqual(KINDS.map(([name]) => name));
  });

  for (const [name, physical] of KINDS) {
    for (const apart of physical.length > 1 ? [false, true] : [false]) {
      const where = apart ? 'a mapping for each region' : 'one mapping';
      test(`${name}: ${where}, every region is proved and read`, async () => {
        const { regions, mappings } = placed(physical, apart);
        const host = new Sparse();
        const put = (at: bigint, value: bigint) => {
          const region = regions.find((one) => at >= one.physical && at < one.physical + one.bytes);
          if (region !== undefined) host.write(region.host + at - region.physical, value);
        };
        tablesIn(regions, put);
        const memory = await openMemory(paging, vmm(host, regions, mappings), [0n]);
        if (!memory.ok) throw new Error(memory.refusal.what);
        const inOrder = [...memory.value.proof.regions].sort((a, b) => (a.physical < b.physical ? -1 : 1));
        expect(inOrder).toMatchObject(regions);
        for (const index of regions.keys()) {
          const read = await memory.value.readLinear(BigInt(index) * GIB, 8);
          expect(read.ok && readU64(read.value.bytes, 0)).toBe(BigInt(index + 100));
        }
        for (const { physical: start, bytes } of regions) {
          // What lies in a gap or behind the memory is not known.
          if (!regions.some((one) => one.physical === start + bytes)) {
            expect(await memory.value.readPhysical(start + bytes, 1)).toMatchObject({ ok: false });
          }
        }
      });

      test(`${name}: ${where}, beside a decoy that differs in one page of tables`, async () => {
        const { regions, mappings } = placed(physical, apart);
        const host = new Sparse();
        const put = (at: bigint, value: bigint) => {
          const region = regions.find((one) => at >= one.physical && at < one.physical + one.bytes);
          if (region !== undefined) host.write(region.host + at - region.physical, value);
        };
        tablesIn(regions, put);
        const last = regions.at(-1) as Region;
        const decoyAt = AT - 0x200_0000_0000n;
        const decoys = mappings.slice(0, apart ? regions.length : 1).map(({ start, end }): Mapping => {
          host.copy(start, start - AT + decoyAt, end - start);
          return { start: start - AT + decoyAt, end: end - AT + decoyAt };
        });
        // The last region's own last table, which leads elsewhere in the decoy.
        const table = last.host + last.bytes - PAGE - AT + decoyAt;
        host.write(table, (last.physical + last.bytes - 4n * PAGE) | USED);
        const memory = await openMemory(paging, vmm(host, regions, [...decoys, ...mappings]), [0n]);
        // Of a mapping that the decoy has alike both say the same, so it is not known; the one that differs is the guest's.
        // Three of six that are unlike each other are not tried.
        const known = !apart ? regions : regions.length > 2 ? [] : [last];
        const found = memory.ok ? memory.value.proof.regions : [];
        expect([...found].sort((a, b) => (a.physical < b.physical ? -1 : 1))).toMatchObject(known);
      });
    }
  }
});
