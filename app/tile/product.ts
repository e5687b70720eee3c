import { readU32, writeU32 } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { f32Bits, f32Value } from './float-bits.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from './geometry.ts';
import { addToF32, daz, ExactSum } from './product-float.ts';
import { type ProductInstruction, productRow } from './product-instruction.ts';
import { DEFAULT_NAN_F32, nanResult } from './product-nan.ts';
import { byteOperand, laneOperand, lanesOfA, lanesOfB } from './product-operand.ts';
import { brokenShapeRules, type ProductExtents, TMUL_LIMITS, type TmulLimits } from './product-shape.ts';

/** The 1024 bytes of each operand as they were before the instruction. */
export interface ProductTiles {
  readonly c: Uint8Array;
  readonly a: Uint8Array;
  readonly b: Uint8Array;
}

interface Shape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** One instruction on checked operands: the bits of the result at row m, column n, from those of C there. */
type Cell = (m: number, n: number, cBits: number) => number;

type CellMaker = (instruction: ProductInstruction, tiles: ProductTiles, extents: ProductExtents, shape: Shape) => Cell;

/**
 * TDPBSSD, TDPBSUD, TDPBUSD, TDPBUUD: bytes widened to 32 bits, products and sums wrap. Addition modulo 2^32 has one
 * result in any order. (Intel SDM vol. 2, TDPBSSD, Operation.)
 */
const integerCell: CellMaker = (instruction, tiles, extents, { k }) => {
  const row = productRow(instruction);
  const a = byteOperand(row.a, tiles.a, extents.a);
  const b = byteOperand(row.b, tiles.b, extents.b);
  return (m, n, cBits) => {
    let sum = cBits;
    for (let dword = 0; dword < k; dword += 1) {
      for (let element = 0; element < 4; element += 1) {
        const atA = m * extents.a.colsb + 4 * dword + element;
        const atB = dword * extents.b.colsb + 4 * n + element;
        sum += (a[atA] ?? 0) * (b[atB] ?? 0);
      }
    }
    // At most 64 products below 2^16 each on a number below 2^32: exact as a double until this one wrap.
    return sum >>> 0;
  };
};

/**
 * TDPBF16PS, TDPFP16PS, TCMMRLFP16PS, TCMMIMFP16PS: for each of the two elements of a dword an accumulator that starts
 * at +0 and takes a fused multiply-add per k, in order of k; then accumulator 0 + accumulator 1; then C + that. Every step
 * is rounded to f32, to nearest even, with denormal results flushed; denormals of C count as zero. (Intel SDM vol. 2,
 * TDPBF16PS, TDPFP16PS, TCMMIMFP16PS, Operation: temp1.fp32[2n], temp1.fp32[2n+1], "DAZ=FTZ=1, RNE rounding".)
 *
 * TMMULTF32PS, in the ISE until Intel withdrew it: the same with one accumulator, on sources cut to tf32. By its
 * description no input denormal is treated as zero, of C neither. (LLVM amxtf32intrin.h carries the operation; Bochs
 * treats them as zero.)
 */
const fmaCell: CellMaker = (instruction, tiles, extents, { k }) => {
  const row = productRow(instruction);
  const a = laneOperand(row.a, lanesOfA(row.part, row.a), tiles.a, extents.a);
  const b = laneOperand(row.b, lanesOfB(row.b), tiles.b, extents.b);
  const { lanes } = a;
  const laneSum = (m: number, n: number, lane: number): number => {
    let sum = 0;
    for (let dword = 0; dword < k; dword += 1) {
      const atA = (m * a.dwords + dword) * lanes + lane;
      const atB = (dword * b.dwords + n) * lanes + lane;
      sum = addToF32((a.values[atA] ?? 0) * (b.values[atB] ?? 0), sum);
    }
    return sum;
  };
  return (m, n, cBits) => {
    const first = laneSum(m, n, 0);
    const sum = lanes === 1 ? first : addToF32(first, laneSum(m, n, 1));
    const c = f32Value(cBits);
    const result = addToF32(row.a === 'tf32' ? c : daz(c), sum);
    return Number.isNaN(result) ? nanResult(a, b, m, n, cBits) : f32Bits(result);
  };
};

/**
 * TDPBF8PS, TDPBHF8PS, TDPHBF8PS, TDPHF8PS: all 4·K products are summed exactly (a 128-bit fixed-point number in the
 * manual), rounded to f32 once, and that is added to C, with denormals of C as zero and a denormal result flushed. Every
 * denormal of an fp8 source counts. A NaN anywhere, 0 · Inf, or infinities of both signs give QNaN indefinite; payloads are
 * not kept. (Intel ISE 319433-057, AMX-FP8, as implemented in Bochs cpu/avx/amx.cc of 2026 and compared there with Intel
 * SDE. SDE, unlike the manual, lets infinities that cancel inside one dword be followed by another one there.)
 */
const exactSumCell: CellMaker = (instruction, tiles, extents, { k }) => {
  const row = productRow(instruction);
  const a = byteOperand(row.a, tiles.a, extents.a);
  const b = byteOperand(row.b, tiles.b, extents.b);
  return (m, n, cBits) => {
    const sum = new ExactSum();
    for (let dword = 0; dword < k; dword += 1) {
      for (let element = 0; element < 4; element += 1) {
        const atA = m * extents.a.colsb + 4 * dword + element;
        const atB = dword * extents.b.colsb + 4 * n + element;
        sum.add((a[atA] ?? 0) * (b[atB] ?? 0));
      }
    }
    const result = addToF32(daz(f32Value(cBits)), sum.toF32());
    return Number.isNaN(result) ? DEFAULT_NAN_F32 : f32Bits(result);
  };
};

const CELL_MAKERS: Readonly<Record<ReturnType<typeof productRow>['arithmetic'], CellMaker>> = {
  integer: integerCell,
  fma: fmaCell,
  'exact-sum': exactSumCell,
};

/**
 * The 1024 bytes that the instruction leaves in C: the product added to what C held, and zeros outside rows × colsb. A
 * problem names the first condition on the shapes for which the instruction raises #UD instead.
 */
export const expectedProduct = (
  instruction: ProductInstruction,
  tiles: ProductTiles,
  extents: ProductExtents,
  limits: TmulLimits = TMUL_LIMITS,
): Decoded<Uint8Array> => {
  for (const tile of [tiles.c, tiles.a, tiles.b]) {
    assert(tile.length === TILE_STRIDE_BYTES, `a tile is ${TILE_STRIDE_BYTES} bytes, not ${tile.length}`);
  }
  const rule = brokenShapeRules(extents, limits)[0];
  if (rule !== undefined) {
    return undecodable({ kind: 'not-allowed', what: `${instruction} raises #UD`, why: rule.sentence });
  }
  const shape: Shape = { m: extents.c.rows, n: extents.c.colsb / 4, k: extents.b.rows };
  const cell = CELL_MAKERS[productRow(instruction).arithmetic](instruction, tiles, extents, shape);
  const result = new Uint8Array(TILE_STRIDE_BYTES);
  for (let m = 0; m < shape.m; m += 1) {
    for (let n = 0; n < shape.n; n += 1) {
      const offset = m * ROW_STRIDE_BYTES + n * 4;
      writeU32(result, offset, cell(m, n, readU32(tiles.c, offset)));
    }
  }
  return decoded(result);
};
