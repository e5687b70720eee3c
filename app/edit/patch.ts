import { equalBytes, writeU64 } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hasBit, withBit } from '../bits/mask.ts';
import type { Image } from '../capture/image.ts';
import { BIT, componentLabel } from '../xsave/components.ts';
import { XSTATE_BV_OFFSET_BYTES, xstateBv } from '../xsave/header.ts';
import { MXCSR_END_BYTES, MXCSR_OFFSET_BYTES } from '../xsave/legacy.ts';
import { INIT_MXCSR, initBytes, roomFor } from '../xsave/view.ts';

/** One byte range of an image, with both sides: it can be turned around. Both sides are equally long. */
export interface Patch {
  readonly offsetBytes: number;
  readonly before: Uint8Array;
  readonly after: Uint8Array;
}

/** One gesture of the user. */
export interface Edit {
  /** What was asked for, in the words of the command line: "zmm5:u32[1]=7". */
  readonly title: string;
  readonly patches: readonly Patch[];
}

const refuse = (patch: Patch, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: `patch at offset ${patch.offsetBytes}`, why });

/** A new image; refuses a patch whose `before` is not what the image holds, for it was made for another one. */
export const applyPatch = (image: Image, patch: Patch): Decoded<Image> => {
  const { offsetBytes, before, after } = patch;
  if (before.length !== after.length) return refuse(patch, 'its two sides differ in length');
  if (offsetBytes < 0 || offsetBytes + before.length > image.bytes.length) return refuse(patch, 'outside the image');
  if (!equalBytes(image.bytes.subarray(offsetBytes, offsetBytes + before.length), before)) {
    return refuse(patch, 'the image holds other bytes than those the patch was made for');
  }
  const bytes = image.bytes.slice();
  bytes.set(after, offsetBytes);
  return decoded({ ...image, bytes });
};

/** Patches made one upon another, with the image as it stands after them. */
export interface Draft {
  readonly image: Image;
  readonly patches: readonly Patch[];
}

export const draftOf = (image: Image): Draft => ({ image, patches: [] });

/** Replaces bytes at an offset; the caller has checked that they lie within the image. */
export const withBytes = (draft: Draft, offsetBytes: number, after: Uint8Array): Draft => {
  const before = draft.image.bytes.slice(offsetBytes, offsetBytes + after.length);
  const patch: Patch = { offsetBytes, before, after: after.slice() };
  const applied = applyPatch(draft.image, patch);
  assert(applied.ok, `patch at ${offsetBytes} outside its image`);
  return { image: applied.value, patches: [...draft.patches, patch] };
};

const u64Bytes = (value: bigint): Uint8Array => {
  const bytes = new Uint8Array(8);
  writeU64(bytes, 0, value);
  return bytes;
};

export const withXstateBit = (draft: Draft, bit: number, on: boolean): Draft =>
  withBytes(draft, XSTATE_BV_OFFSET_BYTES, u64Bytes(withBit(xstateBv(draft.image), bit, on)));

/** A component's own byte ranges inside the image: x87 leaves out MXCSR and its mask. */
export const ownRanges = (image: Image, bit: number): { readonly start: number; readonly end: number }[] => {
  const place = roomFor(image, bit);
  if (place === undefined) return [];
  const end = place.offsetBytes + place.sizeBytes;
  if (bit !== BIT.x87) return [{ start: place.offsetBytes, end }];
  return [
    { start: 0, end: MXCSR_OFFSET_BYTES },
    { start: MXCSR_END_BYTES, end },
  ];
};

/** Writes all of a component's bytes (as many as its size); of x87 not those of MXCSR. */
export const withComponentBytes = (draft: Draft, bit: number, bytes: Uint8Array): Draft => {
  const base = roomFor(draft.image, bit)?.offsetBytes ?? 0;
  return ownRanges(draft.image, bit).reduce(
    (now, { start, end }) => withBytes(now, start, bytes.subarray(start - base, end - base)),
    draft,
  );
};

/**
 * Takes a component out of init state without changing what it holds: all its initial values, so that no stale neighbour
 * comes alive, then its XSTATE_BV bit. In a compacted image MXCSR comes out of init together with SSE.
 */
export const broughtToUse = (draft: Draft, bit: number): Draft => {
  const place = roomFor(draft.image, bit);
  assert(place !== undefined, `${componentLabel(bit)} has no room`);
  if (hasBit(xstateBv(draft.image), bit)) return draft;
  const filled = withComponentBytes(draft, bit, initBytes(bit, place.sizeBytes));
  const mxcsrToo = bit === BIT.SSE && draft.image.layout.format === 'compacted';
  const ready = mxcsrToo ? withBytes(filled, MXCSR_OFFSET_BYTES, u32Bytes(INIT_MXCSR)) : filled;
  return withXstateBit(ready, bit, true);
};

export const u32Bytes = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, (value >>> 24) & 0xff);
