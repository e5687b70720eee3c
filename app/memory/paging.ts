import { readU32, readU64 } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import type { ControlRegisters } from '../capture/capture.ts';

/**
 * The guest's own page tables, walked as a CPU walks them for a supervisor read. (Intel SDM vol. 3, 5.3 to 5.5; AMD APM
 * vol. 2, 5.2 and 5.3.) Nothing is written: Accessed and Dirty flags are read as they stand.
 */

export type PagingMode = 'none' | '32-bit' | 'pae' | '4-level' | '5-level';

/** What the walk needs of a vCPU. Physical addresses have `physicalBits`: CPUID 0x80000008 EAX[7:0], 36 where it is not known. */
export interface PagingContext {
  readonly control: Pick<ControlRegisters, 'cr0' | 'cr3' | 'cr4' | 'efer'>;
  readonly physicalBits: number;
  /** CPUID 0x80000001 EDX[26]: without it an entry that maps 1 GiB has a reserved bit set. Left out: there are such pages. */
  readonly hasGigabytePages?: boolean;
}

/** A table entry that the walk asks for: guest physical address, and its size in bytes. */
export interface EntryRead {
  readonly address: bigint;
  readonly bytes: 4 | 8;
}

/** One table entry that was read. Level 1 is the page table; of PAE the PDPT is level 3. */
export interface WalkStep {
  readonly level: number;
  /** Guest physical address of the entry. */
  readonly address: bigint;
  readonly entry: bigint;
}

export interface Page {
  readonly physical: bigint;
  /** From `physical` to the end of its page the translation is the same. */
  readonly pageBytes: number;
  readonly writable: boolean;
  readonly user: boolean;
  readonly executable: boolean;
  /** The Accessed flag stands in every entry of the walk: a CPU has used this translation. */
  readonly accessed: boolean;
  readonly dirty: boolean;
  readonly global: boolean;
  /** PWT and PCD are clear: the guest takes it for memory, not for a device. */
  readonly cached: boolean;
  readonly steps: readonly WalkStep[];
}

/** Why an address has no translation, and at which level of the tables. */
export interface WalkFault {
  readonly fault: 'not-canonical' | 'not-present' | 'reserved-bit' | 'no-memory';
  readonly level: number;
  /** The first address behind it that is not ruled out by the same entry; null: there is none. */
  readonly next: bigint | null;
  readonly steps: readonly WalkStep[];
}

export type Walk = ({ readonly ok: true } & Page) | ({ readonly ok: false } & WalkFault);

const CR0_PG = 31;
const CR4_PSE = 4;
const CR4_PAE = 5;
const CR4_LA57 = 12;
const EFER_LMA = 10;
const EFER_NXE = 11;

/** Flags of an entry. (SDM vol. 3, tables 5-15 to 5-20) */
/** The entry is one. */
export const PRESENT = 0;
const WRITABLE = 1;
const USER = 2;
const WRITE_THROUGH = 3;
const CACHE_DISABLE = 4;
/** A CPU has used it. */
export const ACCESSED = 5;
const DIRTY = 6;
const LARGE = 7;
const GLOBAL = 8;
const NO_EXECUTE = 63;

/** How linear addresses are translated, by CR0, CR4 and EFER. (SDM vol. 3, 5.1.1) */
export const pagingMode = ({ control }: Pick<PagingContext, 'control'>): PagingMode => {
  const { cr0, cr4, efer } = control;
  if (!hasBit(cr0, CR0_PG)) return 'none';
  if (!hasBit(cr4, CR4_PAE)) return '32-bit';
  if (!hasBit(efer, EFER_LMA)) return 'pae';
  return hasBit(cr4, CR4_LA57) ? '5-level' : '4-level';
};

const bitsBetween = (low: number, high: number): bigint =>
  high <= low ? 0n : ((1n << BigInt(high - low)) - 1n) << BigInt(low);

