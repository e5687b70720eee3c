import { equalBytes } from '../bits/bytes.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import type { ComponentBit, Layout } from '../xsave/image.ts';
import { sameLayout } from '../xsave/layout.ts';
import type { Capture, Facts } from './capture.ts';
import { changedComponents } from './provenance.ts';

/**
 * All stops of a session. An image is cut at its components, and pieces of equal bytes are kept once, whichever stops they
 * come from; so are layouts and CPUID tables. A stop costs what changed, and the same piece twice means: equal.
 */
export interface History {
  /** Keeps a capture; whoever reads it back gets the same bytes. */
  add(capture: Capture): Kept;
  /** The capture as it was added, byte for byte. The same object for as long as anybody holds it. */
  captureOf(kept: Kept): Capture;
  /** Bytes of image that are kept, shared ones counted once. */
  readonly keptBytes: number;
}

/** One stop, as references to what it shares with others. */
export interface Kept {
  readonly pieces: readonly Uint8Array[];
  readonly layout: Layout;
  readonly facts: Facts;
  /** Components whose value differs from the stop added before; empty for the first. */
  readonly changed: readonly ComponentBit[];
  /** XCR0 or an MSR differs from the stop added before. */
  readonly changedOutside: boolean;
}

/** x87 with MXCSR, SSE, the unused end of the legacy region, the header: every image has these. (SDM vol. 1, 13.4) */
const LEGACY_CUTS = [0, 160, 416, 512, 576] as const;

const cutsOf = (layout: Layout, sizeBytes: number): readonly number[] => {
  const edges = layout.components.flatMap((place) => [place.offsetBytes, place.offsetBytes + place.sizeBytes]);
  const cuts = [...LEGACY_CUTS, ...edges, sizeBytes].filter((at) => at <= sizeBytes);
  return [...new Set(cuts)].sort((a, b) => a - b);
};

/** FNV-1a, to find a piece again; equality is what decides. */
const hashOf = (bytes: Uint8Array): number => {
  let hash = 0x811c9dc5 ^ bytes.length;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash;
};

/** The words of a layout's source count as well: they are shown. */
const isSame = (a: Layout, b: Layout): boolean =>
  sameLayout(a, b) && a.source === b.source && a.totalBytes === b.totalBytes;

const sameCpuid = (a: Cpuid, b: Cpuid): boolean =>
  a.length === b.length &&
  a.every((one, at) => {
    const other = b[at];
    return (
      other !== undefined &&
      one.leaf === other.leaf &&
      one.subleaf === other.subleaf &&
      one.eax === other.eax &&
      one.ebx === other.ebx &&
      one.ecx === other.ecx &&
      one.edx === other.edx
    );
  });

const sharedFacts = (facts: Facts, former: Facts | undefined): Facts =>
  former === undefined
    ? facts
    : {
        ...facts,
        guestCpuid: sameCpuid(facts.guestCpuid, former.guestCpuid) ? former.guestCpuid : facts.guestCpuid,
        hostCpuid: sameCpuid(facts.hostCpuid, former.hostCpuid) ? former.hostCpuid : facts.hostCpuid,
      };

const differsOutside = (a: Facts, b: Facts): boolean =>
  a.xcr0 !== b.xcr0 || a.msrs.some((msr, at) => msr.value !== b.msrs[at]?.value);

/** Captures that are held whole, so that going to and fro between two stops makes neither anew. */
const WHOLE_AT_ONCE = 32;

export const createHistory = (): History => {
  const byHash = new Map<number, Uint8Array[]>();
  const cutsByLayout = new WeakMap<Layout, Map<number, readonly number[]>>();
  const whole = new WeakMap<Kept, WeakRef<Capture>>();
  const recent: Capture[] = [];
  let last: Kept | undefined;
  let lastWhole: Capture | null = null;
  let keptBytes = 0;

  const hold = (kept: Kept, capture: Capture): void => {
    whole.set(kept, new WeakRef(capture));
    recent.push(capture);
    if (recent.length > WHOLE_AT_ONCE) recent.shift();
  };

  const intern = (bytes: Uint8Array, former: Uint8Array | undefined): Uint8Array => {
    if (former !== undefined && equalBytes(bytes, former)) return former;
    const hash = hashOf(bytes);
    const alike = byHash.get(hash) ?? [];
    const found = alike.find((one) => equalBytes(one, bytes));
    if (found !== undefined) return found;
    // A copy of its own: a view would hold the whole image that it was cut from.
    const kept = bytes.slice();
    byHash.set(hash, [...alike, kept]);
    keptBytes += kept.length;
    return kept;
  };

  const cuts = (layout: Layout, sizeBytes: number): readonly number[] => {
    const bySize = cutsByLayout.get(layout) ?? new Map<number, readonly number[]>();
    const known = bySize.get(sizeBytes) ?? cutsOf(layout, sizeBytes);
    cutsByLayout.set(layout, bySize.set(sizeBytes, known));
    return known;
  };

  const captureOf = (kept: Kept): Capture => {
    const known = whole.get(kept)?.deref();
    if (known !== undefined) return known;
    const bytes = new Uint8Array(kept.pieces.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of kept.pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    const made: Capture = { image: { bytes, layout: kept.layout }, facts: kept.facts };
    hold(kept, made);
    return made;
  };

  return {
    add: (capture) => {
      const { image } = capture;
      const layout = last !== undefined && isSame(image.layout, last.layout) ? last.layout : image.layout;
      const edges = cuts(layout, image.bytes.length);
      const sameCuts = last?.layout === layout;
      const pieces = edges.slice(1).map((end, at) => {
        const piece = image.bytes.subarray(edges[at] ?? 0, end);
        return intern(piece, sameCuts ? last?.pieces[at] : undefined);
      });
      const former = last;
      const equal = former !== undefined && sameCuts && pieces.every((piece, at) => piece === former.pieces[at]);
      const shared: Capture = {
        image: { bytes: image.bytes, layout },
        facts: sharedFacts(capture.facts, former?.facts),
      };
      const kept: Kept = {
        pieces,
        layout,
        facts: shared.facts,
        changed: former === undefined || equal ? [] : changedComponents(lastWhole, shared),
        changedOutside: former !== undefined && differsOutside(former.facts, shared.facts),
      };
      hold(kept, shared);
      last = kept;
      lastWhole = shared;
      return kept;
    },
    captureOf,
    get keptBytes() {
      return keptBytes;
    },
  };
};
