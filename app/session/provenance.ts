import { equalBytes } from '../bits/bytes.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentBit } from '../capture/image.ts';
import { BIT } from '../xsave/components.ts';
import { mxcsr } from '../xsave/legacy.ts';
import { componentBytesOrInit, roomFor } from '../xsave/view.ts';

/** Bytes of a component, from offsetBytes within the component, that differ between two captures. */
export interface ChangedRange {
  readonly bit: ComponentBit;
  readonly offsetBytes: number;
  readonly sizeBytes: number;
}

export interface Changes {
  /** In order of bit; ranges of a component in order of offset, none touching the next. */
  readonly ranges: readonly ChangedRange[];
  /** Components whose value differs, MXCSR counted to SSE. */
  readonly bits: readonly ComponentBit[];
  /** MXCSR is a field of its own: it lies inside the x87 component's bytes and is loaded with SSE or AVX. */
  readonly mxcsr: boolean;
}

const NOTHING: Changes = { ranges: [], bits: [], mxcsr: false };

const MXCSR_OFFSET_BYTES = 24;
/** MXCSR and MXCSR_MASK. */
const MXCSR_FIELD_BYTES = 8;

const rangesBetween = (bit: ComponentBit, before: Uint8Array, now: Uint8Array, most: number): ChangedRange[] => {
  const ranges: ChangedRange[] = [];
  const sizeBytes = Math.max(before.length, now.length);
  const isOwn = (at: number): boolean =>
    bit !== BIT.x87 || at < MXCSR_OFFSET_BYTES || at >= MXCSR_OFFSET_BYTES + MXCSR_FIELD_BYTES;
  for (let at = 0; at < sizeBytes && ranges.length < most; at += 1) {
    if (before[at] === now[at] || !isOwn(at)) continue;
    const start = at;
    while (at < sizeBytes && before[at] !== now[at] && isOwn(at)) at += 1;
    ranges.push({ bit, offsetBytes: start, sizeBytes: at - start });
  }
  return ranges;
};

/** Every component that either image has room for. */
const componentsOf = (before: Capture, now: Capture): ComponentBit[] =>
  [...new Set([...before.image.layout.components, ...now.image.layout.components].map((place) => place.bit))].sort(
    (a, b) => a - b,
  );

const isGone = (before: Capture, now: Capture, bit: ComponentBit): boolean =>
  (roomFor(before.image, bit) === undefined) !== (roomFor(now.image, bit) === undefined);

/** @param mostRanges in one component; who asks which components differ needs one of each */
const changes = (before: Capture, now: Capture, among: readonly ComponentBit[], mostRanges: number): Changes => {
  const ranges: ChangedRange[] = [];
  const bits = new Set<ComponentBit>();
  for (const bit of among) {
    const [was, is] = [componentBytesOrInit(before.image, bit), componentBytesOrInit(now.image, bit)];
    const found = equalBytes(was, is) ? [] : rangesBetween(bit, was, is, mostRanges);
    // Not spread: a component from outside may have more ranges than a call takes arguments.
    for (const range of found) ranges.push(range);
    if (found.length > 0 || isGone(before, now, bit)) bits.add(bit);
  }
  const mxcsrChanged = mxcsr(before.image) !== mxcsr(now.image);
  if (mxcsrChanged) bits.add(BIT.SSE);
  return { ranges, bits: [...bits].sort((a, b) => a - b), mxcsr: mxcsrChanged };
};

/**
 * Where the values of two captures differ. A component in init state has its initial values, so stale bytes never count
 * and a component that became init is changed only where it was not initial. Bytes outside components (416 to 511 with
 * the kernel's mask at 464, holes) are never looked at. Null before: there is nothing to compare with.
 */
export const changesBetween = (before: Capture | null, now: Capture): Changes =>
  before === null || before.image === now.image
    ? NOTHING
    : changes(before, now, componentsOf(before, now), Number.POSITIVE_INFINITY);

/** @param among components that may differ, where the others are known not to */
export const changedComponents = (
  before: Capture | null,
  now: Capture,
  among: readonly ComponentBit[] | null = null,
): readonly ComponentBit[] =>
  before === null || before.image === now.image
    ? NOTHING.bits
    : changes(before, now, among ?? componentsOf(before, now), 1).bits;
