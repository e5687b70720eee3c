/**
 * Where a VMM keeps its guest's memory. KVM does not tell its memory slots, so what is here are candidates, drawn up from
 * the VMM's own mappings by the layouts that VMMs are known to use. A candidate is nothing before it is proved (proof.ts).
 */

/** A part of guest physical memory, and where it lies in the VMM. Bytes and addresses. */
export interface Region {
  readonly physical: bigint;
  readonly bytes: bigint;
  readonly host: bigint;
}

/** A readable and writable mapping of the VMM that could hold guest memory. */
export interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
}

/** Regions that do not overlap, in the order of their physical addresses. */
export interface Candidate {
  readonly name: string;
  readonly regions: readonly Region[];
}

/** Guests have whole ones of them. */
export const MIB = 1n << 20n;
const GIB = 1n << 30n;
/** Where memory goes on above the hole for devices, in bytes. */
export const FOUR_GIB = 4n * GIB;

/** Physical addresses at which a VMM has devices and no memory: what does not fit below goes on behind. */
interface Gap {
  readonly start: bigint;
  readonly end: bigint;
}

/** Where the guest's memory has gaps, by what a VMM publishes. Addresses are physical ones, in bytes. */
export interface Layout {
  readonly name: string;
  /** In the order of their addresses. */
  readonly gaps: readonly Gap[];
}

const below4GiB = (start: bigint): Gap => ({ start, end: FOUR_GIB });

/**
 * What VMMs are published to do. QEMU's pc has 3 GiB low if there is 3.5 GiB or more, else all of it (hw/i386/pc_piix.c); q35 2 GiB from
 * 2.75 GiB on, else all of it (hw/i386/pc_q35.c); microvm 3 GiB. Cloud Hypervisor has 3 GiB (arch/src/x86_64/layout.rs,
 * MEM_32BIT_RESERVED_START), newer Firecracker too, with a second gap from 256 GiB on; older had 3.25 GiB
 * (src/vmm/src/arch/x86_64/layout.rs, MMIO32_MEM_START, MMIO64_MEM_START), as kvmtool and crosvm have (END_ADDR_BEFORE_32BITS).
 */
export const LAYOUTS: readonly Layout[] = [
  { name: 'QEMU pc and microvm, Cloud Hypervisor', gaps: [below4GiB(3n * GIB)] },
  { name: 'Firecracker', gaps: [below4GiB(3n * GIB), { start: 256n * GIB, end: 512n * GIB }] },
  { name: 'QEMU q35', gaps: [below4GiB(2n * GIB)] },
  { name: 'QEMU q35, all of it low', gaps: [below4GiB(2n * GIB + 768n * MIB)] },
  { name: 'kvmtool, crosvm, older Firecracker', gaps: [below4GiB(3n * GIB + 256n * MIB)] },
  { name: 'QEMU pc, all of it low', gaps: [below4GiB(3n * GIB + 512n * MIB)] },
];

const LEAST_BYTES = MIB;
/** Nodes of one guest that are tried in any order; above it only in the order of their addresses, and back. */
const MOST_PERMUTED = 4;
const MOST_MAPPINGS = 12;

const sizeOf = ({ start, end }: Mapping): bigint => end - start;

/** Mappings that touch each other, as where the kernel has split one for its own reasons: lists of two and more. */
const touching = (mappings: readonly Mapping[]): readonly (readonly Mapping[])[] => {
  const runs: Mapping[][] = [];
  for (const one of [...mappings].sort((a, b) => (a.start < b.start ? -1 : 1))) {
    const run = runs.at(-1);
    if (run?.at(-1)?.end === one.start) run.push(one);
    else runs.push([one]);
  }
  return runs.filter((run) => run.length > 1);
};

