import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { bitsOf, hasBit } from '../bits/mask.ts';
import type { ComponentPlace, Layout } from '../capture/image.ts';
import { type Cpuid, type CpuidEntry, cpuidEntry } from '../cpu/cpuid.ts';
import { BIT, COMPACTED_BIT, componentName, componentRow } from './components.ts';

export const LEGACY_BYTES = 512;
export const HEADER_OFFSET_BYTES = 512;
export const HEADER_BYTES = 64;
/** Legacy region and header: the least an image can be, and where extended components begin. */
export const EXTENDED_OFFSET_BYTES = 576;

/** How the source of a layout begins whose image was put together from registers that a file keeps by name: no offset is the file's. */
export const BY_NAME = 'registers by name, from ';
export const isByName = ({ source }: Layout): boolean => source.startsWith(BY_NAME);

/** The two components of the legacy region have no sub-leaf: their places are the architecture's. */
const LEGACY_PLACES: readonly ComponentPlace[] = [
  { bit: BIT.x87, offsetBytes: 0, sizeBytes: 160, aligned64: false, xfdCapable: false, supervisor: false },
  { bit: BIT.SSE, offsetBytes: 160, sizeBytes: 256, aligned64: false, xfdCapable: false, supervisor: false },
];

const LEAF = 0xd;

/** What leaf 0xD enumerates: EDX:EAX of sub-leaf 0 (user) and EDX:ECX of sub-leaf 1 (supervisor); null: not known. */
export const enumeratedUser = (cpuid: Cpuid): bigint | null => wide(cpuidEntry(cpuid, LEAF, 0), 'eax');
export const enumeratedSupervisor = (cpuid: Cpuid): bigint | null => wide(cpuidEntry(cpuid, LEAF, 1), 'ecx');

const wide = (entry: CpuidEntry | undefined, low: 'eax' | 'ecx'): bigint | null =>
  entry === undefined ? null : (BigInt(entry.edx >>> 0) << 32n) | BigInt(entry[low] >>> 0);

// Offset order, not bit order: APX, bit 19, lies at 960, below components 5 to 18. Equal offsets cannot be: overlap.
const byOffset = (a: ComponentPlace, b: ComponentPlace): number => a.offsetBytes - b.offsetBytes || a.bit - b.bit;

const placeFromEntry = (bit: number, entry: CpuidEntry, offsetBytes: number): ComponentPlace => ({
  bit,
  offsetBytes,
  sizeBytes: entry.eax >>> 0,
  aligned64: (entry.ecx & 2) !== 0,
  xfdCapable: (entry.ecx & 4) !== 0,
  supervisor: (entry.ecx & 1) !== 0,
});

/** What the registers of a user component take: nothing smaller can hold it. 0: no public definition. */
export const leastBytes = (bit: number): number => {
  const row = componentRow(bit);
  return row?.kind === 'user' ? (row.sizeBytes ?? 0) : 0;
};

/** Sorted by offset, with its total; refuses places that overlap each other or the header, or are too small. */
export const layoutOf = (
  format: Layout['format'],
  source: string,
  extended: readonly ComponentPlace[],
): Decoded<Layout> => {
  const components = [...LEGACY_PLACES, ...extended].sort(byOffset);
  let endBytes = EXTENDED_OFFSET_BYTES;
  for (const place of components) {
    if (place.bit < 2) continue;
    const least = leastBytes(place.bit);
    if (place.sizeBytes < least) {
      return notALayout(source, `${componentName(place.bit)} has ${place.sizeBytes} bytes and takes ${least}`);
    }
    if (place.offsetBytes < endBytes) {
      return notALayout(
        source,
        `${componentName(place.bit)} at ${place.offsetBytes} begins inside what ends at ${endBytes}`,
      );
    }
    endBytes = place.offsetBytes + place.sizeBytes;
  }
  return decoded({ format, source, components, totalBytes: endBytes });
};

const notALayout = (source: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: `layout from ${source}`, why });

/**
 * The standard format's layout as a CPU reports it in leaf 0xD. Only user components have a place there. Every component
 * that is enumerated is kept, known or not, with the size and offset given.
 */
export const layoutFromCpuid = (cpuid: Cpuid, source: string): Decoded<Layout> => {
  const mask = enumeratedUser(cpuid);
  if (mask === null) return notALayout(source, 'leaf 0xD is not in the table');
  const extended: ComponentPlace[] = [];
  for (const bit of bitsOf(mask)) {
    if (bit < 2 || bit === COMPACTED_BIT) continue;
    const entry = cpuidEntry(cpuid, LEAF, bit);
    if (entry === undefined) {
      const missing = bitsOf(mask).filter((one) => one >= 2 && one !== COMPACTED_BIT && !cpuidEntry(cpuid, LEAF, one));
      const are = missing.length === 1 ? `sub-leaf ${bit} is` : `sub-leaves ${missing.join(', ')} are`;
      return notALayout(source, `${are} enumerated and not in the table`);
    }
    const place = placeFromEntry(bit, entry, entry.ebx >>> 0);
    if (place.supervisor) return notALayout(source, `${componentName(bit)} is enumerated as user and as supervisor`);
    if (place.sizeBytes === 0) return notALayout(source, `${componentName(bit)} is enumerated with size 0`);
    extended.push(place);
  }
  return layoutOf('standard', source, extended);
};

