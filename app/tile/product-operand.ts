import { readU16, readU32 } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import { bf16Value, f16NanAsF32, f16Value, f32Value, tf32Bits } from './float-bits.ts';
import { ROW_STRIDE_BYTES } from './geometry.ts';
import { daz } from './product-float.ts';
import type { TileType } from './tile-type.ts';
import { tileTypeRow } from './tile-type.ts';
import type { Extent } from './vnni.ts';

/**
 * A source of a floating-point product, widened to f32. Lane l of a dword of A multiplies lane l of a dword of B; the
 * element of row r, dword d, lane l has the index (r · dwords + d) · lanes + l.
 */
export interface LaneOperand {
  readonly lanes: number;
  readonly dwords: number;
  readonly values: Float64Array;
  /** Where the value is a NaN its f32 bits, else 0. */
  readonly nans: Uint32Array;
}

/** One lane: which element of the dword it takes, and whether with the opposite sign. */
interface Lane {
  readonly element: number;
  readonly negated: boolean;
}

const IN_ORDER: readonly Lane[] = [0, 1].map((element) => ({ element, negated: false }));
const SWAPPED: readonly Lane[] = [1, 0].map((element) => ({ element, negated: false }));
const IMAGINARY_NEGATED: readonly Lane[] = [
  { element: 0, negated: false },
  { element: 1, negated: true },
];
const ONE: readonly Lane[] = IN_ORDER.slice(0, 1);

/**
 * Which halves of a dword of A meet halves 0 and 1 of a dword of B. Complex numbers have their real part in half 0: the
 * real part of a product is re·re + (−im)·im, the imaginary part im·re + re·im, in this order. (ISE, AMX-COMPLEX.)
 */
export const lanesOfA = (part: 'real' | 'imaginary' | null, type: TileType): readonly Lane[] => {
  if (part === 'real') return IMAGINARY_NEGATED;
  if (part === 'imaginary') return SWAPPED;
  return lanesOfB(type);
};

export const lanesOfB = (type: TileType): readonly Lane[] => (type === 'tf32' ? ONE : IN_ORDER);

interface Widened {
  readonly value: number;
  readonly nanBits: number;
}

/** bf16 denormals are treated as zero; fp16 denormals are not, and are normal as f32; nor are those of tf32. */
const widen = (type: TileType, bytes: Uint8Array, dwordOffset: number, { element, negated }: Lane): Widened => {
  if (type === 'tf32') {
    const bits = tf32Bits(readU32(bytes, dwordOffset));
    return { value: f32Value(bits), nanBits: bits };
  }
  const stored = readU16(bytes, dwordOffset + 2 * element);
  const half = negated ? stored ^ 0x8000 : stored;
  return type === 'bf16'
    ? { value: daz(bf16Value(half)), nanBits: (half << 16) >>> 0 }
    : { value: f16Value(half), nanBits: f16NanAsF32(half) };
};

/** An operand as rows of lanes, in the order in which the instruction multiplies them. */
export const laneOperand = (
  type: TileType,
  lanes: readonly Lane[],
  bytes: Uint8Array,
  { rows, colsb }: Extent,
): LaneOperand => {
  const dwords = colsb / 4;
  const values = new Float64Array(rows * dwords * lanes.length);
  const nans = new Uint32Array(values.length);
  let index = 0;
  for (let row = 0; row < rows; row += 1) {
    for (let dword = 0; dword < dwords; dword += 1) {
      for (const lane of lanes) {
        const { value, nanBits } = widen(type, bytes, row * ROW_STRIDE_BYTES + dword * 4, lane);
        values[index] = value;
        if (Number.isNaN(value)) nans[index] = nanBits;
        index += 1;
      }
    }
  }
  return { lanes: lanes.length, dwords, values, nans };
};

/** A source of byte elements: the byte of row r and column c, as a number, has the index r · colsb + c. */
export const byteOperand = (type: TileType, bytes: Uint8Array, { rows, colsb }: Extent): Float64Array => {
  const { read, bytes: elementBytes } = tileTypeRow(type);
  assert(elementBytes === 1, `${type} is not a byte type`);
  const values = new Float64Array(rows * colsb);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < colsb; column += 1) {
      values[row * colsb + column] = read(bytes, row * ROW_STRIDE_BYTES + column);
    }
  }
  return values;
};
