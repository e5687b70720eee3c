import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readU32, readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import { type MemoryPort, openMemory } from './guest-memory.ts';
import { nameSteps, type PagingContext, pagingMode, protectionKey, type Walk, walk } from './paging.ts';
import { candidatesOf, FOUR_GIB, type Mapping } from './regions.ts';

const CR0_PG = 1n << 31n;
const CR4_PSE = 1n << 4n;
const CR4_PAE = 1n << 5n;
const CR4_LA57 = 1n << 12n;
const EFER_LMA = 1n << 10n;
const EFER_NXE = 1n << 11n;
const NX = 1n << 63n;
/** Present, writable, accessed, dirty. */
const P = 0x63n;
const LARGE = 0x80n;

const context = (cr3: bigint, cr4: bigint, efer: bigint, cr0 = CR0_PG): PagingContext => ({
  control: { cr0, cr3, cr4, efer },
  physicalBits: 40,
});
const LONG = (cr3: bigint) => context(cr3, CR4_PAE, EFER_LMA | EFER_NXE);

const walkIn = (memory: Uint8Array, paging: PagingContext, linear: bigint): Walk => {
  const steps = walk(paging, linear);
  let next = steps.next();
  while (next.done !== true) {
    const { address, bytes } = next.value;
    const at = Number(address);
    next = steps.next(at + bytes <= memory.length ? memory.subarray(at, at + bytes) : null);
  }
  return next.value;
};
const entry = (memory: Uint8Array, table: number, index: number, value: bigint): void =>
  writeU64(memory, table + index * 8, value);

/** PML4 at 0x1000: 4 KiB pages at 0, a 2 MiB one at 4 MiB, a 1 GiB one at 1 GiB, the upper half too. */
const longTables = (memory: Uint8Array): void => {
  entry(memory, 0x1000, 0, 0x2000n | P);
  entry(memory, 0x1000, 256, 0x2000n | P);
  entry(memory, 0x2000, 0, 0x3000n | P);
  entry(memory, 0x2000, 1, 0x4000_0000n | P | LARGE);
  entry(memory, 0x3000, 0, 0x4000n | P);
  entry(memory, 0x3000, 2, 0x20_0000n | P | LARGE | NX);
  for (let page = 0; page < 16; page += 1) entry(memory, 0x4000, page, BigInt(0x5000 + page * 4096) | P);
  entry(memory, 0x4000, 20, 0x5000n | (P & ~1n));
  entry(memory, 0x4000, 21, 0x5000n | P | (1n << 45n));
};

