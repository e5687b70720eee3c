import type { TileType } from './tile-type.ts';

/** How an instruction computes; each way is one function of product.ts. */
type Arithmetic =
  /** Products of bytes summed in 32 bits, wrapping. */
  | 'integer'
  /** One f32 accumulator for each element of a dword, fused multiply-adds, then their sum is added to C. */
  | 'fma'
  /** The products summed exactly, rounded to f32 once, then added to C. */
  | 'exact-sum';

interface ProductRow {
  readonly name: string;
  /** The CPUID feature, in the manual's name. */
  readonly feature: string;
  readonly a: TileType;
  readonly b: TileType;
  readonly c: TileType;
  readonly arithmetic: Arithmetic;
  /** For products of complex numbers: which part of the result. */
  readonly part: 'real' | 'imaginary' | null;
  /** Intel has withdrawn it: no CPU will have it. */
  readonly withdrawn: boolean;
  /** What the instruction computes, for the screen. */
  readonly formula: string;
}

/** The other orders of summation that public texts give are in the specification, [M8]. */
const FP8_RESTS_ON =
  'Intel’s ISE 319433-057: all products of a cell in one exact sum, rounded once. Other public texts sum in pairs, or in four accumulators, and differ in last bits';

const plain = { part: null, withdrawn: false } as const;
const integer = { ...plain, feature: 'AMX-INT8', c: 'i32', arithmetic: 'integer' } as const;
const fp8 = { ...plain, feature: 'AMX-FP8', c: 'f32', arithmetic: 'exact-sum' } as const;
const complex = {
  feature: 'AMX-COMPLEX',
  a: 'cf16',
  b: 'cf16',
  c: 'f32',
  arithmetic: 'fma',
  withdrawn: false,
} as const;

/** Every tile product: C += A · B, B interleaved. A new instruction is a new row. */
export const PRODUCTS = [
  { name: 'TDPBSSD', a: 'i8', b: 'i8', ...integer, formula: 'int32 += int8 · int8' },
  { name: 'TDPBSUD', a: 'i8', b: 'u8', ...integer, formula: 'int32 += int8 · uint8' },
  { name: 'TDPBUSD', a: 'u8', b: 'i8', ...integer, formula: 'int32 += uint8 · int8' },
  { name: 'TDPBUUD', a: 'u8', b: 'u8', ...integer, c: 'u32', formula: 'uint32 += uint8 · uint8' },
  {
    ...{ name: 'TDPBF16PS', feature: 'AMX-BF16', a: 'bf16', b: 'bf16', c: 'f32', arithmetic: 'fma', ...plain },
    formula: 'fp32 += bf16 · bf16',
  },
  {
    ...{ name: 'TDPFP16PS', feature: 'AMX-FP16', a: 'f16', b: 'f16', c: 'f32', arithmetic: 'fma', ...plain },
    formula: 'fp32 += fp16 · fp16',
  },
  { name: 'TCMMRLFP16PS', ...complex, part: 'real', formula: 'fp32 += Re(complex fp16 · complex fp16)' },
  { name: 'TCMMIMFP16PS', ...complex, part: 'imaginary', formula: 'fp32 += Im(complex fp16 · complex fp16)' },
  { name: 'TDPBF8PS', a: 'bf8', b: 'bf8', ...fp8, formula: 'fp32 += E5M2 · E5M2' },
  { name: 'TDPBHF8PS', a: 'bf8', b: 'hf8', ...fp8, formula: 'fp32 += E5M2 · E4M3' },
  { name: 'TDPHBF8PS', a: 'hf8', b: 'bf8', ...fp8, formula: 'fp32 += E4M3 · E5M2' },
  { name: 'TDPHF8PS', a: 'hf8', b: 'hf8', ...fp8, formula: 'fp32 += E4M3 · E4M3' },
  {
    ...{ name: 'TMMULTF32PS', feature: 'AMX-TF32', a: 'tf32', b: 'tf32', c: 'f32', arithmetic: 'fma', part: null },
    ...{ withdrawn: true, formula: 'fp32 += tf32 · tf32' },
  },
] as const satisfies readonly ProductRow[];

/** The text that fixes a result on which public texts disagree; null: they agree. */
export const restsOn = (instruction: ProductInstruction): string | null =>
  productRow(instruction).arithmetic === 'exact-sum' ? FP8_RESTS_ON : null;

export type ProductInstruction = (typeof PRODUCTS)[number]['name'];

const ROWS: ReadonlyMap<ProductInstruction, ProductRow> = new Map(PRODUCTS.map((row) => [row.name, row]));

/** The row of an instruction. Throws where there is none. */
export const productRow = (instruction: ProductInstruction): ProductRow => {
  const row = ROWS.get(instruction);
  if (row === undefined) throw new Error(`Tilescope fault: no product ${instruction}`);
  return row;
};
