import type { Capture } from '../../app/session/capture.ts';
import { enumeratedUser } from '../../app/xsave/layout.ts';

/** Which registers a live guest has here, as its own CPUID says: what a test writes and expects is drawn from it. */
export interface Having {
  /** The widest vector registers. */
  readonly wide: 'zmm' | 'ymm' | 'xmm';
  readonly wideBytes: 64 | 32 | 16;
  /** AVX-512: k0 to k7, and registers 16 to 31. */
  readonly masks: boolean;
  readonly pkru: boolean;
}

const AVX = 1n << 2n;
const AVX512 = 0xe0n;
const PKRU = 1n << 9n;

export const havingOf = ({ image, facts }: Capture): Having => {
  const places = image.layout.components.reduce((mask, { bit }) => mask | (1n << BigInt(bit)), 0n);
  const user = (enumeratedUser(facts.guestCpuid) ?? 3n) & places;
  const masks = (user & AVX512) === AVX512;
  const wide = masks ? 'zmm' : (user & AVX) !== 0n ? 'ymm' : 'xmm';
  return { wide, wideBytes: wide === 'zmm' ? 64 : wide === 'ymm' ? 32 : 16, masks, pkru: (user & PKRU) !== 0n };
};
