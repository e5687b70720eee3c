import { concat, equalBytes } from '../bits/bytes.ts';
import { describeProblem } from '../bits/decoded.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import type { ComponentBit, Image, Layout } from '../capture/image.ts';
import { msrRow } from '../cpu/msrs.ts';
import type { RegisterPath } from '../register/path.ts';
import { readRegister } from '../register/read.ts';
import { typeBytes } from '../register/register-type.ts';
import { type RegisterSource, registerRow } from '../register/registers.ts';
import { BIT } from '../xsave/components.ts';
import { EXTENDED_OFFSET_BYTES, HEADER_OFFSET_BYTES, placeOf } from '../xsave/layout.ts';
import { mxcsr } from '../xsave/legacy.ts';
import { componentBytesOrInit, roomFor } from '../xsave/view.ts';
import { type Kept, wholeImage } from './history.ts';

/** Bytes of an image, from the first to before the last. */
type Stretch = readonly [fromBytes: number, toBytes: number];

/**
 * What a value is read from. Two stops that have the same there have the same value, and neither is put together. XSTATE_BV,
 * which says what is in init, counts with the bytes of any component.
 */
export interface Reads {
  readonly stretches: (layout: Layout) => readonly Stretch[];
  /** The one fact that it is read from, the same (===) where nothing has changed; null: none. */
  readonly fact: ((facts: Facts) => unknown) | null;
}

/** A value of a stop that can be asked for its last change. */
export interface ValueReader {
  /** Not there: anything in image or facts. */
  readonly reads?: Reads;
  readonly differs: (previous: Capture, now: Capture) => boolean;
}

const HEADER: Stretch = [HEADER_OFFSET_BYTES, EXTENDED_OFFSET_BYTES];
/** MXCSR and its mask lie inside the bytes of x87. (SDM vol. 1, 10.5.1) */
const MXCSR: Stretch = [24, 32];

const placed = (layout: Layout, bit: ComponentBit, offsetBytes: number, sizeBytes: number | null): Stretch[] => {
  const place = placeOf(layout, bit);
  if (place === undefined) return [];
  const from = place.offsetBytes + offsetBytes;
  return [[from, sizeBytes === null ? place.offsetBytes + place.sizeBytes : from + sizeBytes]];
};

const image = (stretches: Reads['stretches']): Reads => ({
  stretches: (layout) => [HEADER, ...stretches(layout)],
  fact: null,
});
const ofFacts = (fact: (facts: Facts) => unknown): Reads => ({ stretches: () => [], fact });

const readsOfSource = (source: RegisterSource): Reads => {
  switch (source.kind) {
    case 'fragments':
      return image((layout) =>
        source.parts.flatMap(({ bit, offsetBytes, sizeBytes }) => placed(layout, bit, offsetBytes, sizeBytes)),
      );
    // TOP decides on the place, and a write of any other slot seldom comes without one of it.
    case 'mm':
      return image((layout) => placed(layout, BIT.x87, 0, null));
    case 'mxcsr':
    case 'mxcsr-mask':
      return image(() => [MXCSR]);
    case 'header':
      return image(() => []);
    case 'xcr0':
      return ofFacts(({ xcr0 }) => xcr0);
    case 'msr': {
      const bit = msrRow(source.index)?.component ?? null;
      return {
        stretches: (layout) => (bit === null ? [] : [HEADER, ...placed(layout, bit, 0, null)]),
        fact: ({ msrs }) => msrs.find((msr) => msr.index === source.index)?.value,
      };
    }
    case 'supervisor': {
      const { bit, offsetBytes, sizeBytes } = source.part;
      return {
        ...image((layout) => placed(layout, bit, offsetBytes, sizeBytes)),
        fact: ({ msrs }) => msrs.find((msr) => msr.index === source.msr)?.value,
      };
    }
    case 'general':
      return ofFacts(({ general }) => general?.[source.key]);
    case 'control':
      return ofFacts(({ control }) => control?.[source.key]);
    case 'segment':
      return ofFacts(({ segments }) => segments?.[source.key]);
    case 'derived':
      return readsOfSource(source.from);
  }
};

/** What a path is read from; an element of a tile also from the configuration, which gives it its place. */
const readsOfPath = ({ register, type }: RegisterPath): Reads => {
  const row = registerRow(register);
  if (row === undefined) return { stretches: () => [], fact: null };
  const reads = readsOfSource(row.source);
  if (row.rowBytes === null || type === null) return reads;
  return { ...reads, stretches: (layout) => [...reads.stretches(layout), ...placed(layout, BIT.XTILECFG, 0, null)] };
};

const NO_BYTES = new Uint8Array(0);

interface SelectedValue {
  readonly bytes: Uint8Array;
  readonly words: string;
}

const TILE_IN_INIT: SelectedValue = { bytes: NO_BYTES, words: 'init' };

const isSameSelected = (a: SelectedValue, b: SelectedValue): boolean => {
  if (a === b) return true;
  const other = a === TILE_IN_INIT ? b : b === TILE_IN_INIT ? a : null;
  if (other === null) return a.words === b.words && equalBytes(a.bytes, b.bytes);
  // What cannot be selected has words alone; a row that is too short for one element has neither.
  return (other.bytes.length > 0 || other.words === '') && other.bytes.every((byte) => byte === 0);
};

