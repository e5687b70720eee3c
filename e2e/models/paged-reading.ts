import { expect } from 'playwright/test';
import type { WalkedMemory } from '../../app/memory/walked-memory.ts';
import { PagedGuest } from './paged-guest.ts';
import type { Random } from './random.ts';
import {
  type Mapped,
  PAGING_MODES,
  type PagedMode,
  type RandomTables,
  type Window,
  writeTables,
} from './random-tables.ts';

/** Guests of which tables by chance are loaded, and what is to be read through those. */

/** Of each window. */
export const WINDOW_BYTES = 2n << 20n;

/** Windows of 2 MiB that hold bytes by chance. */
export const windowsAt = (random: Random, starts: readonly bigint[]): Window[] =>
  starts.map((physical) => {
    const bytes = Buffer.alloc(Number(WINDOW_BYTES));
    for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE(random.below(2 ** 32), at);
    return { physical, bytes };
  });

/** The page that holds an address, of a list in the order of its linear addresses. */
const pageOf = (mapped: readonly Mapped[], linear: bigint): Mapped | null => {
  let [from, to] = [0, mapped.length];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    if ((mapped[middle]?.linear ?? 0n) <= linear) from = middle;
    else to = middle;
  }
  const page = mapped[from];
  return page !== undefined && linear >= page.linear && linear - page.linear < page.bytes ? page : null;
};

/** What a read of a linear range comes to. */
export type Outcome = { readonly bytes: string; readonly physical: bigint } | 'not-mapped' | 'memory-unknown';

/** What QEMU's pages and bytes say of a linear range. `known` gives bytes of one page; null: there is no memory. */
export const expected = (
  mapped: readonly Mapped[],
  linear: bigint,
  bytes: number,
  known: (physical: bigint, bytes: number) => Buffer | null,
): Outcome => {
  const parts: Buffer[] = [];
  let physical: bigint | null = null;
  let isUnknown = false;
  for (let done = 0; done < bytes; ) {
    const at = BigInt.asUintN(64, linear + BigInt(done));
    const page = pageOf(mapped, at);
    if (page === null) return 'not-mapped';
    const inside = at - page.linear;
    const left = page.bytes - inside;
    const some = left < BigInt(bytes - done) ? Number(left) : bytes - done;
    const part = known(page.physical + inside, some);
    if (part === null) isUnknown = true;
    else parts.push(part);
    physical ??= page.physical + inside;
    done += some;
  }
  if (isUnknown) return 'memory-unknown';
  return { bytes: Buffer.concat(parts).toString('hex'), physical: physical ?? 0n };
};

/** What we make of it. */
export const outcome = async (memory: WalkedMemory, linear: bigint, bytes: number): Promise<Outcome | string> => {
  const read = await memory.readLinear(linear, bytes);
  if (!read.ok) return read.refusal.code;
  return { bytes: Buffer.from(read.value.bytes).toString('hex'), physical: read.value.physical ?? 0n };
};

/** `info tlb` cuts a physical address to 32 bits where 4 MiB pages reach 40. */
const asPrinted = (mode: PagedMode, physical: bigint): bigint =>
  mode === 'pse' ? BigInt.asUintN(32, physical) : physical;

/** QEMU sees the very pages that were written, all of them and no others. */
export const expectSamePages = async (guest: PagedGuest, mode: PagedMode, { mapped }: RandomTables): Promise<void> => {
  const pages = await guest.pages();
  pages.sort((a, b) => (a.linear < b.linear ? -1 : 1));
  const words = (linear: bigint, physical: bigint) => `${linear.toString(16)} ${physical.toString(16)}`;
  expect(pages.map(({ linear, physical }) => words(linear, physical))).toEqual(
    mapped.map(({ linear, physical }) => words(linear, asPrinted(mode, physical))),
  );
};

/** A guest with tables by chance in windows of its memory. */
export const started = async (
  mode: PagedMode,
  random: Random,
  starts: readonly bigint[],
  end: bigint,
  machine: readonly string[],
  accelerator: 'tcg' | 'kvm' = 'tcg',
  through: readonly string[] = [],
) => {
  const windows = windowsAt(random, starts);
  const shape = PAGING_MODES[mode];
  const tables = writeTables(random, shape, windows, end);
  const { cr0, cr4, efer } = shape;
  const guest = await PagedGuest.start({ cr0, cr3: tables.cr3, cr4, efer, windows, machine, accelerator, through });
  return { windows, shape, tables, guest };
};
