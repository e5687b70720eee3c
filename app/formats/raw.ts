import { readU64 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { hasBit } from '../bits/mask.ts';
import { factsOf } from '../session/capture.ts';
import { COMPACTED_BIT } from '../xsave/components.ts';
import { firstReservedByte, XCOMP_BV_OFFSET_BYTES, XSTATE_BV_OFFSET_BYTES } from '../xsave/header.ts';
import { EXTENDED_OFFSET_BYTES } from '../xsave/layout.ts';
import { layoutFor, MOST_IMAGE_BYTES } from './guess.ts';
import { fileTarget, type OpenedFile, type OpenOptions, stateOf } from './opened.ts';

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

/**
 * The bytes of one XSAVE area and nothing else: what KVM_GET_XSAVE or KVM_GET_XSAVE2 wrote, a ptrace regset, a piece of a
 * guest's memory. With a preset an image with a bad header is opened too, so that it can be looked at; without one the
 * header is all there is to recognise it by. An image that ends inside a component is opened as far as it goes.
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
  if (options.preset === undefined && why !== null) return notAnImage(name, why);
  const layout = layoutFor(bytes, options.preset);
  if (!layout.ok) return layout;
  const image = { bytes: bytes.slice(), layout: layout.value };
  const state = stateOf('image', image, factsOf(fileTarget(name, 'raw image'), 'raw image'));
  return decoded({ kind: 'raw', states: [state] });
};
