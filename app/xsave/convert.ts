import { readU64, writeU32, writeU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hasBit, maskOf, withBit } from '../bits/mask.ts';
import type { ComponentBit, Image, Layout } from '../capture/image.ts';
import { BIT, COMPACTED_BIT, componentName } from './components.ts';
import { XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES, xstateBv } from './header.ts';
import { EXTENDED_OFFSET_BYTES, placeOf } from './layout.ts';
import {
  MXCSR_MASK_OFFSET_BYTES,
  MXCSR_OFFSET_BYTES,
  mxcsrMask,
  mxcsrToKeep,
  SOFTWARE_OFFSET_BYTES,
} from './legacy.ts';
import { MXCSR_MASKS, type Preset } from './presets.ts';
import { INIT_MXCSR, initBytes, roomFor, viewComponent } from './view.ts';

/** A component whose registers the new image cannot hold, and why, as one sentence without a full stop. */
export interface LostComponent {
  readonly bit: ComponentBit;
  readonly why: string;
}

export interface Converted {
  readonly image: Image;
  /** Components in use that could not be taken along. Empty: nothing is lost. */
  readonly lost: readonly LostComponent[];
}

const RESERVED_OFFSET_BYTES = 416;

/**
 * The same registers in another layout, or in the other format: component by component. Bytes under a clear XSTATE_BV
 * bit are stale and become initial values. What has no place, another size, or lies beyond the end of the source is not
 * guessed: it is left in init state and named. Bytes that no component owns (5, 416 to 511, the padding of ST slots) go
 * along; the mask at 464 becomes the one of the new layout where there was one.
 */
export const convertImage = (image: Image, to: Layout): Decoded<Converted> => {
  if (image.bytes.length < EXTENDED_OFFSET_BYTES) {
    const gotBytes = image.bytes.length;
    return undecodable({ kind: 'truncated', what: 'XSAVE image', neededBytes: EXTENDED_OFFSET_BYTES, gotBytes });
  }
  const bytes = new Uint8Array(to.totalBytes);
  for (const place of to.components) bytes.set(initBytes(place.bit, place.sizeBytes), place.offsetBytes);
  bytes.set(image.bytes.subarray(RESERVED_OFFSET_BYTES, 512), RESERVED_OFFSET_BYTES);

  const lost: LostComponent[] = [];
  let bv = 0n;
  const saved = xstateBv(image);
  for (let bit = 0; bit < COMPACTED_BIT; bit += 1) {
    if (!hasBit(saved, bit)) continue;
    const why = whyNot(image, to, bit);
    const view = viewComponent(image, bit);
    const place = placeOf(to, bit);
    if (why !== null || view.state !== 'inUse' || place === undefined) {
      lost.push({ bit, why: why ?? `${componentName(bit)} cannot be read` });
      continue;
    }
    bytes.set(view.bytes, place.offsetBytes);
    bv = withBit(bv, bit, true);
  }

  // MXCSR belongs to no component's bytes. With SSE in init state a compacted image has no MXCSR at all, and readers of a
  // standard one differ: the bit is set, over XMM registers of zero, so that none of them drops it.
  const control = mxcsrToKeep(image);
  if (control !== INIT_MXCSR) bv = withBit(bv, BIT.SSE, true);
  writeU32(bytes, MXCSR_OFFSET_BYTES, control);
  writeU32(bytes, MXCSR_MASK_OFFSET_BYTES, mxcsrMask(image));

  const room = maskOf(to.components.map((place) => place.bit));
  if (readU64(image.bytes, SOFTWARE_OFFSET_BYTES) !== 0n) writeU64(bytes, SOFTWARE_OFFSET_BYTES, room);
  writeU64(bytes, XSTATE_BV_OFFSET_BYTES, bv);
  if (to.format === 'compacted') writeU64(bytes, XCOMP_BV_OFFSET_BYTES, withBit(room, COMPACTED_BIT, true));
  return decoded({ image: { bytes, layout: to }, lost });
};

const whyNot = (image: Image, to: Layout, bit: ComponentBit): string | null => {
  const name = componentName(bit);
  const from = placeOf(image.layout, bit);
  const place = placeOf(to, bit);
  if (from === undefined) return `${name} is in use and its place in the source is not known`;
  if (roomFor(image, bit) === undefined) {
    const end = from.offsetBytes + from.sizeBytes;
    return `${name} ends at ${end} and the source at ${image.bytes.length}`;
  }
  if (place === undefined) return `${name} has no place in the layout of ${to.source}`;
  if (place.sizeBytes !== from.sizeBytes) {
    return `${name} has ${from.sizeBytes} bytes in the source and ${place.sizeBytes} in the layout of ${to.source}`;
  }
  return null;
};

/** The layout without the components that a mask does not name; offsets stay, the total shrinks where the end goes. */
export const restrictLayout = (layout: Layout, mask: bigint): Layout => {
  const components = layout.components.filter((place) => place.bit < 2 || hasBit(mask, place.bit));
  const ends = components.filter((place) => place.bit >= 2).map((place) => place.offsetBytes + place.sizeBytes);
  return { ...layout, components, totalBytes: Math.max(EXTENDED_OFFSET_BYTES, ...ends) };
};

/**
 * MXCSR_MASK is no state: each CPU writes its own, and XRSTOR does not look at it. What is laid out for another CPU has that CPU's, for
 * readers who are not told the CPU know it by that.
 */
export const withMxcsrMask = ({ bytes, layout }: Image, vendor: Preset['vendor']): Image => {
  const own = bytes.slice();
  writeU32(own, MXCSR_MASK_OFFSET_BYTES, MXCSR_MASKS[vendor]);
  return { bytes: own, layout };
};