/** Sizes and alignment of the supervisor components, which have no offset in the standard format (all are 0 here). */
export const supervisorPlaces = (cpuid: Cpuid): readonly ComponentPlace[] => {
  const places: ComponentPlace[] = [];
  for (const bit of bitsOf(enumeratedSupervisor(cpuid) ?? 0n)) {
    const entry = cpuidEntry(cpuid, LEAF, bit);
    if (bit >= 2 && entry !== undefined && entry.eax !== 0) places.push(placeFromEntry(bit, entry, 0));
  }
  return places;
};

/**
 * The compacted layout of an image with this XCOMP_BV: components packed in bit order from 576, those with the align
 * bit at multiples of 64; a set bit takes room whatever XSTATE_BV says; no padding at the end. Sizes and alignment come
 * from the standard layout, and from supervisorPlaces() for supervisor components. (Linux xstate.c xfeature_get_offset.)
 */
export const compactedLayout = (
  standard: Layout,
  xcompBv: bigint,
  supervisors: readonly ComponentPlace[] = [],
): Decoded<Layout> => {
  if (!hasBit(xcompBv, COMPACTED_BIT)) {
    return undecodable({ kind: 'not-allowed', what: 'XCOMP_BV', why: 'bit 63 is clear: the format is standard' });
  }
  const known = new Map([...supervisors, ...standard.components].map((place) => [place.bit, place]));
  const extended: ComponentPlace[] = [];
  let unknown = 0n;
  let at = EXTENDED_OFFSET_BYTES;
  for (const bit of bitsOf(xcompBv)) {
    if (bit < 2 || bit === COMPACTED_BIT) continue;
    const place = known.get(bit);
    if (place === undefined) {
      unknown |= 1n << BigInt(bit);
      continue;
    }
    if (place.aligned64) at = Math.ceil(at / 64) * 64;
    extended.push({ ...place, offsetBytes: at });
    at += place.sizeBytes;
  }
  // Without size and alignment of one component every later offset would be a guess.
  if (unknown !== 0n) return undecodable({ kind: 'unknown-components', mask: unknown });
  return layoutOf('compacted', `${standard.source}, compacted`, extended);
};

export const placeOf = (layout: Layout, bit: number): ComponentPlace | undefined =>
  layout.components.find((place) => place.bit === bit);

/** Bytes between 576 and the end that belong to no component, in order. */
export const holesOf = (layout: Layout): { readonly offsetBytes: number; readonly sizeBytes: number }[] => {
  const holes: { offsetBytes: number; sizeBytes: number }[] = [];
  let endBytes = EXTENDED_OFFSET_BYTES;
  for (const place of layout.components) {
    if (place.bit < 2) continue;
    if (place.offsetBytes > endBytes) holes.push({ offsetBytes: endBytes, sizeBytes: place.offsetBytes - endBytes });
    endBytes = place.offsetBytes + place.sizeBytes;
  }
  return holes;
};

/** Where a CPUID table disagrees with itself or with the architecture; one sentence each. None stops a decode. */
export const layoutDoubts = (layout: Layout, cpuid: Cpuid): string[] => {
  const doubts: string[] = [];
  for (const place of layout.components) {
    const expected = componentRow(place.bit)?.sizeBytes ?? null;
    if (componentRow(place.bit) === undefined) doubts.push(`component ${place.bit} has no public definition`);
    if (expected !== null && expected !== place.sizeBytes) {
      doubts.push(`${componentName(place.bit)} has ${place.sizeBytes} bytes in CPUID and ${expected} by definition`);
    }
    if (layout.format === 'standard' && componentRow(place.bit)?.kind === 'supervisor') {
      doubts.push(`${componentName(place.bit)} is a supervisor component and enumerated in XCR0`);
    }
  }
  const all = cpuidEntry(cpuid, LEAF, 0)?.ecx;
  if (layout.format === 'standard' && all !== undefined && all >>> 0 !== layout.totalBytes) {
    doubts.push(`CPUID 0xD.0.ECX says ${all >>> 0} bytes, the components end at ${layout.totalBytes}`);
  }
  return doubts;
};

/** The same format and the same places; where the layouts come from does not count. */
export const sameLayout = (a: Layout, b: Layout): boolean =>
  a.format === b.format &&
  a.components.length === b.components.length &&
  a.components.every((place, index) => {
    const other = b.components[index];
    return (
      other !== undefined &&
      other.bit === place.bit &&
      other.offsetBytes === place.offsetBytes &&
      other.sizeBytes === place.sizeBytes
    );
  });