describe('[GM1] page tables are walked as a CPU walks them', () => {
  const memory = new Uint8Array(1 << 20);
  longTables(memory);

  test.each([
    [0x0n, 0x5000n, 4096],
    [0x1abcn, 0x6abcn, 4096],
    [0x40_1234n, 0x20_1234n, 2 ** 21],
    [0x4123_4567n, 0x4123_4567n, 2 ** 30],
    [0xffff_8000_0000_1abcn, 0x6abcn, 4096],
  ])('4-level: 0x%s', (linear, physical, pageBytes) => {
    expect(walkIn(memory, LONG(0x1000n), linear)).toMatchObject({ ok: true, physical, pageBytes, accessed: true });
  });

  test('rights are those of every level together, and NX counts where EFER has it', () => {
    expect(walkIn(memory, LONG(0x1000n), 0x40_0000n)).toMatchObject({ executable: false, writable: true, user: false });
    expect(walkIn(memory, LONG(0x1000n), 0n)).toMatchObject({ executable: true });
    const without = context(0x1000n, CR4_PAE, EFER_LMA);
    expect(walkIn(memory, without, 0x40_0000n)).toMatchObject({ ok: false, fault: 'reserved-bit', level: 2 });
  });

  test.each([
    [0x0000_8000_0000_0000n, 'not-canonical', 0],
    [0x1_4000n, 'not-present', 1],
    [0x1_5000n, 'reserved-bit', 1],
    [0x80_0000_0000n, 'not-present', 4],
  ])('4-level: 0x%s faults', (linear, fault, level) => {
    expect(walkIn(memory, LONG(0x1000n), linear)).toMatchObject({ ok: false, fault, level });
  });

  test('each step is named by its table and index, up to where the walk ends', () => {
    const { control } = LONG(0x1000n);
    const named = (linear: bigint): readonly string[] =>
      nameSteps(control, linear, walkIn(memory, LONG(0x1000n), linear).steps).map(
        ({ table, index, entry: value }) => `${table}[${index}] ${value.toString(16)}`,
      );
    expect(named(0xffff_8000_0000_1abcn)).toEqual(['PML4[256] 2063', 'PDPT[0] 3063', 'PD[0] 4063', 'PT[1] 6063']);
    expect(named(0x40_1234n)).toEqual([
      'PML4[0] 2063',
      'PDPT[0] 3063',
      `PD[2] ${(0x20_0000n | P | LARGE | NX).toString(16)}`,
    ]);
    expect(named(0x1_4000n).at(-1)).toBe('PT[20] 5062');
    expect(nameSteps({ ...control, cr0: 0n }, 0n, [])).toEqual([]);
  });

  test('a page has a key where keys are on for such pages', () => {
    const keyed = memory.slice();
    entry(keyed, 0x4000, 1, 0x6000n | P | (11n << 59n));
    const page = walkIn(keyed, LONG(0x1000n), 0x1000n);
    if (!page.ok) throw new Error('it is mapped');
    const { control } = LONG(0x1000n);
    expect(protectionKey(control, page)).toBeNull();
    expect(protectionKey({ ...control, cr4: control.cr4 | (1n << 22n) }, page)).toBeNull();
    expect(protectionKey({ ...control, cr4: control.cr4 | (1n << 24n) }, page)).toBe(11);
    expect(protectionKey({ ...control, cr4: control.cr4 | (1n << 22n) }, { ...page, user: true })).toBe(11);
  });

  test('5-level has one table more, and 57 bits', () => {
    const five = memory.slice();
    entry(five, 0x0, 1, 0x1000n | P);
    const la57 = context(0n, CR4_PAE | CR4_LA57, EFER_LMA | EFER_NXE);
    expect(pagingMode(la57)).toBe('5-level');
    expect(walkIn(five, la57, 0x1_0000_0000_1abcn)).toMatchObject({ ok: true, physical: 0x6abcn });
    expect(walkIn(five, la57, 0x1_0000_0000_1abcn)).toHaveProperty('steps.length', 5);
  });

  test('[GM1] a page of 1 GiB is one only where CPUID has them: elsewhere its entry has a reserved bit set', () => {
    const one = memory.slice();
    entry(one, 0x2000, 5, 0x40000000n | P | LARGE);
    const at = 0x1_4000_0abcn;
    const page = { ok: true, physical: 0x40000abcn, pageBytes: 1 << 30 };
    expect(walkIn(one, LONG(0x1000n), at)).toMatchObject(page);
    expect(walkIn(one, { ...LONG(0x1000n), hasGigabytePages: true }, at)).toMatchObject(page);
    expect(walkIn(one, { ...LONG(0x1000n), hasGigabytePages: false }, at)).toMatchObject({
      ...{ ok: false, fault: 'reserved-bit', level: 3 },
    });
  });

  test('PAE: a PDPTE has no rights, its reserved bits count', () => {
    const pae = new Uint8Array(1 << 16);
    entry(pae, 0x1020, 0, 0x2000n | 1n);
    entry(pae, 0x1020, 1, 0x2000n | 3n);
    entry(pae, 0x1020, 2, 0x2000n | 0x21n);
    entry(pae, 0x2000, 0, 0x3000n | P);
    entry(pae, 0x2000, 1, 0x60_0000n | P | LARGE);
    entry(pae, 0x3000, 7, 0x9000n | P | NX);
    const paging = context(0x1020n, CR4_PAE, EFER_NXE);
    expect(pagingMode(paging)).toBe('pae');
    expect(walkIn(pae, paging, 0x7123n)).toMatchObject({
      ok: true,
      physical: 0x9123n,
      executable: false,
      writable: true,
    });
    expect(walkIn(pae, paging, 0x20_0123n)).toMatchObject({ ok: true, physical: 0x60_0123n, pageBytes: 2 ** 21 });
    expect(walkIn(pae, paging, 0x4000_0000n)).toMatchObject({ ok: false, fault: 'reserved-bit', level: 3 });
    // As an emulated CPU of QEMU's leaves an entry that it has used.
    expect(walkIn(pae, paging, 0x8000_7123n)).toMatchObject({ ok: true, physical: 0x9123n });
    expect(walkIn(pae, paging, 0x1_0000_0000n)).toMatchObject({ ok: false, fault: 'not-canonical' });
  });

  test('32-bit: 4 MiB pages need CR4.PSE, and reach 40 bits', () => {
    const old = new Uint8Array(1 << 16);
    writeU32(old, 0x1000, 0x2063);
    writeU32(old, 0x1004, 0x00c0_20e3);
    writeU32(old, 0x2000 + 5 * 4, 0x7063);
    const pse = context(0x1000n, CR4_PSE, 0n);
    expect(walkIn(old, pse, 0x5678n)).toMatchObject({ ok: true, physical: 0x7678n, pageBytes: 4096 });
    expect(walkIn(old, pse, 0x40_0678n)).toMatchObject({ ok: true, physical: 0x1_00c0_0678n, pageBytes: 2 ** 22 });
    expect(walkIn(old, context(0x1000n, 0n, 0n), 0x40_0678n)).toMatchObject({
      ok: false,
      fault: 'no-memory',
      level: 1,
    });
  });

  test('no bytes make it throw or go on: random tables, tables that name themselves', () => {
    const modes = [
      LONG(0n),
      context(0n, CR4_PAE | CR4_LA57, EFER_LMA),
      context(0n, CR4_PAE, 0n),
      context(0n, CR4_PSE, 0n),
    ];
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 8192 }),
        fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
        fc.integer({ min: 0, max: modes.length - 1 }),
        fc.bigInt({ min: 0n, max: 0x1fffn }),
        (bytes, linear, mode, cr3) => {
          const chosen = modes[mode] as PagingContext;
          const found = walkIn(bytes, { ...chosen, control: { ...chosen.control, cr3 } }, linear);
          expect(found.steps.length).toBeLessThanOrEqual(5);
          if (found.ok) expect(found.physical).toBeLessThan(1n << 52n);
        },
      ),
      { seed: 17, numRuns: 3000 },
    );
    const itself = new Uint8Array(8192);
    entry(itself, 0x1000, 0, 0x1000n | P);
    expect(walkIn(itself, LONG(0x1000n), 0n)).toMatchObject({ ok: true, physical: 0x1000n });
  });
});

