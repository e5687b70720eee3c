import { concat, equalBytes } from '../bits/bytes.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import type { ComponentBit, Image, Layout } from '../capture/image.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { EXTENDED_OFFSET_BYTES, HEADER_OFFSET_BYTES } from '../xsave/layout.ts';
import { changedComponents } from './provenance.ts';
import { createPool, hashOfBytes, hashOfCpuid, hashOfLayout, isSameLayout, sameCpuid, sharedFacts } from './shared.ts';

/**
 * All stops of a session. An image is cut at its components, a long one into pieces of a tile's size, and pieces of equal
 * bytes are kept once, whichever stops they come from; so are layouts, CPUID tables and facts. A stop costs what changed,
 * and the same piece twice means: equal.
 */
export interface History {
  /**
   * Keeps a capture; whoever reads it back gets the same bytes.
   *
   * @param pieces the bytes of the image already cut, in order; the history cuts by itself where they are not given
   */
  add(capture: Capture, pieces?: readonly Uint8Array[]): Kept;
  /** The capture as it was added, byte for byte. The same object for as long as anybody holds it. */
  captureOf(kept: Kept): Capture;
  /** Bytes of image that are kept, shared ones counted once. */
  readonly keptBytes: number;
}

/** One stop, as references to what it shares with others. */
export interface Kept {
  /** In order, the whole image: its length is the sum of theirs. The same list where all of them are the same. */
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

/** One tile register: of the eight in TILEDATA, a product changes one. */
const MOST_PIECE_BYTES = 1024;

const cutsOf = (layout: Layout, sizeBytes: number): readonly number[] => {
  const edges = layout.components.flatMap((place) => {
    const inside = Array.from(
      { length: Math.ceil(place.sizeBytes / MOST_PIECE_BYTES) },
      (_, at) => place.offsetBytes + at * MOST_PIECE_BYTES,
    );
    return [...inside, place.offsetBytes + place.sizeBytes];
  });
  const cuts = [...LEGACY_CUTS, ...edges, sizeBytes].filter((at) => at <= sizeBytes);
  return [...new Set(cuts)].sort((a, b) => a - b);
};

/**
 * Components that may differ between two stops of one layout, by the pieces that are not the same; null: any may, for
 * XSTATE_BV differs or the images are cut in other places.
 */
const touchedComponents = (previous: Kept, pieces: readonly Uint8Array[]): readonly ComponentBit[] | null => {
  if (previous.pieces.length !== pieces.length) return null;
  const { components } = previous.layout;
  const touched = new Set<ComponentBit>();
  let start = 0;
  for (const [at, piece] of pieces.entries()) {
    const was = previous.pieces[at];
    const end = start + piece.length;
    if (was?.length !== piece.length) return null;
    if (was !== piece) {
      if (start < EXTENDED_OFFSET_BYTES && end > HEADER_OFFSET_BYTES) return null;
      for (const { bit, offsetBytes, sizeBytes } of components) {
        if (offsetBytes < end && start < offsetBytes + sizeBytes) touched.add(bit);
      }
    }
    start = end;
  }
  return [...touched];
};

const differsOutside = (a: Facts, b: Facts): boolean =>
  a.xcr0 !== b.xcr0 ||
  (a.msrs !== b.msrs && (a.msrs.length !== b.msrs.length || a.msrs.some((msr, at) => msr.value !== b.msrs[at]?.value)));

/** The capture put together anew: for those who look once. History.captureOf gives the same object every time. */
export const wholeCapture = (kept: Kept): Capture => ({ image: wholeImage(kept), facts: kept.facts });

/** The image that was kept in pieces, as new bytes. */
export const wholeImage = ({ pieces, layout }: Pick<Kept, 'pieces' | 'layout'>): Image => ({
  bytes: concat(pieces),
  layout,
});

/** Captures that are held whole, so that going to and fro between two stops makes neither anew. */
const WHOLE_AT_ONCE = 32;

const UNCHANGED: readonly ComponentBit[] = [];

export const createHistory = (): History => {
  const pieceOf = createPool(hashOfBytes, equalBytes);
  const layoutOf = createPool(hashOfLayout, isSameLayout);
  const cpuidOf = createPool(hashOfCpuid, sameCpuid);
  const ownPieces = new WeakSet<Uint8Array>();
  const ownTables = new WeakSet<Cpuid>();
  const cutsByLayout = new WeakMap<Layout, Map<number, readonly number[]>>();
  const whole = new WeakMap<Kept, WeakRef<Capture>>();
  const recent: Capture[] = [];
  let last: Kept | undefined;
  let lastWhole: Capture | null = null;
  let keptBytes = 0;

  const hold = (kept: Kept, capture: Capture): Capture => {
    whole.set(kept, new WeakRef(capture));
    recent.push(capture);
    if (recent.length > WHOLE_AT_ONCE) recent.shift();
    return capture;
  };

  const keepPiece = (piece: Uint8Array): Uint8Array => {
    keptBytes += piece.length;
    // A copy of its own: a view would hold the whole image that it was cut from.
    const own = piece.slice();
    ownPieces.add(own);
    return own;
  };

  const intern = (piece: Uint8Array, previous: Uint8Array | undefined): Uint8Array => {
    if (piece === previous || ownPieces.has(piece)) return piece;
    return previous !== undefined && equalBytes(piece, previous) ? previous : pieceOf(piece, keepPiece);
  };

  const keepTable = (table: Cpuid): Cpuid => {
    ownTables.add(table);
    return table;
  };

  // A document names a long table in a few characters at each of its stops: one that is kept is not looked into again.
  const internTable = (table: Cpuid, previous: Cpuid | undefined): Cpuid => {
    if (table === previous || ownTables.has(table)) return table;
    return previous !== undefined && sameCpuid(table, previous) ? previous : cpuidOf(table, keepTable);
  };

  const cuts = (layout: Layout, sizeBytes: number): readonly number[] => {
    const bySize = cutsByLayout.get(layout) ?? new Map<number, readonly number[]>();
    const known = bySize.get(sizeBytes) ?? cutsOf(layout, sizeBytes);
    cutsByLayout.set(layout, bySize.set(sizeBytes, known));
    return known;
  };

  const cut = (bytes: Uint8Array, layout: Layout): readonly Uint8Array[] => {
    const edges = cuts(layout, bytes.length);
    return edges.slice(1).map((end, at) => bytes.subarray(edges[at] ?? 0, end));
  };

  /** The list of the previous stop where every piece is that stop's: equal lists are one list. */
  const interned = (given: readonly Uint8Array[]): readonly Uint8Array[] => {
    const previous = last?.pieces;
    if (given === previous) return previous;
    const pieces = given.map((piece, at) => intern(piece, previous?.[at]));
    const isSame = previous?.length === pieces.length && pieces.every((piece, at) => piece === previous[at]);
    return isSame ? previous : pieces;
  };

  return {
    add: (capture, given) => {
      const { image } = capture;
      const previous = last;
      const layout =
        previous !== undefined && isSameLayout(image.layout, previous.layout)
          ? previous.layout
          : layoutOf(image.layout, (one) => one);
      // Most instructions leave all of it as it was: that is seen in one look, before anything is cut.
      const isAsBefore =
        given === undefined &&
        previous?.layout === layout &&
        lastWhole !== null &&
        equalBytes(image.bytes, lastWhole.image.bytes);
      const pieces = isAsBefore ? previous.pieces : interned(given ?? cut(image.bytes, layout));
      const facts = sharedFacts(capture.facts, previous?.facts, internTable);
      // Never the caller's own array, which may be written to again.
      const sameImage = previous?.pieces === pieces && previous.layout === layout ? lastWhole?.image : undefined;
      const shared: Capture = { image: sameImage ?? wholeImage({ pieces, layout }), facts };
      const isEqual = previous === undefined || (previous.layout === layout && previous.pieces === pieces);
      const among = previous?.layout === layout ? touchedComponents(previous, pieces) : null;
      const changed = isEqual ? UNCHANGED : changedComponents(lastWhole, shared, among);
      last = {
        pieces,
        layout,
        facts,
        changed: changed.length === 0 ? UNCHANGED : changed,
        changedOutside: previous !== undefined && differsOutside(previous.facts, facts),
      };
      lastWhole = shared;
      return last;
    },
    // A reference to each capture that is added would keep all of them until the task that adds them has ended.
    captureOf: (kept) =>
      whole.get(kept)?.deref() ?? hold(kept, kept === last && lastWhole !== null ? lastWhole : wholeCapture(kept)),
    get keptBytes() {
      return keptBytes;
    },
  };
};
