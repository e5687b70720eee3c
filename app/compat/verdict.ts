import type { ComponentBit, Image, Layout } from '../capture/image.ts';
import type { Contradiction } from '../xsave/bitmatrix.ts';
import type { PreflightStep } from '../xsave/preflight.ts';

export interface Lost {
  readonly bit: ComponentBit;
  readonly name: string;
  /** One sentence without a full stop. */
  readonly why: string;
}

export type Extent = { readonly offsetBytes: number; readonly sizeBytes: number };

/** A component that the image and the destination have at different places or of different sizes; null: not there. */
export interface LayoutDifference {
  readonly bit: ComponentBit;
  readonly name: string;
  readonly here: Extent | null;
  readonly there: Extent | null;
}

/** A whole image in fewer bytes than KVM_SET_XSAVE copies: of those bytes alone the copy ends with EFAULT, before any other check. */
export interface Short {
  readonly bytes: number;
  readonly copies: number;
  readonly errno: 'EFAULT';
}

/**
 * The file's own bytes given to KVM_SET_XSAVE there, unconverted, in a buffer as large as KVM copies. `misread`: KVM would take them and look for components in
 * use at other offsets than where the image has them: nothing is refused and the registers are wrong.
 */
export interface AsItIs {
  readonly outcome: 'taken' | 'misread' | 'refused';
  readonly steps: readonly PreflightStep[];
  readonly refusal: PreflightStep | null;
  readonly misread: readonly ComponentBit[];
  /** What comes first where the bytes are given without a buffer around them; null: they are as many as KVM copies. */
  readonly short: Short | null;
}

/**
 * `yes`: KVM_SET_XSAVE takes the image as it is, and the guest has the same registers. `after-conversion`: it takes all of
 * them once the image is converted, and refuses or misreads it as it is.
 */
export type Fits = 'yes' | 'after-conversion' | 'with-losses' | 'no';

export interface RestoreVerdict {
  readonly fits: Fits;
  /** A few words for a badge. */
  readonly badge: string;
  readonly destination: string;
  readonly there: Layout;
  /** The image in the destination's layout, without what is lost: what would be written. */
  readonly image: Image;
  /** Pre-flight of that image there. */
  readonly steps: readonly PreflightStep[];
  readonly asItIs: AsItIs;
  /** The first thing KVM_SET_XSAVE would refuse of the file as it is; else what refuses the converted image; null: nothing. */
  readonly firstRefusal: PreflightStep | null;
  readonly errno: NonNullable<PreflightStep['errno']> | null;
  readonly lost: readonly Lost[];
  readonly layoutDiffers: readonly LayoutDifference[];
  /** Why KVM_SET_XCRS would refuse the capture's XCR0 there, with EINVAL; null: it would not, or XCR0 was not read. */
  readonly xcr0Refusal: string | null;
  /** What is odd about the state itself, wherever it goes: as bitMatrix() tells it. */
  readonly warnings: readonly Contradiction[];
  /** The verdict in words, the most important first; no full stops. */
  readonly sentences: readonly string[];
}
