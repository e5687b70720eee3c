import type { Bitness } from './instruction.ts';

/** Kinds of instructions that a run can be ended before, told from their first bytes alone. (SDM vol. 2, 2.1, 2.3, 2.7) */

/** `next is …`; what each is, for people. */
export const INSTRUCTION_CLASSES = {
  tile: 'a tile instruction of AMX',
  avx512: 'an AVX-512 instruction: EVEX, or of the mask registers',
  xsave: 'of the XSAVE family: XSAVE, XSAVEOPT, XSAVEC, XSAVES, XRSTOR, XRSTORS',
  'wrmsr xfd': 'WRMSR of IA32_XFD',
} as const;
export type InstructionClass = keyof typeof INSTRUCTION_CLASSES;

const LEGACY: ReadonlySet<number> = new Set([0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65, 0x66, 0x67, 0xf0, 0xf2, 0xf3]);

/** VEX.128, W0, map 0F38: of AMX since Sapphire Rapids. */
const TILE_OPCODES: ReadonlySet<number> = new Set([
  0x48, 0x49, 0x4a, 0x4b, 0x5c, 0x5e, 0x5f, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f,
]);
/** Map 0F, VEX: KAND, KANDN, KNOT, KOR, KXNOR, KXOR, KADD, KUNPCK, KMOV, KORTEST, KTEST. */
const MASK_OPCODES: ReadonlySet<number> = new Set([
  ...[0x41, 0x42, 0x44, 0x45, 0x46, 0x47, 0x4a, 0x4b, 0x90, 0x91, 0x92, 0x93, 0x98, 0x99],
]);
/** Map 0F3A, VEX: KSHIFTR, KSHIFTL. */
const SHIFT_OPCODES: ReadonlySet<number> = new Set([0x30, 0x31, 0x32, 0x33]);

interface Vex {
  readonly map: number;
  readonly opcode: number;
  readonly isW: boolean;
  readonly isL: boolean;
}

const vexOf = (code: Uint8Array): Vex | null => {
  const [lead, p0 = 0, p1 = 0, opcode = 0] = code;
  if (lead === 0xc5 && code.length >= 3) return { map: 1, opcode: p1, isW: false, isL: (p0 & 4) !== 0 };
  if (lead === 0xc4 && code.length >= 4) return { map: p0 & 0x1f, opcode, isW: (p1 & 0x80) !== 0, isL: (p1 & 4) !== 0 };
  return null;
};

/** ModRM: a memory operand, and its reg field. */
const memoryReg = (modrm: number | undefined): number | null =>
  modrm === undefined || modrm >> 6 === 3 ? null : (modrm >> 3) & 7;

const isXsave = (second: number | undefined, modrm: number | undefined): boolean => {
  const reg = memoryReg(modrm);
  if (reg === null) return false;
  // 0F AE /4 XSAVE, /5 XRSTOR, /6 XSAVEOPT (with 66 it is CLWB); 0F C7 /3 XRSTORS, /4 XSAVEC, /5 XSAVES.
  return second === 0xae ? reg >= 4 && reg <= 6 : second === 0xc7 ? reg >= 3 && reg <= 5 : false;
};

/** Any WRMSR is one: which MSR it writes, ECX says. */
export const isOfClass = (code: Uint8Array, bitness: Bitness, wanted: InstructionClass): boolean => {
  if (bitness !== 64) return false;
  let at = 0;
  while (LEGACY.has(code[at] ?? -1)) at += 1;
  const bare = code.subarray(at);
  if (wanted === 'avx512' && bare[0] === 0x62) return true;
  const vex = vexOf(bare);
  if (wanted === 'avx512' && vex !== null) {
    return vex.map === 1 ? MASK_OPCODES.has(vex.opcode) : vex.map === 3 && SHIFT_OPCODES.has(vex.opcode);
  }
  if (wanted === 'tile') return vex !== null && vex.map === 2 && !vex.isW && !vex.isL && TILE_OPCODES.has(vex.opcode);
  const isRex = ((bare[0] ?? 0) & 0xf0) === 0x40;
  const [first, second, modrm] = isRex ? bare.subarray(1) : bare;
  if (first !== 0x0f) return false;
  const has66 = code.subarray(0, at).includes(0x66);
  return wanted === 'wrmsr xfd' ? second === 0x30 : wanted === 'xsave' && !has66 && isXsave(second, modrm);
};
