import type { Capture } from '../../../app/capture/capture.ts';
import type { Image } from '../../../app/capture/image.ts';
import { lostOf } from '../../../app/register/doubt.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { vectorFragments } from '../../../app/register/vector.ts';
import { type ElementType, elementBytes, isElementType } from '../../../app/value/element-type.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import type { LaneType, Selection } from '../state/view.ts';

/** The widest vector registers that the image has room for. */
export interface VectorFile {
  readonly kind: 'xmm' | 'ymm' | 'zmm';
  readonly widthBits: 128 | 256 | 512;
  readonly count: 16 | 32;
}

/** The widest vector registers that this image has room for, and how many of them. */
export const vectorFile = (image: Image): VectorFile => {
  if (placeOf(image.layout, BIT.Hi16_ZMM) !== undefined) return { kind: 'zmm', widthBits: 512, count: 32 };
  if (placeOf(image.layout, BIT.ZMM_Hi256) !== undefined) return { kind: 'zmm', widthBits: 512, count: 16 };
  if (placeOf(image.layout, BIT.AVX) !== undefined) return { kind: 'ymm', widthBits: 256, count: 16 };
  return { kind: 'xmm', widthBits: 128, count: 16 };
};

/** Hex is shown in pieces of 32 bits: a whole register has more digits than a row. */
export const elementTypeOf = (type: LaneType): ElementType => (type === 'hex' ? 'u32' : type);

export const elementsOf = (file: VectorFile, type: LaneType): number =>
  file.widthBits / 8 / elementBytes(elementTypeOf(type));

/** As on the command line: zmm3:f32[5]. */
export const elementPath = (file: VectorFile, index: number, type: LaneType, element: number): string =>
  `${file.kind}${index}:${elementTypeOf(type)}[${element}]`;

/** The widest register that has an element's bytes, where the file has lost others of the wide one; or why they are lost. */
export const holderOf = (
  image: Image,
  { kind }: VectorFile,
  index: number,
  fromBytes: number,
  sizeBytes: number,
): { readonly register: string; readonly lost: string | null } => {
  const whole = `${kind}${index}`;
  if (image.layout.lost === undefined) return { register: whole, lost: null };
  let why: string | null = null;
  for (const [one, bytes] of [
    [kind, 64],
    ['ymm', 32],
    ['xmm', 16],
  ] as const) {
    const source = registerRow(`${one}${index}`)?.source;
    if (source?.kind !== 'fragments' || fromBytes + sizeBytes > bytes) continue;
    const lost = lostOf(image, source.parts);
    if (lost === undefined) return { register: why === null ? whole : `${one}${index}`, lost: null };
    why ??= lost.why;
  }
  return { register: whole, lost: why };
};

const vectorBit = (image: Image, index: number, fromBit: number): number => {
  const file = vectorFile(image);
  const fragments = vectorFragments(image, file.kind, Math.min(index, file.count - 1));
  return fragments.findLast((fragment) => fragment.fromBit <= fromBit)?.bit ?? BIT.SSE;
};

/** The component that the selection lies in; null for what lies in none, such as RIP. */
export const componentOfSelection = (capture: Capture, selection: Selection, type: LaneType): number | null => {
  switch (selection.kind) {
    case 'component':
      return selection.bit;
    case 'tile':
    case 'xfd':
      return BIT.XTILEDATA;
    case 'vector':
      return vectorBit(capture.image, selection.index, selection.element * elementBytes(elementTypeOf(type)) * 8);
    case 'memory':
      return null;
    case 'register': {
      const source = registerRow(selection.path)?.source;
      if (source?.kind === 'fragments') return source.parts[0]?.bit ?? null;
      return source?.kind === 'mxcsr' ? BIT.SSE : null;
    }
  }
};

/** The component that a path lies in; null where it lies in none, or is no path. */
export const componentOfPath = (capture: Capture, text: string): number | null => {
  const vector = /^[xyz]mm(\d+):(\w+)\[(\d+)\]$/.exec(text);
  if (vector !== null && isElementType(vector[2] ?? '')) {
    const size = elementBytes(vector[2] as ElementType);
    return vectorBit(capture.image, Number(vector[1]), Number(vector[3]) * size * 8);
  }
  const register = /^[a-z]+\d*(_[a-z_]+)?/.exec(text)?.[0] ?? '';
  return componentOfSelection(capture, { kind: 'register', path: register }, 'u8');
};