/** A VMM in memory: mappings with their bytes, and the layout that KVM was given, by which it translates. */
interface Vmm extends MemoryPort {
  readonly asked: bigint[];
}

interface Slot {
  readonly physical: bigint;
  readonly bytes: Uint8Array;
}

const vmm = (
  paging: PagingContext,
  slots: readonly Slot[],
  mappings: readonly { readonly at: bigint; readonly bytes: Uint8Array }[],
): Vmm => {
  const asked: bigint[] = [];
  const readSlot = (physical: bigint, length: number): Uint8Array | null => {
    const slot = slots.find(
      (one) => physical >= one.physical && physical + BigInt(length) <= one.physical + BigInt(one.bytes.length),
    );
    const at = slot === undefined ? 0 : Number(physical - slot.physical);
    return slot?.bytes.subarray(at, at + length) ?? null;
  };
  return {
    asked,
    mappings: async () => ({
      ok: true,
      value: mappings.map(({ at, bytes }): Mapping => ({ start: at, end: at + BigInt(bytes.length) })),
    }),
    readHost: async (address, length) => {
      const one = mappings.find(
        ({ at, bytes }) => address >= at && address + BigInt(length) <= at + BigInt(bytes.length),
      );
      const at = one === undefined ? 0 : Number(address - one.at);
      return one?.bytes.slice(at, at + length) ?? null;
    },
    translate: async (linear) => {
      asked.push(...linear);
      return linear.map((address) => {
        const steps = walk(paging, address);
        let next = steps.next();
        while (next.done !== true) next = steps.next(readSlot(next.value.address, next.value.bytes));
        return next.value.ok ? { valid: true, physical: next.value.physical } : { valid: false, physical: 0n };
      });
    },
  };
};