/** One level of a mode: how an address is cut, and where a large page may end the walk. */
interface Level {
  readonly level: number;
  /** Lowest bit of the linear address that indexes this table; also log2 of a page that ends here. */
  readonly shift: number;
  readonly indexBits: number;
  readonly mayEnd: boolean;
}

interface Scheme {
  readonly levels: readonly Level[];
  readonly entryBytes: 4 | 8;
  readonly linearBits: number;
}

const long = (top: number): Scheme => ({
  levels: Array.from({ length: top }, (_, at) => {
    const level = top - at;
    return { level, shift: 12 + 9 * (level - 1), indexBits: 9, mayEnd: level <= 3 };
  }),
  entryBytes: 8,
  linearBits: 12 + 9 * top,
});

const SCHEMES: Readonly<Record<Exclude<PagingMode, 'none'>, Scheme>> = {
  '32-bit': {
    levels: [
      { level: 2, shift: 22, indexBits: 10, mayEnd: true },
      { level: 1, shift: 12, indexBits: 10, mayEnd: true },
    ],
    entryBytes: 4,
    linearBits: 32,
  },
  pae: {
    levels: [
      { level: 3, shift: 30, indexBits: 2, mayEnd: false },
      { level: 2, shift: 21, indexBits: 9, mayEnd: true },
      { level: 1, shift: 12, indexBits: 9, mayEnd: true },
    ],
    entryBytes: 8,
    linearBits: 32,
  },
  '4-level': long(4),
  '5-level': long(5),
};

/** The end of what an entry of this level maps. */
const behind = ({ linearBits }: Scheme, { shift }: Level, linear: bigint): bigint | null => {
  const end = ((linear >> BigInt(shift)) + 1n) << BigInt(shift);
  return end >> BigInt(linearBits === 32 ? 32 : 64) === 0n ? end : null;
};

/** The upper half of the addresses of 64-bit modes. */
const upperHalf = ({ linearBits }: Scheme): bigint | null =>
  linearBits === 32 ? null : (1n << 64n) - (1n << BigInt(linearBits - 1));

const isCanonical = (address: bigint, bits: number): boolean =>
  BigInt.asUintN(64, BigInt.asIntN(bits, address)) === BigInt.asUintN(64, address);

/** Bits that must be 0 in an entry. What the CPU ignores is not among them. */
export const reservedBits = (
  mode: PagingMode,
  at: Level,
  ends: boolean,
  context: PagingContext,
  entry: bigint,
): bigint => {
  const { control, physicalBits } = context;
  if (mode === '32-bit') {
    // PSE-36: bits 13 to 20 of a 4 MiB entry are bits 32 to 39 of the address, bit 21 is reserved.
    return ends && at.level === 2 ? bitsBetween(13 + Math.max(0, Math.min(physicalBits, 40) - 32), 22) : 0n;
  }
  const noExecute = hasBit(control.efer, EFER_NXE) ? 0n : 1n << BigInt(NO_EXECUTE);
  if (mode === 'pae') {
    // Bit 5 is reserved there too, but QEMU's emulated CPU sets it as if it were Accessed (mmu_translate).
    if (at.level === 3) return bitsBetween(physicalBits, 64) | bitsBetween(1, 3) | bitsBetween(6, 9);
    return bitsBetween(physicalBits, 63) | noExecute | (ends && at.level === 2 ? bitsBetween(13, 21) : 0n);
  }
  const high = bitsBetween(physicalBits, 52) | noExecute;
  const mayBeLarge = at.mayEnd && (at.level < 3 || context.hasGigabytePages !== false);
  const isLargeBit = hasBit(entry, LARGE) && !mayBeLarge ? 1n << BigInt(LARGE) : 0n;
  return high | isLargeBit | (ends && at.level > 1 ? bitsBetween(13, at.shift) : 0n);
};

