import { readI32 } from '../bits/bytes.ts';
import { GENERAL_BY_NUMBER } from '../cpu/general-numbers.ts';
import type { Instruction, InstructionDecoder, MemoryAccess, Syntax } from './instruction.ts';

/**
 * The AMX instructions of after Granite Rapids, in their VEX and EVEX forms of 64-bit code; their APX forms (EVEX with r16 to
 * r31) are not here. (Intel ISE 319433-057; AMX-TRANSPOSE, withdrawn since, 319433-056)
 */
interface Row {
  readonly name: string;
  readonly set: string;
  readonly encoding: 'vex' | 'evex';
  /** 2: 0F 38, 3: 0F 3A, 5: MAP5. */
  readonly map: 2 | 3 | 5;
  /** The implied prefix as it is encoded: 0 none, 1: 66, 2: F3, 3: F2. */
  readonly pp: 0 | 1 | 2 | 3;
  readonly opcode: number;
  readonly operands: Operands;
}

/**
 * product: three tiles, the first read and written. tiles: two. load: a tile and a SIB address. loadPair: the same into two
 * tiles. row: a ZMM register of a tile's row, numbered by a 32-bit register, or by an immediate byte.
 */
type Operands = 'product' | 'tiles' | 'load' | 'loadPair' | 'row' | 'rowImmediate';

const product = { encoding: 'vex', map: 2, operands: 'product' } as const;
const fp8 = { ...product, set: 'AMX-FP8', map: 5, opcode: 0xfd } as const;
const row = { set: 'AMX-AVX512', encoding: 'evex', map: 2, operands: 'row' } as const;
const rowImmediate = { set: 'AMX-AVX512', encoding: 'evex', map: 3, operands: 'rowImmediate' } as const;
const load = { set: 'AMX-MOVRS', encoding: 'vex', map: 2, opcode: 0x4a, operands: 'load' } as const;
const pair = { set: 'AMX-TRANSPOSE', encoding: 'vex', map: 2, operands: 'loadPair' } as const;
const pairShared = { ...pair, set: 'AMX-TRANSPOSE, AMX-MOVRS', map: 5 } as const;
const transposed = { ...product, set: 'AMX-TRANSPOSE' } as const;

/** A new instruction is a new row. */
export const NEWER_AMX: readonly Row[] = [
  { ...product, name: 'tdpfp16ps', set: 'AMX-FP16', pp: 3, opcode: 0x5c },
  { ...product, name: 'tcmmimfp16ps', set: 'AMX-COMPLEX', pp: 1, opcode: 0x6c },
  { ...product, name: 'tcmmrlfp16ps', set: 'AMX-COMPLEX', pp: 0, opcode: 0x6c },
  { ...fp8, name: 'tdpbf8ps', pp: 0 },
  { ...fp8, name: 'tdpbhf8ps', pp: 3 },
  { ...fp8, name: 'tdphbf8ps', pp: 2 },
  { ...fp8, name: 'tdphf8ps', pp: 1 },
  { ...product, name: 'tmmultf32ps', set: 'AMX-TF32', pp: 1, opcode: 0x48 },
  { ...load, name: 'tileloaddrs', pp: 3 },
  { ...load, name: 'tileloaddrst1', pp: 1 },
  { ...row, name: 'tcvtrowd2ps', pp: 2, opcode: 0x4a },
  { ...rowImmediate, name: 'tcvtrowd2ps', pp: 2, opcode: 0x07 },
  { ...row, name: 'tcvtrowps2bf16h', pp: 3, opcode: 0x6d },
  { ...rowImmediate, name: 'tcvtrowps2bf16h', pp: 3, opcode: 0x07 },
  { ...row, name: 'tcvtrowps2bf16l', pp: 2, opcode: 0x6d },
  { ...rowImmediate, name: 'tcvtrowps2bf16l', pp: 2, opcode: 0x77 },
  { ...row, name: 'tcvtrowps2phh', pp: 0, opcode: 0x6d },
  { ...rowImmediate, name: 'tcvtrowps2phh', pp: 0, opcode: 0x07 },
  { ...row, name: 'tcvtrowps2phl', pp: 1, opcode: 0x6d },
  { ...rowImmediate, name: 'tcvtrowps2phl', pp: 3, opcode: 0x77 },
  { ...row, name: 'tilemovrow', pp: 1, opcode: 0x4a },
  { ...rowImmediate, name: 'tilemovrow', pp: 1, opcode: 0x07 },
  { ...pair, name: 't2rpntlvwz0', pp: 0, opcode: 0x6e },
  { ...pair, name: 't2rpntlvwz0t1', pp: 0, opcode: 0x6f },
  { ...pair, name: 't2rpntlvwz1', pp: 1, opcode: 0x6e },
  { ...pair, name: 't2rpntlvwz1t1', pp: 1, opcode: 0x6f },
  { ...pairShared, name: 't2rpntlvwz0rs', pp: 0, opcode: 0xf8 },
  { ...pairShared, name: 't2rpntlvwz0rst1', pp: 0, opcode: 0xf9 },
  { ...pairShared, name: 't2rpntlvwz1rs', pp: 1, opcode: 0xf8 },
  { ...pairShared, name: 't2rpntlvwz1rst1', pp: 1, opcode: 0xf9 },
  { ...transposed, name: 'ttransposed', pp: 2, opcode: 0x5f, operands: 'tiles' },
  { ...transposed, name: 'ttdpbf16ps', pp: 2, opcode: 0x6c },
  { ...transposed, name: 'ttdpfp16ps', pp: 3, opcode: 0x6c },
  { ...transposed, name: 'ttcmmimfp16ps', pp: 3, opcode: 0x6b },
  { ...transposed, name: 'ttcmmrlfp16ps', pp: 2, opcode: 0x6b },
  { ...transposed, name: 'tconjtcmmimfp16ps', pp: 0, opcode: 0x6b },
  { ...transposed, name: 'tconjtfp16', pp: 1, opcode: 0x6b, operands: 'tiles' },
  { ...transposed, name: 'ttmmultf32ps', set: 'AMX-TRANSPOSE, AMX-TF32', pp: 0, opcode: 0x48 },
];