/** The value that a path selects: its bytes, and in words what is not in them. */
const selectedValue = (capture: Capture, path: RegisterPath): SelectedValue => {
  const read = readRegister(capture, path);
  if (!read.ok) return { bytes: NO_BYTES, words: describeProblem(read.problem) };
  const value = read.value;
  if (!('bytes' in value)) return { bytes: NO_BYTES, words: value.state };
  const { bytes, selection } = value;
  // In init an element of a tile is zero, whatever shape the tile has, and where it has none.
  if (value.state === 'init' && path.type !== null && registerRow(path.register)?.rowBytes != null) return TILE_IN_INIT;
  const part = (offsetBytes: number, sizeBytes: number) => ({
    bytes: bytes.subarray(offsetBytes, offsetBytes + sizeBytes),
    words: '',
  });
  switch (selection.kind) {
    case 'field':
      return { bytes: NO_BYTES, words: String(selection.value) };
    case 'element':
      return part(selection.offsetBytes, typeBytes(selection.type));
    case 'lanes':
      return part(selection.offsetBytes, selection.count * typeBytes(selection.type));
    case 'rows':
      return { bytes, words: `${selection.rows} ${selection.columns}` };
    case 'cells':
      return {
        bytes: concat(selection.offsets.flat().map((at) => bytes.subarray(at, at + typeBytes(selection.type)))),
        words: `${selection.offsets.length} ${selection.offsets[0]?.length ?? 0}`,
      };
    case 'whole':
      return { bytes, words: '' };
  }
};

/** A register, an element or a field of it, an MSR, a general register. In init it holds its initial values. */
export const pathReader = (path: RegisterPath): ValueReader => ({
  reads: readsOfPath(path),
  differs: (previous, now) => !isSameSelected(selectedValue(previous, path), selectedValue(now, path)),
});

const ownBytes = (from: Image, bit: ComponentBit): Uint8Array => {
  const bytes = componentBytesOrInit(from, bit);
  if (bit !== BIT.x87 || bytes.length === 0) return bytes;
  const own = bytes.slice();
  own.fill(0, ...MXCSR);
  return own;
};

/** A component as provenance counts it: MXCSR to SSE, init as its initial values, gone as changed. */
export const componentReader = (bit: ComponentBit): ValueReader => ({
  reads: image((layout) => [...placed(layout, bit, 0, null), ...(bit === BIT.SSE ? [MXCSR] : [])]),
  differs: (previous, now) =>
    (roomFor(previous.image, bit) === undefined) !== (roomFor(now.image, bit) === undefined) ||
    !equalBytes(ownBytes(previous.image, bit), ownBytes(now.image, bit)) ||
    (bit === BIT.SSE && mxcsr(previous.image) !== mxcsr(now.image)),
});

/** Whether two images of one layout have the same bytes in each stretch. Pieces that are shared are not looked at. */
const sameThere = (a: readonly Uint8Array[], b: readonly Uint8Array[], stretches: readonly Stretch[]): boolean => {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  let start = 0;
  for (let index = 0; index < a.length; index += 1) {
    const [was, is] = [a[index] as Uint8Array, b[index] as Uint8Array];
    // Cut in other places: nothing can be said without putting them together.
    if (was.length !== is.length) return false;
    if (was !== is) {
      for (const [from, to] of stretches) {
        const end = Math.min(to - start, is.length);
        for (let at = Math.max(0, from - start); at < end; at += 1) if (was[at] !== is[at]) return false;
      }
    }
    start += is.length;
  }
  return true;
};

/** Whether two stops certainly have the same value. Few layouts come in a row: the stretches of one are found once. */
const certainlySame = (reads: Reads | undefined): ((a: Kept, b: Kept) => boolean) => {
  if (reads === undefined) return (a, b) => a.layout === b.layout && a.pieces === b.pieces && a.facts === b.facts;
  const { fact } = reads;
  let layout: Layout | null = null;
  let stretches: readonly Stretch[] = [];
  return (a, b) => {
    if (fact !== null && a.facts !== b.facts && fact(a.facts) !== fact(b.facts)) return false;
    if (layout !== b.layout) [layout, stretches] = [b.layout, reads.stretches(b.layout)];
    return stretches.length === 0 || (a.layout === b.layout && sameThere(a.pieces, b.pieces, stretches));
  };
};

/** The image is put together only for who looks at it, and held by nobody else. */
const seen = (kept: Kept): Capture => {
  let made: Image | undefined;
  return {
    facts: kept.facts,
    get image() {
      made ??= wholeImage(kept);
      return made;
    },
  };
};

/**
 * The place in the list of the last stop, not after `at`, whose value differs from that of the stop before it; null: none
 * does, the value is that of the first stop. Ten thousand stops take a few milliseconds, for almost none is put together.
 */
export const lastChangeOf = (stops: readonly Kept[], at: number, { reads, differs }: ValueReader): number | null => {
  const isSame = certainlySame(reads);
  let now: Capture | null = null;
  for (let index = Math.min(at, stops.length - 1); index > 0; index -= 1) {
    const [previous, kept] = [stops[index - 1], stops[index]];
    if (previous === undefined || kept === undefined) return null;
    const before: Capture | null = isSame(previous, kept) ? null : seen(previous);
    if (before !== null && differs(before, now ?? seen(kept))) return index;
    now = before;
  }
  return null;
};

/**
 * The places in the list, after `from` up to and with `to`, of the stops whose value differs from that of the stop before: the
 * first of them is where it first differs from `from`.
 */
export const changesBetween = (
  stops: readonly Kept[],
  from: number,
  to: number,
  { reads, differs }: ValueReader,
): readonly number[] => {
  const isSame = certainlySame(reads);
  const places: number[] = [];
  for (let index = Math.max(1, from + 1); index <= Math.min(to, stops.length - 1); index += 1) {
    const [previous, kept] = [stops[index - 1], stops[index]];
    if (previous === undefined || kept === undefined) break;
    if (!isSame(previous, kept) && differs(seen(previous), seen(kept))) places.push(index);
  }
  return places;
};
