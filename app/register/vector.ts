import { concat } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentView, Image } from '../capture/image.ts';
import { type ElementType, elementBytes } from '../value/element-type.ts';
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

/** 128 bits of a vector register; lane 0 is the lowest. */
export interface VectorLane {
  readonly lane: number;
  readonly bit: number;
  readonly state: ComponentView['state'];
  /** In the image; null where the component is absent. */
  readonly offsetBytes: number | null;
  /** 16 bytes: the value, or the initial zeros; empty where the component is absent. */
  readonly bytes: Uint8Array;
  /** Elements of the lane, lowest first. */
  readonly elements: readonly {
    /** In the whole register, as in a path. */
    readonly index: number;
    /** Inside `bytes`. */
    readonly offsetBytes: number;
  }[];
}

const LANE_BYTES = 16;

/** The lanes of a register seen at a width of 128, 256 or 512 bits, each with the component that it comes from. */
export const vectorLanes = (
  capture: Capture,
  index: number,
  type: ElementType,
  widthBits: 128 | 256 | 512,
): VectorLane[] => {
  const kind = widthBits === 128 ? 'xmm' : widthBits === 256 ? 'ymm' : 'zmm';
  const perLane = Math.floor(LANE_BYTES / elementBytes(type));
  const lanes: VectorLane[] = [];
  for (const fragment of vectorFragments(capture.image, kind, index)) {
    for (let done = 0; done < fragment.widthBits / 8; done += LANE_BYTES) {
      const lane = lanes.length;
      const elements = Array.from({ length: perLane }, (_, at) => ({
        index: lane * perLane + at,
        offsetBytes: at * elementBytes(type),
      }));
      const { bit, state } = fragment;
      const offsetBytes = fragment.offsetBytes === null ? null : fragment.offsetBytes + done;
      lanes.push({ lane, bit, state, offsetBytes, bytes: laneBytes(capture.image, bit, offsetBytes), elements });
    }
  }
  return lanes;
};

const laneBytes = (image: Image, bit: number, offsetBytes: number | null): Uint8Array => {
  const place = placeOf(image.layout, bit);
  if (offsetBytes === null || place === undefined) return new Uint8Array(0);
  const start = offsetBytes - place.offsetBytes;
  return componentBytesOrInit(image, bit).subarray(start, start + LANE_BYTES);
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
