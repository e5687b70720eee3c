import { equalBytes, writeU16 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { bitsOf, hasBit, maskOf } from '../bits/mask.ts';
import type { ComponentBit, ComponentPlace, ComponentView, Image, Layout } from '../capture/image.ts';
import { BIT, COMPACTED_BIT, componentName } from './components.ts';
import { hasUnplacedXcomp, xcompBv, xstateBv } from './header.ts';
import { EXTENDED_OFFSET_BYTES, leastBytes, placeOf } from './layout.ts';

/** Inside the bytes of x87: MXCSR and its mask, which do not belong to it. */
const MXCSR_OFFSET_BYTES = 24;
const MXCSR_END_BYTES = 32;

/** What FNINIT and a component in init have: all exceptions masked, 64 bits of precision. (SDM vol. 1, 13.6) */
export const INIT_FCW = 0x037f;
/** MXCSR after reset: all exceptions masked. (SDM vol. 1, 13.6) */
export const INIT_MXCSR = 0x1f80;

/** Whoever wrote the image copied nothing of the component. Of one that lost a part the rest can be read. */
const isLost = ({ lost = [] }: Layout, { offsetBytes, sizeBytes }: ComponentPlace): boolean =>
  lost.some((part) => part.offsetBytes <= offsetBytes && offsetBytes + sizeBytes <= part.offsetBytes + part.sizeBytes);

/** The place of a component with room in this image; undefined where the layout or the bytes have none. */
export const roomFor = (image: Image, bit: ComponentBit): ComponentPlace | undefined => {
  const place = placeOf(image.layout, bit);
  if (place === undefined || place.sizeBytes < leastBytes(bit)) return undefined;
  if (image.layout.lost !== undefined && isLost(image.layout, place)) return undefined;
  return place.offsetBytes + place.sizeBytes <= image.bytes.length ? place : undefined;
};

/**
 * One of three answers for every component. Bytes under a clear XSTATE_BV bit are stale and not in the answer. The bytes
 * of x87 are 0 to 159 and hold MXCSR and its mask at 24 to 31, which do not belong to it.
 */
export const viewComponent = (image: Image, bit: ComponentBit): ComponentView => {
  const place = roomFor(image, bit);
  if (place === undefined) return { state: 'absent' };
  if (!hasBit(xstateBv(image), bit)) return { state: 'init' };
  return { state: 'inUse', bytes: image.bytes.subarray(place.offsetBytes, place.offsetBytes + place.sizeBytes) };
};

/** What a component holds in init state: FCW 037FH for x87, zeros for everything else. MXCSR is a field of its own. */
export const initBytes = (bit: ComponentBit, sizeBytes: number): Uint8Array => {
  const bytes = new Uint8Array(sizeBytes);
  if (bit === BIT.x87 && sizeBytes >= 2) writeU16(bytes, 0, INIT_FCW);
  return bytes;
};

/** What the component's registers hold: its bytes, or the initial values. Empty where the image has no room for it. */
export const componentBytesOrInit = (image: Image, bit: ComponentBit): Uint8Array => {
  const view = viewComponent(image, bit);
  if (view.state === 'inUse') return view.bytes;
  return initBytes(bit, roomFor(image, bit)?.sizeBytes ?? 0);
};

/** The values of a component, MXCSR left out of x87: it is a field of its own. In init they are the initial ones. */
export const ownValues = (image: Image, bit: ComponentBit): Uint8Array => {
  const bytes = componentBytesOrInit(image, bit);
  return bit === BIT.x87 ? bytes.slice().fill(0, MXCSR_OFFSET_BYTES, MXCSR_END_BYTES) : bytes;
};

/** Every byte has its initial value, whatever XSTATE_BV says. */
export const hasInitialValues = (image: Image, bit: ComponentBit): boolean => {
  const values = ownValues(image, bit);
  return equalBytes(values, initBytes(bit, values.length));
};

/**
 * XSTATE_BV bits that differ though both images have room for the component and the same values in it: its initial ones. It
 * says nothing, for a CPU takes such a component out of XSTATE_BV, or puts it in, whenever the thread is switched. (Intel SDM
 * vol. 1, 13.6: XINUSE of a component in its initial configuration may be either)
 */
export const flippedBits = (a: Image, b: Image): bigint =>
  maskOf(
    bitsOf(xstateBv(a) ^ xstateBv(b)).filter(
      (bit) =>
        roomFor(a, bit) !== undefined &&
        roomFor(b, bit) !== undefined &&
        hasInitialValues(a, bit) &&
        hasInitialValues(b, bit),
    ),
  );

/** Components in use that the bytes end before: what a cut-off snapshot has lost. */
export const cutComponents = (image: Image): ComponentBit[] =>
  image.layout.components
    .filter((place) => hasBit(xstateBv(image), place.bit) && roomFor(image, place.bit) === undefined)
    .map((place) => place.bit);

/**
 * An image from outside that may end anywhere behind its header, as snapshots cut at 4096 bytes do: a component that is
 * not whole in it is absent, in use or not. Refuses what has no whole header and what is in the other format than its
 * layout. Reserved bytes and unknown bits are kept as they are.
 */
export const decodeCutImage = (bytes: Uint8Array, layout: Layout): Decoded<Image> => {
  if (bytes.length < EXTENDED_OFFSET_BYTES) {
    return undecodable({
      kind: 'truncated',
      what: 'XSAVE image',
      neededBytes: EXTENDED_OFFSET_BYTES,
      gotBytes: bytes.length,
    });
  }
  const image: Image = { bytes, layout };
  const compacted = hasBit(xcompBv(image), COMPACTED_BIT);
  if (compacted !== (layout.format === 'compacted') && !hasUnplacedXcomp(image)) {
    const why = `bit 63 is ${compacted ? 'set' : 'clear'} and the layout is of the ${layout.format} format`;
    return undecodable({ kind: 'not-allowed', what: 'XCOMP_BV', why });
  }
  return decoded(image);
};

/** As decodeCutImage, and refuses an image that ends inside a component in use: KVM never gives such a one. */
export const decodeImage = (bytes: Uint8Array, layout: Layout): Decoded<Image> => {
  const image = decodeCutImage(bytes, layout);
  if (!image.ok) return image;
  for (const bit of cutComponents(image.value)) {
    const place = placeOf(layout, bit);
    const neededBytes = place === undefined ? 0 : place.offsetBytes + place.sizeBytes;
    return undecodable({ kind: 'truncated', what: componentName(bit), neededBytes, gotBytes: bytes.length });
  }
  return image;
};
