import { readU8, readU16, readU32, readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hasBit, maskOf } from '../bits/mask.ts';
import { factsOf } from '../capture/capture.ts';
import { COMPACTED_BIT, COMPONENTS } from '../xsave/components.ts';
import { firstReservedByte, XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { EXTENDED_OFFSET_BYTES } from '../xsave/layout.ts';
import { MXCSR_MASK_OFFSET_BYTES, MXCSR_OFFSET_BYTES } from '../xsave/legacy.ts';
import { layoutFor, MOST_IMAGE_BYTES } from './guess.ts';
import { fileTarget, type OpenedFile, type OpenOptions, stateOf } from './opened.ts';
import { VENDOR_MASKS } from './witness.ts';

const notAnImage = (name: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: name, why: `not a raw XSAVE image: ${why}` });

/** Why bytes cannot be an XSAVE image; null where nothing speaks against it. */
const doubt = (bytes: Uint8Array): string | null => {
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
  const comp = readU64(bytes, XCOMP_BV_OFFSET_BYTES);
  if (hasBit(bv, 63)) return 'XSTATE_BV has bit 63';
  if (comp !== 0n && !hasBit(comp, COMPACTED_BIT)) return 'XCOMP_BV has bits without bit 63';
  if (hasBit(comp, COMPACTED_BIT) && (bv & ~comp) !== 0n) return 'XSTATE_BV has bits outside XCOMP_BV';
  const reserved = firstReservedByte(bytes);
  return reserved === null ? null : `reserved header byte ${reserved} is not zero`;
};

/** FCW: bits 15:13 and 7 are 0, bit 6 is 1 on every CPU; 0 in memory that nobody has written. */
const isControlWord = (fcw: number): boolean => fcw === 0 || (fcw & 0xe0c0) === 0x40;

/** Bits that MXCSR and its mask have on some CPU. */
const OUTSIDE_MXCSR = ~0x2ffff;

/**
 * Whether the legacy region is that of an XSAVE image, whatever the header behind it holds: with a wrong header an image is
 * what people hunt EINVAL with. XSTATE_BV has components that there are, bit 63 aside.
 */
const looksLikeImage = (bytes: Uint8Array): boolean => {
  const known = maskOf(COMPONENTS.map(({ bit }) => bit));
  const bv = readU64(bytes, XSTATE_BV_OFFSET_BYTES);
  return (
    isControlWord(readU16(bytes, 0)) &&
    readU8(bytes, 5) === 0 &&
    (readU32(bytes, MXCSR_OFFSET_BYTES) & OUTSIDE_MXCSR) === 0 &&
    VENDOR_MASKS.has(readU32(bytes, MXCSR_MASK_OFFSET_BYTES)) &&
    (bv & ~(known | (1n << 63n))) === 0n
  );
};

/**
 * The bytes of one XSAVE area and nothing else: what KVM_GET_XSAVE or KVM_GET_XSAVE2 wrote, a ptrace regset, a piece of a
 * guest's memory. An image with a bad header is opened where its legacy region is one, and with a preset in any
 * case: what is wrong with it is told by bitMatrix(). An image that ends inside a component is opened as far as it goes.
 */
export const openRaw = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  if (bytes.length < EXTENDED_OFFSET_BYTES) {
    const gotBytes = bytes.length;
    return undecodable({
      kind: 'truncated',
      what: `${name} as a raw XSAVE image`,
      neededBytes: EXTENDED_OFFSET_BYTES,
      gotBytes,
    });
  }
  if (bytes.length > MOST_IMAGE_BYTES) return notAnImage(name, `${bytes.length} bytes are too many`);
  const why = doubt(bytes);
  if (options.preset === undefined && why !== null && !looksLikeImage(bytes)) {
    return notAnImage(name, `${why}; --from CPU opens it all the same`);
  }
  const layout = layoutFor(bytes, options.preset);
  if (!layout.ok) return layout;
  const image = { bytes: bytes.slice(), layout: layout.value };
  const state = stateOf('image', image, factsOf(fileTarget(name, 'raw image'), 'raw image'));
  return decoded({ kind: 'raw', states: [state] });
};