export interface Fields {
  readonly encoding: 'vex' | 'evex';
  readonly map: number;
  readonly pp: number;
  readonly opcode: number;
  readonly modrm: number;
  /** All bits beyond the low three, of modrm.reg, of the index, of the base, of vvvv: 0 where a tile is named. */
  readonly reg: number;
  readonly x: number;
  readonly b: number;
  readonly vvvv: number;
  readonly modrmAt: number;
}

const inverted = (byte: number, bit: number): number => ((byte >> bit) & 1) ^ 1;

/** Null: no VEX or EVEX prefix of the kind that AMX instructions have, or too few bytes. */
export const fieldsOf = (code: Uint8Array): Fields | null => {
  const [lead = 0, p0 = 0, p1 = 0, p2 = 0] = code;
  if (lead === 0xc4 && code.length >= 5) {
    // W is 0 and L is 0.
    if ((p1 & 0x84) !== 0) return null;
    const [opcode = 0, modrm = 0] = code.subarray(3);
    return {
      ...{ encoding: 'vex', map: p0 & 0x1f, pp: p1 & 3, opcode, modrm, modrmAt: 4 },
      ...{ reg: ((modrm >> 3) & 7) + 8 * inverted(p0, 7), x: inverted(p0, 6), b: inverted(p0, 5) },
      vvvv: (~p1 >> 3) & 15,
    };
  }
  if (lead === 0x62 && code.length >= 6) {
    // Bit 3 of the first byte is 0 and bit 2 of the second is 1; W is 0; no mask, no rounding, 512 bits, V' set.
    if ((p0 & 8) !== 0 || (p1 & 0x84) !== 4 || p2 !== 0x48) return null;
    const [opcode = 0, modrm = 0] = code.subarray(4);
    return {
      ...{ encoding: 'evex', map: p0 & 7, pp: p1 & 3, opcode, modrm, modrmAt: 5 },
      reg: ((modrm >> 3) & 7) + 8 * inverted(p0, 7) + 16 * inverted(p0, 4),
      ...{ x: inverted(p0, 6), b: inverted(p0, 5), vvvv: (~p1 >> 3) & 15 },
    };
  }
  return null;
};

const GENERAL_32 = GENERAL_BY_NUMBER.map((name, at) => (at < 8 ? `e${name.slice(1)}` : `${name}d`));

const tile = (number: number): string => `tmm${number}`;

interface SibOperand {
  readonly access: MemoryAccess;
  readonly endAt: number;
}

/** ModRM with a SIB byte and what follows it. Null: no SIB byte, which all of these need, or cut short. */
const sibOperand = (code: Uint8Array, { modrm, modrmAt, x, b }: Fields): SibOperand | null => {
  const mod = modrm >> 6;
  const sib = code[modrmAt + 1];
  if (mod === 3 || (modrm & 7) !== 4 || sib === undefined) return null;
  const noBase = mod === 0 && (sib & 7) === 5;
  const displacementBytes = mod === 1 ? 1 : mod === 2 || noBase ? 4 : 0;
  const at = modrmAt + 2;
  const endAt = at + displacementBytes;
  if (endAt > code.length) return null;
  const displacement =
    displacementBytes === 4 ? readI32(code, at) : displacementBytes === 1 ? ((code[at] ?? 0) << 24) >> 24 : 0;
  const index = ((sib >> 3) & 7) + 8 * x;
  return {
    endAt,
    access: {
      segment: null,
      base: noBase ? null : (GENERAL_BY_NUMBER[(sib & 7) + 8 * b] ?? null),
      index: index === 4 ? null : (GENERAL_BY_NUMBER[index] ?? null),
      scale: 2 ** (sib >> 6),
      displacement: BigInt.asUintN(64, BigInt(displacement)),
      ...{ bytes: null, reads: true, writes: false },
    },
  };
};