const MIB = 1 << 20;
const guestBytes = (): Uint8Array => {
  const bytes = new Uint8Array(4 * MIB);
  longTables(bytes);
  for (let at = 0x5000; at < 0x15000; at += 8) writeU64(bytes, at, BigInt(at));
  return bytes;
};

describe('[GM2] memory is known where its place is proved, and nowhere else', () => {
  const paging = LONG(0x1000n);
  const other = (): Uint8Array => new Uint8Array(8 * MIB).fill(0xcc);

  test('the mapping that translates as KVM does is found among others, and read by both addresses', async () => {
    const bytes = guestBytes();
    const host = vmm(
      paging,
      [{ physical: 0n, bytes }],
      [
        { at: 0x7f00_0000_0000n, bytes: other() },
        { at: 0x7f10_0000_0000n, bytes },
      ],
    );
    const memory = await openMemory(paging, host, [0x10n, 0x3000n]);
    if (!memory.ok) throw new Error(memory.refusal.what);
    expect(memory.value.proof.regions).toMatchObject([{ physical: 0n, host: 0x7f10_0000_0000n }]);
    expect(memory.value.proof.translations).toBeGreaterThan(10);
    const read = await memory.value.readLinear(0x1ff8n, 16);
    expect(read.ok && [readU64(read.value.bytes, 0), readU64(read.value.bytes, 8), read.value.physical]).toEqual([
      0x6ff8n,
      0x7000n,
      0x6ff8n,
    ]);
    const physical = await memory.value.readPhysical(0x6000n, 4);
    expect(physical.ok && readU32(physical.value.bytes, 0)).toBe(0x6000);
    expect(await memory.value.readLinear(0x1_4000n, 1)).toMatchObject({ ok: false, refusal: { code: 'not-mapped' } });
    expect(await memory.value.readLinear(0x4000_0000n, 1)).toMatchObject({
      ok: false,
      refusal: { code: 'memory-unknown' },
    });
    expect(await memory.value.readPhysical(0xa0000n, 1)).toMatchObject({
      ok: false,
      refusal: { code: 'memory-unknown' },
    });
  });

  test('a copy of the memory with one page changed: a table page is told apart, any other leaves both in doubt', async () => {
    const bytes = guestBytes();
    const at = 0x7f10_0000_0000n;
    for (const [page, known] of [
      [0x4000, true],
      [0x9000, false],
    ] as const) {
      const decoy = bytes.slice();
      decoy.fill(0x5a, page, page + 4096);
      for (const order of [
        [decoy, bytes],
        [bytes, decoy],
      ] as const) {
        const mappings = order.map((one, index) => ({ at: at + BigInt(index) * 0x1000_0000n, bytes: one }));
        const memory = await openMemory(paging, vmm(paging, [{ physical: 0n, bytes }], mappings), [0x10n]);
        expect(memory.ok).toBe(known);
        if (!memory.ok)
          expect(memory.refusal).toMatchObject({
            code: 'memory-unknown',
            what: expect.stringContaining('more than one place'),
          });
        else expect(memory.value.proof.regions[0]?.host).toBe(mappings[order.indexOf(bytes)]?.at);
      }
    }
  });

  test('what lies beside the memory in the VMM is never taken for more of it', async () => {
    const bytes = guestBytes();
    const at = 0x7f10_0000_0000n;
    const beside = BigInt(bytes.length);
    for (const places of [
      [at, at + beside],
      [at, at - 8n * BigInt(MIB)],
      [at, at + beside, at + beside + 8n * BigInt(MIB)],
    ]) {
      const mappings = places.map((place, index) => ({ at: place, bytes: index === 0 ? bytes : other() }));
      const memory = await openMemory(paging, vmm(paging, [{ physical: 0n, bytes }], mappings), [0x10n]);
      if (!memory.ok) throw new Error(memory.refusal.what);
      expect(memory.value.proof.regions).toMatchObject([{ physical: 0n, bytes: beside, host: at }]);
      expect((await memory.value.readPhysical(beside, 1)).ok).toBe(false);
    }
  });

  test('what the VMM has right behind it in the same mapping is none of it: guests have whole MiB', async () => {
    const bytes = guestBytes();
    const heap = new Uint8Array(0x21000).fill(0x5a);
    const merged = new Uint8Array([...bytes, ...heap]);
    const mappings = [{ at: 0x7f10_0000_0000n, bytes: merged }];
    const memory = await openMemory(paging, vmm(paging, [{ physical: 0n, bytes }], mappings), [0x10n]);
    if (!memory.ok) throw new Error(memory.refusal.what);
    const end = BigInt(bytes.length);
    expect(memory.value.proof.regions).toMatchObject([{ physical: 0n, bytes: end }]);
    expect(await memory.value.readPhysical(end, 1)).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
    expect(await memory.value.readPhysical(end - 1n, 2)).toMatchObject({ ok: false });
  });

  test('KVM is asked for nothing but addresses that a CPU has used', async () => {
    const bytes = guestBytes();
    for (let page = 4; page < 16; page += 1) entry(bytes, 0x4000, page, BigInt(0x5000 + page * 4096) | (P & ~0x20n));
    const host = vmm(paging, [{ physical: 0n, bytes }], [{ at: 0x7f10_0000_0000n, bytes }]);
    expect((await openMemory(paging, host, [0x10n, 0x5000n])).ok).toBe(true);
    for (const linear of host.asked) expect(walkIn(bytes, paging, linear)).toMatchObject({ ok: true, accessed: true });
  });

  test('without paging, without tables that fit, or with a KVM that does not answer, nothing is known', async () => {
    const bytes = guestBytes();
    const mappings = [{ at: 0x7f10_0000_0000n, bytes }];
    const none = context(0x1000n, 0n, 0n, 0n);
    expect(await openMemory(none, vmm(none, [{ physical: 0n, bytes }], mappings), [0n])).toMatchObject({
      ok: false,
      refusal: {
        code: 'memory-unknown',
        what: expect.stringContaining('the guest has no paging on'),
        remedy: expect.stringContaining('dump-guest-memory'),
      },
    });
    const elsewhere = LONG(0x8000n);
    expect(await openMemory(elsewhere, vmm(elsewhere, [{ physical: 0n, bytes }], mappings), [0n])).toMatchObject({
      ok: false,
    });
    const silent = { ...vmm(paging, [{ physical: 0n, bytes }], mappings), translate: async () => null };
    expect(await openMemory(paging, silent, [0n])).toMatchObject({ ok: false, refusal: { code: 'memory-unknown' } });
  });

  test('memory above 4 GiB in a mapping of its own is known once a table in it has been walked', async () => {
    const GIB = 1n << 30n;
    const low: Mapping = { start: 0x7000_0000_0000n, end: 0x7000_0000_0000n + 3n * GIB };
    const high: Mapping = { start: 0x7100_0000_0000n, end: 0x7100_0000_0000n + GIB };
    const found = candidatesOf([low, high]).map(({ regions }) => regions);
    expect(found).toContainEqual([
      { physical: 0n, bytes: 3n * GIB, host: low.start },
      { physical: FOUR_GIB, bytes: GIB, host: high.start },
    ]);
    const one: Mapping = { start: 0x7000_0000_0000n, end: 0x7000_0000_0000n + 4n * GIB };
    expect(candidatesOf([one]).map(({ regions }) => regions)).toContainEqual([
      { physical: 0n, bytes: 2n * GIB, host: one.start },
      { physical: FOUR_GIB, bytes: 2n * GIB, host: one.start + 2n * GIB },
    ]);
  });
});