/** Whether an entry ends the walk with a page. */
export const largePage = (mode: PagingMode, at: Level, entry: bigint, context: PagingContext): boolean =>
  at.level === 1 || (at.mayEnd && hasBit(entry, LARGE) && (mode !== '32-bit' || hasBit(context.control.cr4, CR4_PSE)));

/** Whether its page is memory to the guest, not a device. */
export const isCached = (entry: bigint): boolean => !hasBit(entry, WRITE_THROUGH) && !hasBit(entry, CACHE_DISABLE);

/** Where the page of an entry begins. */
export const baseOf = (mode: PagingMode, at: Level, entry: bigint, physicalBits: number): bigint => {
  if (mode === '32-bit') {
    if (at.level === 1) return entry & 0xfffff000n;
    return (entry & 0xffc00000n) | (((entry >> 13n) & 0xffn) << 32n);
  }
  return entry & bitsBetween(at.shift, Math.min(physicalBits, 52));
};

/** The table that an entry leads to. */
export const tableIn = (mode: PagingMode, entry: bigint, physicalBits: number): bigint =>
  mode === '32-bit' ? entry & 0xfffff000n : entry & bitsBetween(12, Math.min(physicalBits, 52));

/** The address with the bits above those that are translated. */
export const canonicalAt = (address: bigint, linearBits: number): bigint =>
  linearBits === 32 ? address : BigInt.asUintN(64, BigInt.asIntN(linearBits, address));

/** The tables of a mode, from CR3 on; null: there are none. */
export const treeOf = ({ control }: PagingContext) => {
  const mode = pagingMode({ control });
  if (mode === 'none') return null;
  const root = mode === 'pae' ? control.cr3 & 0xffffffe0n : control.cr3 & bitsBetween(12, mode === '32-bit' ? 32 : 52);
  return { mode, root, ...SCHEMES[mode] };
};

/**
 * The translation of a linear address, or where the walk ended. Without paging it is the address itself, of 32 bits. Whoever
 * drives it answers each read with its bytes, or with null where no memory is known.
 */
export function* walk(context: PagingContext, linear: bigint): Generator<EntryRead, Walk, Uint8Array | null> {
  const mode = pagingMode(context);
  if (mode === 'none') {
    const physical = BigInt.asUintN(32, linear);
    const flags = { writable: true, user: true, executable: true, accessed: true, dirty: true, global: false };
    return { ok: true, physical, pageBytes: 4096, ...flags, cached: true, steps: [] };
  }
  const scheme = SCHEMES[mode];
  const steps: WalkStep[] = [];
  if (scheme.linearBits === 32 ? linear >> 32n !== 0n : !isCanonical(linear, scheme.linearBits)) {
    return { ok: false, fault: 'not-canonical', level: 0, next: upperHalf(scheme), steps };
  }
  const { control, physicalBits } = context;
  let table = mode === 'pae' ? control.cr3 & 0xffffffe0n : control.cr3 & bitsBetween(12, mode === '32-bit' ? 32 : 52);
  let flags = { writable: true, user: true, executable: true, accessed: true };
  for (const at of scheme.levels) {
    const index = (linear >> BigInt(at.shift)) & ((1n << BigInt(at.indexBits)) - 1n);
    const address = table + index * BigInt(scheme.entryBytes);
    const next = behind(scheme, at, linear);
    const bytes = yield { address, bytes: scheme.entryBytes };
    if (bytes === null) return { ok: false, fault: 'no-memory', level: at.level, next, steps };
    const entry = scheme.entryBytes === 4 ? BigInt(readU32(bytes, 0)) : readU64(bytes, 0);
    steps.push({ level: at.level, address, entry });
    if (!hasBit(entry, PRESENT)) return { ok: false, fault: 'not-present', level: at.level, next, steps };
    const ends = largePage(mode, at, entry, context);
    if ((entry & reservedBits(mode, at, ends, context, entry)) !== 0n) {
      return { ok: false, fault: 'reserved-bit', level: at.level, next, steps };
    }
    // A PDPTE of PAE has none of these flags.
    const isPdpte = mode === 'pae' && at.level === 3;
    if (!isPdpte) {
      flags = {
        writable: flags.writable && hasBit(entry, WRITABLE),
        user: flags.user && hasBit(entry, USER),
        executable: flags.executable && !(scheme.entryBytes === 8 && hasBit(entry, NO_EXECUTE)),
        accessed: flags.accessed && hasBit(entry, ACCESSED),
      };
    }
    if (!ends) {
      table = tableIn(mode, entry, physicalBits);
      continue;
    }
    const pageBytes = 2 ** at.shift;
    const offset = linear & BigInt(pageBytes - 1);
    const physical = baseOf(mode, at, entry, physicalBits) + offset;
    return {
      ok: true,
      physical,
      pageBytes,
      ...flags,
      dirty: hasBit(entry, DIRTY),
      global: hasBit(entry, GLOBAL),
      cached: isCached(entry),
      steps,
    };
  }
  return { ok: false, fault: 'not-present', level: 0, next: null, steps };
}

