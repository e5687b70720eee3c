import { fieldsOf, NEWER_AMX } from './newer-amx.ts';

/** The tile products, found by their bytes alone: whoever checks a long trace needs no whole decoder for them. */

export interface TileProduct {
  /** As the manual spells it: "TDPBSSD". */
  readonly name: string;
  /** Numbers of tiles: C += A · B. */
  readonly c: number;
  readonly a: number;
  readonly b: number;
  /** Of the whole instruction, prefixes too. */
  readonly bytes: number;
}

/** Those of Sapphire Rapids, all VEX.128.0F38.W0. (Intel SDM vol. 2, TDPBSSD/TDPBSUD/TDPBUSD/TDPBUUD, TDPBF16PS) */
const FIRST_AMX = [
  { name: 'tdpbssd', pp: 3, opcode: 0x5e },
  { name: 'tdpbsud', pp: 2, opcode: 0x5e },
  { name: 'tdpbusd', pp: 1, opcode: 0x5e },
  { name: 'tdpbuud', pp: 0, opcode: 0x5e },
  { name: 'tdpbf16ps', pp: 2, opcode: 0x5c },
].map((row) => ({ ...row, map: 2 }));

/** Those of AMX-TRANSPOSE, withdrawn, have no reference to be checked against. */
const PRODUCTS = [
  ...FIRST_AMX,
  ...NEWER_AMX.filter(({ operands, set }) => operands === 'product' && !set.startsWith('AMX-TRANSPOSE')),
];

/** Segment and address-size prefixes, which may stand before a VEX prefix; others raise #UD. (SDM vol. 2, 2.3.2) */
const IGNORED_PREFIXES: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x67]);
const MOST_PREFIXES = 10;
const VEX_BYTES = 5;

/** The product at the start of 64-bit code; null: another instruction, or one that raises #UD for its encoding. */
export const tileProductAt = (code: Uint8Array): TileProduct | null => {
  let at = 0;
  while (at < MOST_PREFIXES && IGNORED_PREFIXES.has(code[at] ?? 0)) at += 1;
  const fields = fieldsOf(code.subarray(at));
  if (fields?.encoding !== 'vex') return null;
  const { map, pp, opcode, modrm, reg, b, vvvv } = fields;
  const found = PRODUCTS.find((one) => one.map === map && one.pp === pp && one.opcode === opcode);
  // Three registers, each one of eight.
  if (found === undefined || modrm >> 6 !== 3 || b !== 0 || reg > 7 || vvvv > 7) return null;
  return { name: found.name.toUpperCase(), c: reg, a: modrm & 7, b: vvvv, bytes: at + VEX_BYTES };
};
