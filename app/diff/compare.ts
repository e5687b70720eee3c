import { equalBytes, hexByte, readU32 } from '../bits/bytes.ts';
import { hasBit, hexShort } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentView, Image } from '../capture/image.ts';
import { parsePath, type RegisterPath } from '../register/path.ts';
import { readRegister, showText } from '../register/read.ts';
import { REGISTERS, registerRow } from '../register/registers.ts';
import { BIT, componentLabel, keepsWhenClear } from '../xsave/components.ts';
import { xstateBv } from '../xsave/header.ts';
import { placeOf } from '../xsave/layout.ts';
import { MXCSR_END_BYTES, MXCSR_OFFSET_BYTES, mxcsr } from '../xsave/legacy.ts';
import { componentBytesOrInit, flippedBits, INIT_MXCSR, roomFor, viewComponent } from '../xsave/view.ts';

export interface Mismatch {
  /** null: not a component (MXCSR, or the size). */
  readonly bit: number | null;
  readonly kind: 'dropped' | 'bytes' | 'size';
  /** In the image, where the first difference lies. */
  readonly offsetBytes: number;
  /** One sentence without a full stop. */
  readonly sentence: string;
}

// Bytes 24 to 31 are MXCSR's and its mask's: MXCSR is compared by itself, and the mask is the CPU's to write.
const notX87 = (bit: number, offset: number): boolean =>
  bit === BIT.x87 && offset >= MXCSR_OFFSET_BYTES && offset < MXCSR_END_BYTES;

/** The first byte of a component that differs, inside it; null: equal. Init values stand for a component in init. */
const firstDifference = (a: Image, b: Image, bit: number): number | null => {
  const before = componentBytesOrInit(a, bit);
  const after = componentBytesOrInit(b, bit);
  for (let offset = 0; offset < Math.max(before.length, after.length); offset += 1) {
    if (before[offset] !== after[offset] && !notX87(bit, offset)) return offset;
  }
  return null;
};

const byteText = (bytes: Uint8Array, offset: number): string => `0x${hexByte(bytes[offset] ?? 0)}`;

const compareComponent = (expected: Image, got: Image, bit: number): Mismatch | null => {
  const wanted = viewComponent(expected, bit).state;
  // Nothing was asked for, so nothing can differ.
  if (keepsWhenClear(bit) && wanted === 'init') return null;
  const at = firstDifference(expected, got, bit);
  if (at === null) return null;
  const base = placeOf(expected.layout, bit)?.offsetBytes ?? 0;
  if (wanted === 'inUse' && viewComponent(got, bit).state === 'init') {
    const sentence = `${componentLabel(bit)} was dropped: XSTATE_BV bit ${bit} reads back clear`;
    return { bit, kind: 'dropped', offsetBytes: base, sentence };
  }
  const want = byteText(componentBytesOrInit(expected, bit), at);
  const have = byteText(componentBytesOrInit(got, bit), at);
  const sentence = `${componentLabel(bit)} differs at offset ${base + at}: written ${want}, read back ${have}`;
  return { bit, kind: 'bytes', offsetBytes: base + at, sentence };
};

/** What KVM keeps of MXCSR: the value where SSE or AVX is in use, else its initial one. */
const keptMxcsr = (image: Image): number => {
  const bv = xstateBv(image);
  return hasBit(bv, BIT.SSE) || hasBit(bv, BIT.AVX) ? mxcsr(image) : INIT_MXCSR;
};

/**
 * An image that was written against what the same vCPU gives back, before it has run on. Compared is state: every
 * component, in use or in init, and MXCSR. Not compared: stale bytes, holes, bytes 416 to 511 (KVM writes its feature
 * mask at 464), MXCSR_MASK. Empty: everything arrived, and what was not touched is as it was.
 */
export const compareWritten = (expected: Image, readBack: Uint8Array): Mismatch[] => {
  if (readBack.length < expected.bytes.length) {
    const sentence = `read back ${readBack.length} bytes, written ${expected.bytes.length}`;
    return [{ bit: null, kind: 'size', offsetBytes: readBack.length, sentence }];
  }
  const got: Image = { bytes: readBack, layout: expected.layout };
  const found: Mismatch[] = [];
  for (const { bit } of expected.layout.components) {
    const mismatch = roomFor(expected, bit) === undefined ? null : compareComponent(expected, got, bit);
    if (mismatch !== null) found.push(mismatch);
  }
  const want = keptMxcsr(expected);
  const have = readU32(readBack, MXCSR_OFFSET_BYTES);
  if (want !== have) {
    const sentence = `MXCSR differs: written ${hexShort(BigInt(want))}, read back ${hexShort(BigInt(have))}`;
    found.push({ bit: null, kind: 'bytes', offsetBytes: MXCSR_OFFSET_BYTES, sentence });
  }
  return found;
};