/** The walk over memory that is read later, as over the helper. */
export const walkLater = async (
  context: PagingContext,
  linear: bigint,
  read: (address: bigint, bytes: number) => Promise<Uint8Array | null>,
): Promise<Walk> => {
  const steps = walk(context, linear);
  let next = steps.next();
  while (next.done !== true) next = steps.next(await read(next.value.address, next.value.bytes));
  return next.value;
};

/** A table's short name, and which of its entries a step has read. */
export interface NamedStep {
  readonly table: string;
  readonly index: number;
  readonly entry: bigint;
}

const TABLE_NAMES: Readonly<Record<number, string>> = { 5: 'PML5', 4: 'PML4', 3: 'PDPT', 2: 'PD', 1: 'PT' };

/** Steps of a walk to a linear address, as they are written down. */
export const nameSteps = (
  control: PagingContext['control'],
  linear: bigint,
  steps: readonly WalkStep[],
): readonly NamedStep[] => {
  const mode = pagingMode({ control });
  if (mode === 'none') return [];
  return steps.map(({ level, entry }) => {
    const at = SCHEMES[mode].levels.find((one) => one.level === level);
    const index = at === undefined ? 0n : (linear >> BigInt(at.shift)) & ((1n << BigInt(at.indexBits)) - 1n);
    return { table: TABLE_NAMES[level] ?? '', index: Number(index), entry };
  });
};

const CR4_PKE = 22;
const CR4_PKS = 24;
const KEY_SHIFT = 59n;

/** The protection key of a page: bits 59 to 62 of its entry in 64-bit modes, where they are on for such pages. (SDM vol. 3, 5.6.2) */
export const protectionKey = (control: PagingContext['control'], { user, steps }: Page): number | null => {
  const mode = pagingMode({ control });
  const last = steps.at(-1);
  if (last === undefined || (mode !== '4-level' && mode !== '5-level')) return null;
  return hasBit(control.cr4, user ? CR4_PKE : CR4_PKS) ? Number((last.entry >> KEY_SHIFT) & 0xfn) : null;
};

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  5: 'PML5',
  4: 'PML4',
  3: 'PDPT',
  2: 'page directory',
  1: 'page table',
};

/** Why an address has no translation, as the end of a sentence. */
export const describeFault = ({ fault, level }: WalkFault): string => {
  const where = LEVEL_NAMES[level] ?? 'tables';
  switch (fault) {
    case 'not-canonical':
      return 'it is no address of this paging mode';
    case 'not-present':
      return `no page is mapped there: its entry in the ${where} is not present`;
    case 'reserved-bit':
      return `its entry in the ${where} has a reserved bit set`;
    case 'no-memory':
      return `its ${where} lies where no memory is known`;
  }
};
