import type { Random } from './random.ts';

/** Page tables of a mode, made by chance, that map the last 64 KiB below 1 MiB to themselves. */

interface Level {
  /** Lowest bit of the linear address that indexes the table. */
  readonly shift: number;
  readonly entries: number;
  /** Present entries that lead to a table, and such as end the walk with a large page. */
  readonly tables: number;
  readonly large: number;
}

interface Mode {
  readonly name: string;
  readonly entryBytes: 4 | 8;
  readonly linearBits: number;
  readonly levels: readonly Level[];
  /** Of the last level: present entries, beside those of the ROM. */
  readonly pages: number;
  readonly cr0: bigint;
  readonly cr4: bigint;
  /** What is set in EFER. */
  readonly efer: bigint;
  /** The highest physical address that a page of that size may have. */
  readonly reach: (pageBytes: bigint) => bigint;
}

const PG_PE = 0x80000001n;
const [PSE, PAE, LA57] = [0x10n, 0x20n, 0x1000n];
const LME_NXE = 0x900n;
const NXE = 0x800n;
const wide = () => 1n << 40n;
const low = () => 1n << 32n;
const LONG_LEVELS = [
  { shift: 39, entries: 512, tables: 3, large: 0 },
  { shift: 30, entries: 512, tables: 3, large: 2 },
  { shift: 21, entries: 512, tables: 3, large: 6 },
];

/** The modes in which a CPU pages. (Intel SDM vol. 3, 5.1.1) */
export const PAGING_MODES = {
  '4-level': {
    name: '4-level',
    entryBytes: 8,
    linearBits: 48,
    levels: LONG_LEVELS,
    pages: 24,
    cr0: PG_PE,
    cr4: PAE,
    efer: LME_NXE,
    reach: wide,
  },
  '5-level': {
    name: '5-level',
    entryBytes: 8,
    linearBits: 57,
    levels: [{ shift: 48, entries: 512, tables: 2, large: 0 }, ...LONG_LEVELS],
    pages: 12,
    cr0: PG_PE,
    cr4: PAE | LA57,
    efer: LME_NXE,
    reach: wide,
  },
  pae: {
    name: 'PAE',
    entryBytes: 8,
    linearBits: 32,
    levels: [
      { shift: 30, entries: 4, tables: 3, large: 0 },
      { shift: 21, entries: 512, tables: 10, large: 24 },
    ],
    pages: 30,
    cr0: PG_PE,
    cr4: PAE,
    efer: NXE,
    reach: wide,
  },
  pse: {
    name: '32-bit with 4 MiB pages',
    entryBytes: 4,
    linearBits: 32,
    levels: [{ shift: 22, entries: 1024, tables: 16, large: 40 }],
    pages: 60,
    cr0: PG_PE,
    cr4: PSE,
    efer: 0n,
    reach: (pageBytes) => (pageBytes > 4096n ? wide() : low()),
  },
  '32-bit': {
    name: '32-bit without 4 MiB pages',
    entryBytes: 4,
    linearBits: 32,
    levels: [{ shift: 22, entries: 1024, tables: 24, large: 0 }],
    pages: 60,
    cr0: PG_PE,
    cr4: 0n,
    efer: 0n,
    reach: low,
  },
} as const satisfies Readonly<Record<string, Mode>>;

export type PagedMode = keyof typeof PAGING_MODES;

/** Guest memory that is loaded, and in which tables and pages lie. Both addresses are multiples of 2 MiB. */
export interface Window {
  readonly physical: bigint;
  readonly bytes: Buffer;
}

export interface Mapped {
  readonly linear: bigint;
  readonly physical: bigint;
  readonly bytes: bigint;
}

export interface RandomTables {
  readonly cr3: bigint;
  /** In the order of their linear addresses. */
  readonly mapped: readonly Mapped[];
}

const [PRESENT, WRITABLE, ACCESSED, PAGE_SIZE, NO_EXECUTE] = [1n, 2n, 0x20n, 0x80n, 1n << 63n];
const PAGE = 4096n;
const ROM_PAGES = { first: 0xf0, count: 16 } as const;

const canonical = (linear: bigint, bits: number): bigint =>
  bits === 32 ? linear : BigInt.asUintN(64, BigInt.asIntN(bits, linear));

/** A number of so many bits. */
const bitsOf = (random: Random, bits: number): bigint => {
  let value = 0n;
  for (let done = 0; done < bits; done += 16) value = (value << 16n) | BigInt(random.below(1 << 16));
  return BigInt.asUintN(bits, value);
};

/** Indices that differ, the first of them 0 where it is asked for. */
const distinct = (random: Random, count: number, below: number, withZero: boolean): number[] => {
  const found = new Set<number>(withZero ? [0] : []);
  while (found.size < Math.min(count, below)) found.add(random.below(below));
  return [...found];
};

/**
 * Writes tables into the windows and gives what they map. Every entry that is not present is garbage, every bit that a CPU ignores is by chance.
 * @param memoryEnd the end of the guest's memory: a few pages lie behind it
 */
