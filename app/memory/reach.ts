import { type PagingContext, walkLater } from './paging.ts';
import type { Proof, ProofPort, ProvenRegion } from './proof.ts';
import { hostAddress, type Mapping, MIB } from './regions.ts';
import { usedLeaf, usedTables } from './table-search.ts';

/**
 * How far memory that is proved is the guest's. Where two private parts of a VMM's memory lie side by side and are alike, the
 * kernel makes one mapping of them, and nothing says where one ends: what is taken for the guest's memory may have the VMM's own
 * behind it. So of the last region no more is known than up to the whole MiB of its last table that KVM itself has walked,
 * but where the mapping can hold nothing else, for it is of a file or set apart by a mark.
 */

export interface ReachPort extends ProofPort {
  /** Of each mapping in the order listed: whether it holds one thing alone. Null, or not there: not known. */
  bounds?(): Promise<readonly boolean[] | null>;
}

/** Where bytes of the guest lie in the VMM; null: they are not known, or not known to be the guest's. */
type HostOf = (physical: bigint, bytes: number) => Promise<bigint | null>;

export interface Reach {
  /** The MiB that the vCPU executes in is read too: code is fetched from memory alone. */
  readonly toRead: HostOf;
  /** As far as KVM has walked tables, or the mapping holds nothing else. */
  readonly toWrite: HostOf;
  /** Up to where memory is known of the region that an address lies in; null: it lies in none, or is known. */
  readonly endBefore: (physical: bigint) => bigint | null;
}

/** Tables that are read to find the highest, and those of the highest of which KVM is asked. */
const MOST_TABLES = 512;
const MOST_ASKED = 16;
const PAGE = 4096n;

interface Part {
  readonly region: ProvenRegion;
  /** Ends of what may be read and written: physical addresses. */
  toRead: bigint;
  toWrite: bigint;
}

const endOf = ({ physical, bytes }: ProvenRegion): bigint => physical + bytes;

/** The end of the whole MiB that an address lies in, within its region. */
const wholeMiB = (region: ProvenRegion, physical: bigint): bigint => {
  const end = (physical / MIB + 1n) * MIB;
  return end < endOf(region) ? end : endOf(region);
};

const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/**
 * @param mappings as they were listed
 * @param next linear address of the next instruction; null: not known
 */
export const reachOf = async (
  context: PagingContext,
  port: ReachPort,
  { regions }: Proof,
  mappings: readonly Mapping[],
  next: bigint | null,
): Promise<Reach> => {
  const lastPhysical = regions.reduce((last, { physical }) => later(last, physical), 0n);
  // Below another region that has tables a VMM has filled memory up to its gap.
  const parts = regions.map((region): Part => {
    const end = region.physical < lastPhysical ? endOf(region) : wholeMiB(region, region.lastWitness);
    return { region, toRead: end, toWrite: end };
  });
  const partOf = (physical: bigint): Part | undefined =>
    parts.find(({ region }) => physical >= region.physical && physical < endOf(region));
  const isOpen = ({ region, toWrite }: Part): boolean => toWrite < endOf(region);

  const pages = new Map<bigint, Promise<Uint8Array | null>>();
  /** Through all of what was laid: for tables alone, which KVM confirms. */
  const read = async (physical: bigint, bytes: number): Promise<Uint8Array | null> => {
    const host = hostAddress(regions, physical, bytes);
    if (host === null) return null;
    const base = host - (host % PAGE);
    const page = pages.get(base) ?? port.readHost(base, Number(PAGE));
    pages.set(base, page);
    const at = Number(host - base);
    return (await page)?.subarray(at, at + bytes) ?? null;
  };

  if (next !== null && parts.some(isOpen)) {
    const code = await walkLater(context, next, read);
    const part = code.ok && code.accessed ? partOf(code.physical) : undefined;
    if (code.ok && part !== undefined) part.toRead = later(part.toRead, wholeMiB(part.region, code.physical));
  }

  const known = (physical: bigint): void => {
    const part = partOf(physical);
    if (part === undefined) return;
    const end = wholeMiB(part.region, physical);
    part.toRead = later(part.toRead, end);
    part.toWrite = later(part.toWrite, end);
  };
  const byMarks = async (): Promise<void> => {
    const bounded = (await port.bounds?.()) ?? null;
    if (bounded?.length !== mappings.length) return;
    for (const part of parts) {
      const { host } = part.region;
      const at = mappings.findIndex(({ start, end }) => host >= start && host < end);
      if (bounded[at] === true) part.toRead = part.toWrite = endOf(part.region);
    }
  };
  const byTables = async (): Promise<void> => {
    const used = await usedTables(context, read, MOST_TABLES);
    const asked: bigint[] = [];
    for (const { region, toWrite } of parts.filter(isOpen)) {
      const highest = used
        .filter(({ physical }) => physical >= toWrite && physical < endOf(region))
        .sort((a, b) => (a.physical > b.physical ? -1 : 1));
      for (const table of highest.slice(0, MOST_ASKED)) {
        const leaf = await usedLeaf(context, read, table);
        if (leaf !== null) asked.push(leaf);
      }
    }
    const walks = await Promise.all(asked.map((linear) => walkLater(context, linear, read)));
    // KVM_TRANSLATE sets Accessed flags: where they are set already there is nothing to set.
    const wanted = walks.flatMap((walk, at) => (walk.ok && walk.accessed ? [{ walk, linear: asked[at] ?? 0n }] : []));
    if (wanted.length === 0) return;
    const answers = await port.translate(wanted.map(({ linear }) => linear));
    for (const [at, { walk }] of wanted.entries()) {
      const said = answers?.[at];
      if (said?.valid === true && said.physical === walk.physical) for (const { address } of walk.steps) known(address);
    }
  };
  let further: Promise<void> | null = null;
  const lookFurther = async (): Promise<void> => {
    if (parts.some(isOpen)) await byMarks();
    if (parts.some(isOpen)) await byTables();
  };

  const hostOf =
    (end: 'toRead' | 'toWrite'): HostOf =>
    async (physical, bytes) => {
      const host = hostAddress(regions, physical, bytes);
      if (host === null) return null;
      const part = partOf(physical);
      const isKnown = (): boolean => part !== undefined && physical + BigInt(bytes) <= part[end];
      if (isKnown()) return host;
      further ??= lookFurther();
      await further;
      return isKnown() ? host : null;
    };
  return {
    toRead: hostOf('toRead'),
    toWrite: hostOf('toWrite'),
    endBefore: (physical) => {
      const part = partOf(physical);
      return part === undefined || physical < part.toRead ? null : part.toRead;
    },
  };
};
