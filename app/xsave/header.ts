import { readU64 } from '../bits/bytes.ts';
import type { Problem } from '../bits/decoded.ts';
import { hasBit, maskOf } from '../bits/mask.ts';
import type { Image } from '../capture/image.ts';
import { COMPACTED_BIT } from './components.ts';
import { EXTENDED_OFFSET_BYTES } from './layout.ts';

/*
 * The header, bytes 512 to 575 (Intel SDM vol. 1 section 13.4.2):
 *   512  XSTATE_BV   8 bytes
 *   520  XCOMP_BV    8 bytes, bit 63: compacted
 *   528  reserved   48 bytes, zero
 */
export const XSTATE_BV_OFFSET_BYTES = 512;
export const XCOMP_BV_OFFSET_BYTES = 520;
const HEADER_RESERVED_OFFSET_BYTES = 528;

/** Which components hold saved values; a clear bit means init state and stale bytes. */
export const xstateBv = (image: Image): bigint => readU64(image.bytes, XSTATE_BV_OFFSET_BYTES);

export const xcompBv = (image: Image): bigint => readU64(image.bytes, XCOMP_BV_OFFSET_BYTES);

/** The offset of the first reserved header byte that is not zero, or null. */
export const firstReservedByte = (bytes: Uint8Array): number | null => {
  for (let offset = HEADER_RESERVED_OFFSET_BYTES; offset < EXTENDED_OFFSET_BYTES; offset += 1) {
    if (bytes[offset] !== 0) return offset;
  }
  return null;
};

/**
 * XCOMP_BV has bit 63 and components without a place in this standard layout: no CPU of that layout wrote it, and the bytes are
 * laid out in neither format for certain. Such an image is opened as a standard one, for what is wrong with it.
 */
export const hasUnplacedXcomp = (image: Image): boolean => {
  const claimed = xcompBv(image);
  const has = maskOf([COMPACTED_BIT, ...image.layout.components.map(({ bit }) => bit)]);
  return image.layout.format === 'standard' && hasBit(claimed, COMPACTED_BIT) && (claimed & ~has) !== 0n;
};

// Reported, never cleared: the kernel refuses such an image, and clearing would hide the fault of whoever wrote it.
/** Reserved bytes of the header that are not zero, a problem each: KVM refuses such an image. */
export const headerReserved = (image: Image): Problem[] => {
  const problems: Problem[] = [];
  for (let offset = HEADER_RESERVED_OFFSET_BYTES; offset < EXTENDED_OFFSET_BYTES; offset += 1) {
    if (image.bytes[offset] !== 0) {
      problems.push({ kind: 'reserved-not-zero', what: 'XSAVE header', offsetBytes: offset });
    }
  }
  return problems;
};

/**
 * Legacy region and header wholly zero: no CPU gives that (FCW would be 0), but KVM_GET_XSAVE does for an SEV-ES guest
 * whose state it cannot read, with success. To be shown as "protected", not as zeros.
 */
export const looksProtected = (image: Image): boolean =>
  image.bytes.length >= EXTENDED_OFFSET_BYTES &&
  image.bytes.subarray(0, EXTENDED_OFFSET_BYTES).every((byte) => byte === 0);