export const writeTables = (
  random: Random,
  mode: Mode,
  windows: readonly Window[],
  memoryEnd: bigint,
): RandomTables => {
  const mapped: Mapped[] = [];
  const { entryBytes, levels, linearBits } = mode;
  const is64 = linearBits > 32;
  const chance = (percent: number, bit: bigint): bigint => (random.below(100) < percent ? bit : 0n);
  const reserved = new Set<bigint>();
  const within = (reach: bigint): readonly Window[] => windows.filter(({ physical }) => physical < reach);
  const pageFor = (reach: bigint): { readonly physical: bigint; readonly bytes: Buffer } => {
    for (;;) {
      const window = random.pick(within(reach));
      const offset = random.below(window.bytes.length / Number(PAGE)) * Number(PAGE);
      const physical = window.physical + BigInt(offset);
      if (reserved.has(physical)) continue;
      reserved.add(physical);
      return { physical, bytes: window.bytes.subarray(offset, offset + Number(PAGE)) };
    }
  };
  const put = (table: Buffer, index: number, entry: bigint): void => {
    if (entryBytes === 8) table.writeBigUInt64LE(entry, index * 8);
    else table.writeUInt32LE(Number(entry), index * 4);
  };
  /** What a CPU ignores in every entry, and caching. */
  const ignored = (): bigint =>
    (bitsOf(random, 3) << 9n) | (is64 ? bitsOf(random, 7) << 52n : 0n) | chance(10, 8n) | chance(10, 0x10n);
  const rights = (isRom: boolean): bigint => {
    if (isRom) return WRITABLE | ACCESSED;
    const noExecute = entryBytes === 8 ? chance(30, NO_EXECUTE) : 0n;
    return chance(70, WRITABLE) | chance(30, 4n) | chance(85, ACCESSED) | chance(40, 0x40n) | noExecute;
  };
  const target = (bytes: bigint): bigint => {
    if (bytes === PAGE && memoryEnd < mode.reach(PAGE) && random.below(40) === 0)
      return memoryEnd + BigInt(random.below(1000)) * PAGE;
    const { physical, bytes: held } = random.pick(within(mode.reach(bytes)));
    const at = physical + BigInt(random.below(held.length));
    return at - (at % bytes);
  };
  const leaf = (table: Buffer, index: number, linear: bigint, shift: number): void => {
    const bytes = 1n << BigInt(shift);
    const physical = target(bytes);
    // Bits 32 to 39 of a 4 MiB page stand in bits 13 to 20.
    const address =
      linearBits === 32 && entryBytes === 4 ? (physical & 0xffffffffn) | ((physical >> 32n) << 13n) : physical;
    // Of a page of 4 KiB bit 7 is PAT, of a larger one bit 12.
    const kind = bytes === PAGE ? chance(20, PAGE_SIZE) : PAGE_SIZE | chance(20, 0x1000n);
    put(table, index, address | PRESENT | rights(false) | chance(20, 0x100n) | ignored() | kind);
    mapped.push({ linear: canonical(linear, linearBits), physical, bytes });
  };
  const lastTable = (linear: bigint, isRom: boolean): bigint => {
    const { physical, bytes } = pageFor(mode.reach(PAGE));
    const entries = Number(PAGE) / entryBytes;
    for (let index = 0; index < entries; index += 1) put(bytes, index, bitsOf(random, entryBytes * 8) & ~PRESENT);
    const isOfRom = (index: number) => isRom && index >= ROM_PAGES.first && index < ROM_PAGES.first + ROM_PAGES.count;
    for (const index of distinct(random, mode.pages, entries, false)) {
      if (!isOfRom(index)) leaf(bytes, index, linear | (BigInt(index) << 12n), 12);
    }
    for (let page = 0; isRom && page < ROM_PAGES.count; page += 1) {
      const at = BigInt(ROM_PAGES.first + page) << 12n;
      put(bytes, ROM_PAGES.first + page, at | PRESENT | rights(true));
      mapped.push({ linear: at, physical: at, bytes: PAGE });
    }
    return physical;
  };
  const tableAt = (depth: number, linear: bigint, isRom: boolean): bigint => {
    const level = levels[depth];
    if (level === undefined) return lastTable(linear, isRom);
    // CR3 is set by code of 32 bits, and holds as many outside long mode.
    const { physical, bytes } = pageFor(depth === 0 ? low() : mode.reach(PAGE));
    const isPdpt = level.entries === 4;
    for (let index = 0; index < Number(PAGE) / entryBytes; index += 1)
      put(bytes, index, bitsOf(random, entryBytes * 8) & ~PRESENT);
    const chosen = distinct(random, level.tables + level.large, level.entries, isRom);
    for (const [order, index] of chosen.entries()) {
      const at = linear | (BigInt(index) << BigInt(level.shift));
      if (order >= level.tables) {
        leaf(bytes, index, at, level.shift);
        continue;
      }
      const leadsToRom = isRom && index === 0;
      const next = tableAt(depth + 1, at, leadsToRom);
      // Where no page is larger than 4 KiB, a CPU of 32-bit paging ignores bit 7. A PDPTE of PAE has neither rights nor accessed.
      const size = mode.cr4 === 0n ? chance(30, PAGE_SIZE) : 0n;
      put(bytes, index, next | PRESENT | (isPdpt ? 0n : rights(leadsToRom) | ignored() | size));
    }
    return physical;
  };
  const cr3 = tableAt(0, 0n, true);
  mapped.sort((a, b) => (a.linear < b.linear ? -1 : 1));
  return { cr3, mapped };
};

/** A linear address by chance: on a page, at its end, near one, or anywhere. */
export const randomAddress = (random: Random, { linearBits }: Mode, { mapped }: RandomTables): bigint => {
  const { linear, bytes } = random.pick(mapped);
  const kind = random.below(10);
  if (kind < 6) return linear + (bitsOf(random, 48) % bytes);
  if (kind === 6) return BigInt.asUintN(64, linear + bytes - BigInt(random.below(16)));
  if (kind < 9) {
    const flipped = linear ^ (1n << BigInt(12 + random.below(linearBits - 12)));
    return canonical(BigInt.asUintN(linearBits, flipped), linearBits) + BigInt(random.below(4096));
  }
  return bitsOf(random, random.below(2) === 0 ? 32 : 64);
};