export interface ComponentDifference {
  readonly bit: number;
  readonly before: ComponentView['state'];
  readonly after: ComponentView['state'];
  /** Bytes of state that differ; init values count for a component in init. */
  readonly changedBytes: number;
}

export interface CaptureDifference {
  readonly components: readonly ComponentDifference[];
  /** Registers that differ, in the order of the register list: general ones, XCR0, MSRs, MXCSR and the others. */
  readonly registers: readonly { readonly path: string; readonly before: string; readonly after: string }[];
}

/** The size of a component in the layout that gives it more room: no more of its bytes can differ. */
export const largerBytes = (a: Image, b: Image, bit: number): number =>
  Math.max(...[a, b].map(({ layout }) => placeOf(layout, bit)?.sizeBytes ?? 0));

const changedBytesOf = (a: Image, b: Image, bit: number): number => {
  const before = componentBytesOrInit(a, bit);
  const after = componentBytesOrInit(b, bit);
  let count = 0;
  for (let offset = 0; offset < Math.max(before.length, after.length); offset += 1) {
    if (before[offset] !== after[offset] && !notX87(bit, offset)) count += 1;
  }
  return count;
};

/**
 * A register of a component in init has its initial value: in use with the same bytes, it does not differ. Nor does one that
 * is absent on one side and zero on the other: that is said of its component.
 */
const isSameValue = (before: Capture, after: Capture, path: RegisterPath): boolean => {
  const [a, b] = [readRegister(before, path), readRegister(after, path)];
  if (!a.ok || !b.ok) return false;
  const [was, is] = [a.value, b.value];
  if ('bytes' in was && 'bytes' in is) return equalBytes(was.bytes, is.bytes);
  const only = 'bytes' in was ? was.bytes : 'bytes' in is ? is.bytes : null;
  const other = 'bytes' in was ? is : was;
  return only !== null && other.state === 'absent' && only.every((byte) => byte === 0);
};

const VECTOR = /^[xyz]mm(\d+)$/;
const isThere = (image: Image, name: string): boolean => {
  const source = registerRow(name)?.source;
  return source?.kind === 'fragments' && source.parts.every(({ bit }) => viewComponent(image, bit).state !== 'absent');
};

/** One name for what has several: mm repeats st, and of vector registers the widest counts that both images have. */
const isTold = (name: string, images: readonly Image[]): boolean => {
  // A compacted image holds the mask, as MXCSR, under XSTATE_BV[1]: else the bytes are stale. (SDM vol. 1, 13.10)
  if (name === 'mxcsr_mask')
    return images.every((image) => image.layout.format === 'standard' || hasBit(xstateBv(image), BIT.SSE));
  const [, index] = VECTOR.exec(name) ?? [];
  if (index === undefined) return !/^mm\d/.test(name);
  const widest = ['zmm', 'ymm', 'xmm'].find((width) => images.every((image) => isThere(image, `${width}${index}`)));
  // Of zmm16 to 31, which one of two may lack, no part lies elsewhere.
  return name === `${widest ?? 'zmm'}${index}`;
};

/** XSTATE_BV differs in nothing but components that hold their initial values on both sides. */
const sameInUse = (a: Image, b: Image): boolean => (xstateBv(a) ^ xstateBv(b)) === flippedBits(a, b);

/** What differs between two captures, by component and by register. Layouts may differ: components are compared by bit. */
export const diffCaptures = (before: Capture, after: Capture): CaptureDifference => {
  const places = [...before.image.layout.components, ...after.image.layout.components];
  const bits = [...new Set(places.map((place) => place.bit))].sort((a, b) => a - b);
  const components = bits.flatMap((bit) => {
    const a = viewComponent(before.image, bit).state;
    const b = viewComponent(after.image, bit).state;
    const changedBytes = changedBytesOf(before.image, after.image, bit);
    // In init and in use with its initial values is the same; there or not there is not.
    const isSame = changedBytes === 0 && (a === 'absent') === (b === 'absent');
    return isSame ? [] : [{ bit, before: a, after: b, changedBytes }];
  });
  const images = [before.image, after.image];
  const registers = REGISTERS.flatMap(({ name }) => {
    if (!isTold(name, images) || (name === 'xstate_bv' && sameInUse(before.image, after.image))) return [];
    const path = parsePath(name);
    if (!path.ok) return [];
    const [a, b] = [showText(before, path.value), showText(after, path.value)];
    return a === b || isSameValue(before, after, path.value) ? [] : [{ path: name, before: a, after: b }];
  });
  return { components, registers };
};