const signedHex = (value: bigint, plus: string): string => {
  const signed = BigInt.asIntN(64, value);
  return signed < 0n ? `-0x${(-signed).toString(16)}` : `${plus}0x${signed.toString(16)}`;
};

const addressText = ({ base, index, scale, displacement }: MemoryAccess, syntax: Syntax): string => {
  const hasRegister = base !== null || index !== null;
  if (syntax === 'att') {
    const number = displacement === 0n && hasRegister ? '' : signedHex(displacement, '');
    const scaled = index === null ? '' : `,%${index},${scale}`;
    return hasRegister ? `${number}(${base === null ? '' : `%${base}`}${scaled})` : number;
  }
  const registers = [base, index === null ? null : `${index}*${scale}`].filter((part) => part !== null).join('+');
  const number = displacement === 0n && hasRegister ? '' : signedHex(displacement, hasRegister ? '+' : '');
  return `[${registers}${number}]`;
};

interface Parts {
  /** In Intel's order. */
  readonly operands: readonly (string | MemoryAccess | number)[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly endAt: number;
}

const namesOf = ({ base, index }: MemoryAccess): readonly string[] => [base, index].filter((name) => name !== null);

const partsOf = (operands: Operands, code: Uint8Array, fields: Fields): Parts | null => {
  const { modrm, modrmAt, reg, x, b, vvvv } = fields;
  const [isRegister, rm] = [modrm >> 6 === 3, modrm & 7];
  if (operands === 'load' || operands === 'loadPair') {
    const memory = vvvv === 0 && reg < 8 ? sibOperand(code, fields) : null;
    if (memory === null) return null;
    // A pair is named by its even tile.
    if (operands === 'loadPair' && reg % 2 !== 0) return null;
    const writes = operands === 'loadPair' ? [tile(reg), tile(reg + 1)] : [tile(reg)];
    return { operands: [tile(reg), memory.access], reads: namesOf(memory.access), writes, endAt: memory.endAt };
  }
  if (!isRegister || b !== 0) return null;
  if (operands === 'product' || operands === 'tiles') {
    const isThree = operands === 'product';
    if (reg > 7 || (isThree ? vvvv > 7 : vvvv !== 0)) return null;
    const sources = isThree ? [tile(rm), tile(vvvv)] : [tile(rm)];
    const reads = isThree ? [tile(reg), ...sources] : sources;
    return { operands: [tile(reg), ...sources], reads, writes: [tile(reg)], endAt: modrmAt + 1 };
  }
  const zmm = `zmm${reg}`;
  if (x !== 0) return null;
  if (operands === 'row') {
    const number = GENERAL_32[vvvv] ?? '';
    return { operands: [zmm, tile(rm), number], reads: [tile(rm), number], writes: [zmm], endAt: modrmAt + 1 };
  }
  const immediate = code[modrmAt + 1];
  if (immediate === undefined || vvvv !== 0) return null;
  return { operands: [zmm, tile(rm), immediate], reads: [tile(rm)], writes: [zmm], endAt: modrmAt + 2 };
};

const operandText = (operand: string | MemoryAccess | number, syntax: Syntax): string => {
  if (typeof operand === 'number') return `${syntax === 'att' ? '$' : ''}0x${operand.toString(16)}`;
  return typeof operand === 'string' ? `${syntax === 'att' ? '%' : ''}${operand}` : addressText(operand, syntax);
};

/** Instructions of NEWER_AMX alone. */
export const newerAmx: InstructionDecoder = {
  decode: (code, address, bitness, syntax): Instruction | null => {
    const fields = bitness === 64 ? fieldsOf(code) : null;
    if (fields === null) return null;
    const { encoding, map, pp, opcode } = fields;
    const found = NEWER_AMX.find(
      (one) => one.encoding === encoding && one.map === map && one.pp === pp && one.opcode === opcode,
    );
    const parts = found === undefined ? null : partsOf(found.operands, code, fields);
    if (found === undefined || parts === null) return null;
    const operands = parts.operands.map((operand) => operandText(operand, syntax));
    return {
      address,
      bytes: code.slice(0, parts.endAt),
      mnemonic: found.name,
      text: `${found.name} ${(syntax === 'att' ? operands.reverse() : operands).join(',')}`,
      ...{ isBad: false, flow: 'next', target: null, reads: parts.reads, writes: parts.writes },
      memory: parts.operands.filter((operand) => typeof operand === 'object'),
    };
  },
};
