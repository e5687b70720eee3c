import { readU32, readU64 } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import {
  ACCESSED,
  baseOf,
  canonicalAt,
  isCached,
  largePage,
  type PagingContext,
  PRESENT,
  reservedBits,
  tableIn,
  treeOf,
} from './paging.ts';

/** The guest's page tables, looked through from their root: what a CPU has used of them, and by which page memory is used. */

type Read = (address: bigint, bytes: number) => Promise<Uint8Array | null>;
type Tree = NonNullable<ReturnType<typeof treeOf>>;

/** Entries of a table that are present and that a CPU has used. A PDPTE of PAE has no Accessed flag. */
const usedEntries = ({ mode, entryBytes }: Tree, at: Tree['levels'][number], bytes: Uint8Array) => {
  const hasFlags = mode !== 'pae' || at.level !== 3;
  return Array.from({ length: 1 << at.indexBits }, (_, index) => ({
    index,
    entry: entryBytes === 4 ? BigInt(readU32(bytes, index * 4)) : readU64(bytes, index * 8),
  })).filter(({ entry }) => hasBit(entry, PRESENT) && (!hasFlags || hasBit(entry, ACCESSED)));
};

/** Linear addresses that the tables map and a CPU has used, and of each table so many entries at most, spread over it. */
export const usedAddresses = async (
  context: PagingContext,
  read: Read,
  { mostTables, ofTable }: { readonly mostTables: number; readonly ofTable: number },
): Promise<readonly bigint[]> => {
  const tree = treeOf(context);
  if (tree === null) return [];
  const { mode, root, levels, entryBytes, linearBits } = tree;
  const found: bigint[] = [];
  let tables = [{ table: root, linear: 0n }];
  for (const at of levels) {
    const next: { table: bigint; linear: bigint }[] = [];
    for (const { table, linear } of tables) {
      const bytes = await read(table, entryBytes << at.indexBits);
      if (bytes === null) continue;
      for (const { index, entry } of spread(usedEntries(tree, at, bytes), ofTable)) {
        const here = linear | (BigInt(index) << BigInt(at.shift));
        if (largePage(mode, at, entry, context)) found.push(canonicalAt(here, linearBits));
        else next.push({ table: tableIn(mode, entry, context.physicalBits), linear: here });
      }
    }
    tables = [...spread(next, mostTables)];
  }
  return found;
};

/** A table, the first linear address that it translates, and how many lead to it. */
export interface UsedTable {
  readonly physical: bigint;
  readonly linear: bigint;
  readonly depth: number;
}

/** Tables that are found are so many at most, whatever the bytes say. */
const MOST_FOUND = 1 << 16;

/** Tables that a CPU has used, from the root on; so many of them are read, and those of the last level are named without. */
export const usedTables = async (
  context: PagingContext,
  read: Read,
  mostRead: number,
): Promise<readonly UsedTable[]> => {
  const tree = treeOf(context);
  if (tree === null) return [];
  const { mode, root, levels, entryBytes } = tree;
  const found: UsedTable[] = [{ physical: root, linear: 0n, depth: 0 }];
  let reads = 0;
  for (const { physical, linear, depth } of found) {
    const at = levels[depth];
    if (at === undefined || depth === levels.length - 1) continue;
    if (reads === mostRead || found.length >= MOST_FOUND) break;
    reads += 1;
    const bytes = await read(physical, entryBytes << at.indexBits);
    for (const { index, entry } of bytes === null ? [] : usedEntries(tree, at, bytes)) {
      if (largePage(mode, at, entry, context)) continue;
      const here = linear | (BigInt(index) << BigInt(at.shift));
      found.push({ physical: tableIn(mode, entry, context.physicalBits), linear: here, depth: depth + 1 });
    }
  }
  return found;
};

/** A linear address that a CPU has used through a table; null: none. */
export const usedLeaf = async (context: PagingContext, read: Read, table: UsedTable): Promise<bigint | null> => {
  const tree = treeOf(context);
  if (tree === null) return null;
  const { mode, levels, entryBytes, linearBits } = tree;
  let { physical, linear } = table;
  for (const at of levels.slice(table.depth)) {
    const bytes = await read(physical, entryBytes << at.indexBits);
    const first = bytes === null ? undefined : usedEntries(tree, at, bytes)[0];
    if (first === undefined) return null;
    linear |= BigInt(first.index) << BigInt(at.shift);
    if (largePage(mode, at, first.entry, context)) return canonicalAt(linear, linearBits);
    physical = tableIn(mode, first.entry, context.physicalBits);
  }
  return null;
};

/** So many of them at most, the first and the last among them. */
export const spread = <T>(all: readonly T[], most: number): readonly T[] =>
  all.length <= most
    ? all
    : Array.from({ length: most }, (_, at) => all[Math.floor((at * (all.length - 1)) / (most - 1))] as T);

/** The tables that a search goes through, at most: 8 MiB of them. */
const MOST_TABLES = 2048;

/**
 * A linear address under which the guest uses a physical one as memory: every entry on the way is Accessed, and the last is
 * cached. Null: none is found, in as many tables as are looked at. The upper half goes first, where kernels map all memory.
 */
export const findAlias = async (context: PagingContext, physical: bigint, read: Read): Promise<bigint | null> => {
  const tree = treeOf(context);
  if (tree === null) return null;
  const { mode, root, levels, entryBytes, linearBits } = tree;
  const { physicalBits } = context;
  let tables = 0;
  const search = async (depth: number, table: bigint, linear: bigint): Promise<bigint | null> => {
    const at = levels[depth];
    if (at === undefined || tables >= MOST_TABLES) return null;
    tables += 1;
    const count = 1 << at.indexBits;
    const bytes = await read(table, count * entryBytes);
    if (bytes === null) return null;
    const below: (readonly [bigint, bigint])[] = [];
    for (let index = count - 1; index >= 0; index -= 1) {
      const entry = entryBytes === 4 ? BigInt(readU32(bytes, index * 4)) : readU64(bytes, index * 8);
      const isPdpte = mode === 'pae' && at.level === 3;
      if (!hasBit(entry, PRESENT) || !(isPdpte || hasBit(entry, ACCESSED))) continue;
      const ends = largePage(mode, at, entry, context);
      if ((entry & reservedBits(mode, at, ends, context, entry)) !== 0n) continue;
      const here = linear | (BigInt(index) << BigInt(at.shift));
      if (!ends) {
        below.push([tableIn(mode, entry, physicalBits), here]);
        continue;
      }
      const inside = physical - baseOf(mode, at, entry, physicalBits);
      if (!isCached(entry) || inside < 0n || inside >= 1n << BigInt(at.shift)) continue;
      return canonicalAt(here + inside, linearBits);
    }
    for (const [next, here] of below) {
      const found = await search(depth + 1, next, here);
      if (found !== null) return found;
    }
    return null;
  };
  return search(0, root, 0n);
};
