import { readI32, readU8, readU16, readU32 } from '../bits/bytes.ts';
import { assert } from '../bits/decoded.ts';
import type { ElementType } from '../value/element-type.ts';
import type { FloatFormat } from '../value/float-format.ts';
import { bf8Value, bf16Value, f16Value, f32Value, hf8Value, tf32Bits } from './float-bits.ts';

const NAMES = ['i8', 'u8', 'i32', 'u32', 'bf16', 'f16', 'cf16', 'bf8', 'hf8', 'tf32', 'f32'] as const;
export type TileType = (typeof NAMES)[number];

interface TileTypeRow {
  readonly name: TileType;
  readonly label: string;
  readonly bytes: 1 | 2 | 4;
  /** How it is printed and parsed: as a type of app/value, in a float format of its own, or as two f16. */
  readonly text:
    | { readonly kind: 'element'; readonly type: ElementType }
    | { readonly kind: 'format'; readonly format: FloatFormat }
    | { readonly kind: 'complex' };
  /** How a heat map runs: from zero both ways, or from zero up. */
  readonly scale: 'diverging' | 'sequential';
  /** The exact value; of a complex number its magnitude. */
  readonly read: (bytes: Uint8Array, offsetBytes: number) => number;
}

const element = (type: ElementType) => ({ kind: 'element', type }) as const;
const format = (precisionBits: number, exponentBits: number) =>
  ({ kind: 'format', format: { precisionBits, exponentBits, explicitInteger: false } }) as const;

/** OCP OFP8 1.0: no infinity, and S.1111.111 is the only NaN. */
const E4M3: FloatFormat = { precisionBits: 4, exponentBits: 4, explicitInteger: false, noInfinity: true };

/** A number of complex fp16, both parts as they are read. */
export interface Complex {
  readonly re: number;
  readonly im: number;
}

/** A complex fp16 element: real part in the low half of the dword, imaginary part in the high one. (ISE, TCMMRLFP16PS.) */
export const readComplex = (bytes: Uint8Array, offsetBytes: number): Complex => ({
  re: f16Value(readU16(bytes, offsetBytes)),
  im: f16Value(readU16(bytes, offsetBytes + 2)),
});

const magnitude = ({ re, im }: Complex): number =>
  Number.isNaN(re) || Number.isNaN(im) ? Number.NaN : Math.hypot(re, im);

/**
 * What the elements of a tile can be read as. The tile itself carries no type: the viewer chooses. tf32 is an f32 whose
 * low 13 bits TMMULTF32PS cuts off.
 */
export const TILE_TYPES: readonly TileTypeRow[] = [
  {
    ...{ name: 'i8', label: 'int8', bytes: 1, text: element('i8'), scale: 'diverging' },
    read: (bytes, at) => (readU8(bytes, at) << 24) >> 24,
  },
  { name: 'u8', label: 'uint8', bytes: 1, text: element('u8'), scale: 'sequential', read: readU8 },
  { name: 'i32', label: 'int32', bytes: 4, text: element('i32'), scale: 'diverging', read: readI32 },
  { name: 'u32', label: 'uint32', bytes: 4, text: element('u32'), scale: 'sequential', read: readU32 },
  {
    ...{ name: 'bf16', label: 'bf16', bytes: 2, text: element('bf16'), scale: 'diverging' },
    read: (bytes, at) => bf16Value(readU16(bytes, at)),
  },
  {
    ...{ name: 'f16', label: 'fp16', bytes: 2, text: element('f16'), scale: 'diverging' },
    read: (bytes, at) => f16Value(readU16(bytes, at)),
  },
  {
    ...{ name: 'cf16', label: 'complex fp16', bytes: 4, text: { kind: 'complex' }, scale: 'sequential' },
    read: (bytes, at) => magnitude(readComplex(bytes, at)),
  },
  {
    ...{ name: 'bf8', label: 'fp8 E5M2 (BF8)', bytes: 1, text: format(3, 5), scale: 'diverging' },
    read: (bytes, at) => bf8Value(readU8(bytes, at)),
  },
  {
    ...{ name: 'hf8', label: 'fp8 E4M3 (HF8)', bytes: 1, text: { kind: 'format', format: E4M3 }, scale: 'diverging' },
    read: (bytes, at) => hf8Value(readU8(bytes, at)),
  },
  {
    ...{ name: 'tf32', label: 'tf32', bytes: 4, text: format(11, 8), scale: 'diverging' },
    read: (bytes, at) => f32Value(tf32Bits(readU32(bytes, at))),
  },
  {
    ...{ name: 'f32', label: 'fp32', bytes: 4, text: element('f32'), scale: 'diverging' },
    read: (bytes, at) => f32Value(readU32(bytes, at)),
  },
];

const ROWS: ReadonlyMap<TileType, TileTypeRow> = new Map(TILE_TYPES.map((row) => [row.name, row]));

/** The row of a type. Throws where there is none. */
export const tileTypeRow = (type: TileType): TileTypeRow => {
  const row = ROWS.get(type);
  assert(row !== undefined, `no tile type ${type}`);
  return row;
};

/** Elements in one dword of a tile, the manual's unit of a product. Operand B of a product is interleaved by them. */
export const perDword = (type: TileType): number => 4 / tileTypeRow(type).bytes;