/** The pieces laid one after another from 0, what does not fit below a gap from its end on. */
const laid = (pieces: readonly Mapping[], { gaps }: Layout): readonly Region[] => {
  const regions: Region[] = [];
  let at = 0n;
  for (const piece of pieces) {
    let host = piece.start;
    let left = sizeOf(piece);
    while (left > 0n) {
      at = gaps.find(({ start }) => start === at)?.end ?? at;
      const next = gaps.find(({ start }) => start > at)?.start;
      const bytes = next === undefined || next - at > left ? left : next - at;
      regions.push({ physical: at, bytes, host });
      at += bytes;
      host += bytes;
      left -= bytes;
    }
  }
  return regions;
};

const permutations = <T>(items: readonly T[]): readonly (readonly T[])[] =>
  items.length <= 1
    ? [items]
    : items.flatMap((item, at) =>
        permutations(items.filter((_, other) => other !== at)).map((rest) => [item, ...rest]),
      );

const orders = (pieces: readonly Mapping[]): readonly (readonly Mapping[])[] =>
  pieces.length <= MOST_PERMUTED ? permutations(pieces) : [pieces, [...pieces].reverse()];

/** Non-empty sets of mappings that could be one guest's memory: each alone, two, those of like size, those that touch, and so many of the largest. */
const sets = (mappings: readonly Mapping[]): readonly (readonly Mapping[])[] => {
  const alone = mappings.map((one) => [one]);
  const pairs = mappings.flatMap((a, at) => mappings.slice(at + 1).map((b) => [a, b]));
  const bySize = [...new Set(mappings.map(sizeOf))].map((size) => mappings.filter((one) => sizeOf(one) === size));
  const largest = mappings.map((_, at) => mappings.slice(0, at + 1));
  return [...alone, ...pairs, ...[...bySize, ...touching(mappings), ...largest].filter((set) => set.length > 2)];
};

/**
 * Guests have whole MiB of memory. The kernel makes one mapping of two alike that touch, so what is over belongs to the VMM, as where its
 * heap begins right behind the guest's memory.
 */
const wholeMiB = (order: readonly Mapping[]): readonly Mapping[] => {
  const over = order.reduce((sum, one) => sum + sizeOf(one), 0n) % MIB;
  return order.map((one, at) => (at === order.length - 1 ? { ...one, end: one.end - over } : one));
};

const keyOf = (regions: readonly Region[]): string =>
  regions.map(({ physical, bytes, host }) => `${physical}+${bytes}@${host}`).join();

/**
 * Candidates, the likeliest first: large mappings before small ones, one mapping before several.
 * @param mappings all readable and writable ones of the VMM; those under 1 MiB are left out
 */
export const candidatesOf = (mappings: readonly Mapping[]): readonly Candidate[] => {
  const pieces = mappings
    .filter((one) => sizeOf(one) >= LEAST_BYTES)
    .sort((a, b) => (sizeOf(a) === sizeOf(b) ? (a.start < b.start ? -1 : 1) : sizeOf(a) > sizeOf(b) ? -1 : 1))
    .slice(0, MOST_MAPPINGS);
  const found = new Map<string, Candidate>();
  for (const set of sets(pieces)) {
    for (const order of orders(set)) {
      for (const layout of LAYOUTS) {
        const regions = laid(wholeMiB(order), layout);
        const key = keyOf(regions);
        const many = order.length === 1 ? 'one mapping' : `${order.length} mappings`;
        if (!found.has(key)) found.set(key, { name: `${many}, laid as ${layout.name}`, regions });
      }
    }
  }
  return [...found.values()];
};

/**
 * The legacy hole: video memory, option ROMs and shadowed firmware. A VMM may serve it from other memory than the rest, and
 * no page table proves it. (QEMU hw/pci-host/pam.c)
 */
const HOLE = { start: 0xa0000n, end: 0x100000n } as const;

/** Where a physical range lies in the VMM; null where it is not wholly inside one region, or touches the legacy hole. */
export const hostAddress = (regions: readonly Region[], physical: bigint, bytes: number): bigint | null => {
  const end = physical + BigInt(bytes);
  if (physical < HOLE.end && end > HOLE.start) return null;
  const region = regions.find((one) => physical >= one.physical && end <= one.physical + one.bytes);
  return region === undefined ? null : region.host + (physical - region.physical);
};
