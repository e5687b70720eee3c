import { concat } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import type { ComponentView, Image } from '../capture/image.ts';
import { placeOf } from '../xsave/layout.ts';
import { componentBytesOrInit, viewComponent } from '../xsave/view.ts';
import { lostOf } from './doubt.ts';
import { registerRow } from './registers.ts';

export type VectorKind = 'xmm' | 'ymm' | 'zmm';

/** The part of a vector register that one component holds. */
export interface VectorFragment {
  readonly bit: number;
  /** Where the fragment begins inside the register. */
  readonly fromBit: number;
  readonly widthBits: number;
  /** In the image; null where the component is absent. */
  readonly offsetBytes: number | null;
  readonly state: ComponentView['state'];
}

/** The fragments of a register, lowest first: three for zmm0 to zmm15, one for zmm16 to zmm31. */
export const vectorFragments = (image: Image, kind: VectorKind, index: number): VectorFragment[] => {
  const source = registerRow(`${kind}${index}`)?.source;
  assert(source?.kind === 'fragments', `no register ${kind}${index}`);
  let fromBit = 0;
  return source.parts.map(({ bit, offsetBytes, sizeBytes }) => {
    const { state } = viewComponent(image, bit);
    const place = placeOf(image.layout, bit);
    const at = state === 'absent' || place === undefined ? null : place.offsetBytes + offsetBytes;
    const fragment = { bit, fromBit, widthBits: sizeBytes * 8, offsetBytes: at, state };
    fromBit += sizeBytes * 8;
    return fragment;
  });
};

/** Whole register for copying: null where a part of it has no room in the image, or was lost. */
export const vectorBytes = (image: Image, kind: VectorKind, index: number): Uint8Array | null => {
  const source = registerRow(`${kind}${index}`)?.source;
  assert(source?.kind === 'fragments', `no register ${kind}${index}`);
  if (lostOf(image, source.parts) !== undefined) return null;
  if (source.parts.some((part) => viewComponent(image, part.bit).state === 'absent')) return null;
  return concat(
    source.parts.map(({ bit, offsetBytes, sizeBytes }) =>
      componentBytesOrInit(image, bit).subarray(offsetBytes, offsetBytes + sizeBytes),
    ),
  );
};
