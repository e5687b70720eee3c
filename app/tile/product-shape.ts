import type { TileConfig } from './config.ts';
import { TILE_COUNT } from './config.ts';
import type { Extent } from './vnni.ts';

/** The numbers of three tiles: C is read and written, A is the first source, B the second. */
export interface ProductOperands {
  readonly c: number;
  readonly a: number;
  readonly b: number;
}

/** What is configured of the three tiles of a product. */
export interface ProductExtents {
  readonly c: Extent;
  readonly a: Extent;
  readonly b: Extent;
}

/** CPUID 0x1E.0.EBX: bits 7:0 the greatest number of rows of B, bits 23:8 the greatest number of bytes of a row of B. */
export interface TmulLimits {
  readonly maxK: number;
  readonly maxN: number;
}

/** What every CPU with AMX has said so far. */
export const TMUL_LIMITS: TmulLimits = { maxK: 16, maxN: 64 };

/** A condition under which the instruction raises #UD. */
export interface ProductRule {
  readonly rule: 'configured' | 'tile-number' | 'different-tiles' | 'dwords' | 'm' | 'n' | 'k' | 'max-n' | 'max-k';
  readonly sentence: string;
}

const OPERANDS = ['c', 'a', 'b'] as const;

const broken = (rule: ProductRule['rule'], sentence: string): ProductRule => ({ rule, sentence });

/** Every condition on the shapes that a product breaks. (Intel SDM vol. 2, exception class AMX-E4.) */
export const brokenShapeRules = ({ c, a, b }: ProductExtents, limits: TmulLimits = TMUL_LIMITS): ProductRule[] => {
  const rules: ProductRule[] = [];
  const extents = { c, a, b };
  for (const operand of OPERANDS) {
    const { rows, colsb } = extents[operand];
    const name = operand.toUpperCase();
    if (rows === 0 || colsb === 0) rules.push(broken('configured', `${name} is not configured`));
    if (colsb % 4 !== 0) rules.push(broken('dwords', `colsb of ${name} is ${colsb}, not a multiple of 4`));
  }
  if (c.rows !== a.rows) rules.push(broken('m', `C has ${c.rows} rows and A has ${a.rows}: both are M`));
  if (c.colsb !== b.colsb) rules.push(broken('n', `colsb of C is ${c.colsb} and of B ${b.colsb}: both are 4·N`));
  if (a.colsb !== b.rows * 4) {
    rules.push(broken('k', `colsb of A is ${a.colsb} and B has ${b.rows} rows: colsb of A is 4·K, rows of B are K`));
  }
  if (c.colsb > limits.maxN) rules.push(broken('max-n', `colsb of C is ${c.colsb}, above tmul_maxn, ${limits.maxN}`));
  if (b.colsb > limits.maxN) rules.push(broken('max-n', `colsb of B is ${b.colsb}, above tmul_maxn, ${limits.maxN}`));
  if (a.colsb > limits.maxK * 4) {
    rules.push(broken('max-k', `colsb of A is ${a.colsb}, above 4·tmul_maxk, ${limits.maxK * 4}`));
  }
  if (b.rows > limits.maxK) rules.push(broken('max-k', `B has ${b.rows} rows, above tmul_maxk, ${limits.maxK}`));
  return rules;
};

/** The configured extents of three tiles; a tile that does not exist counts as not configured. */
export const productExtents = (config: TileConfig, { c, a, b }: ProductOperands): ProductExtents => {
  const extent = (tile: number): Extent =>
    (config.paletteId === 0 ? undefined : config.tiles[tile]) ?? { rows: 0, colsb: 0 };
  return { c: extent(c), a: extent(a), b: extent(b) };
};

/** Every condition for #UD that a product of these tiles meets under this configuration; empty: it executes. */
export const brokenProductRules = (
  config: TileConfig,
  operands: ProductOperands,
  limits: TmulLimits = TMUL_LIMITS,
): ProductRule[] => {
  if (config.paletteId === 0) return [broken('configured', 'tiles are not configured (palette 0)')];
  const rules: ProductRule[] = [];
  const { c, a, b } = operands;
  for (const operand of OPERANDS) {
    const tile = operands[operand];
    if (!(tile >= 0 && tile < TILE_COUNT)) {
      rules.push(broken('tile-number', `${operand.toUpperCase()} is tile ${tile}: palette 1 has tiles 0 to 7`));
    }
  }
  if (c === a || c === b || a === b) {
    rules.push(broken('different-tiles', `C, A and B must be three different tiles: they are ${c}, ${a} and ${b}`));
  }
  return [...rules, ...brokenShapeRules(productExtents(config, operands), limits)];
};
