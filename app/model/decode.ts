import { readUint } from '../bits/bytes.ts';
import type { Form, Instruction, MemoryOperand } from './form.ts';

interface Prefixes {
  readonly encoding: Form['encoding'];
  readonly map: number;
  readonly prefix: Form['prefix'];
  readonly w: 0 | 1;
  /** 0: 128 bits, 1: 256, 2: 512. */
  readonly length: number;
  /** Extensions of modrm.reg, of the index and of the base or modrm.rm. */
  readonly r: number;
  readonly x: number;
  readonly b: number;
  readonly vvvv: number;
  readonly mask: number;
  readonly zeroing: boolean;
  readonly broadcast: boolean;
  readonly opcodeAt: number;
}

const PREFIX_OF_PP = [0, 0x66, 0xf3, 0xf2] as const;
const flipped = (byte: number, bit: number): number => ((byte >> bit) & 1) ^ 1;
const bitAt = (byte: number, bit: number): number => (byte >> bit) & 1;
const pp = (byte: number): Form['prefix'] => PREFIX_OF_PP[byte & 3] ?? 0;

const PLAIN = { length: 0, vvvv: 0, mask: 0, zeroing: false, broadcast: false } as const;

const legacyPrefixes = (code: Uint8Array): Prefixes => {
  let at = 0;
  let rex = 0;
  if (((code[at] ?? 0) & 0xf0) === 0x40) {
    rex = code[at] ?? 0;
    at += 1;
  }
  const map = code[at] === 0x0f ? 1 : 0;
  return {
    ...PLAIN,
    encoding: 'legacy',
    map,
    prefix: 0,
    w: bitAt(rex, 3) === 1 ? 1 : 0,
    r: bitAt(rex, 2) * 8,
    x: bitAt(rex, 1) * 8,
    b: bitAt(rex, 0) * 8,
    opcodeAt: at + map,
  };
};

const vex = (code: Uint8Array): Prefixes => {
  const [first = 0, second = 0, third = 0] = code;
  const short = first === 0xc5;
  const last = short ? second : third;
  return {
    ...PLAIN,
    encoding: 'vex',
    map: short ? 1 : second & 0x1f,
    prefix: pp(last),
    w: !short && bitAt(last, 7) === 1 ? 1 : 0,
    length: bitAt(last, 2),
    r: flipped(second, 7) * 8,
    x: short ? 0 : flipped(second, 6) * 8,
    b: short ? 0 : flipped(second, 5) * 8,
    vvvv: (~last >> 3) & 15,
    opcodeAt: short ? 2 : 3,
  };
};

const evex = (code: Uint8Array): Prefixes => {
  const [, first = 0, second = 0, third = 0] = code;
  return {
    encoding: 'evex',
    map: first & 7,
    prefix: pp(second),
    w: bitAt(second, 7) === 1 ? 1 : 0,
    length: (third >> 5) & 3,
    r: flipped(first, 7) * 8 + flipped(first, 4) * 16,
    x: flipped(first, 6) * 8,
    b: flipped(first, 5) * 8,
    vvvv: ((~second >> 3) & 15) + flipped(third, 3) * 16,
    mask: third & 7,
    zeroing: bitAt(third, 7) === 1,
    broadcast: bitAt(third, 4) === 1,
    opcodeAt: 4,
  };
};

const prefixesOf = (code: Uint8Array): Prefixes => {
  if (code[0] === 0xc4 || code[0] === 0xc5) return vex(code);
  return code[0] === 0x62 ? evex(code) : legacyPrefixes(code);
};

const matches = (form: Form, prefixes: Prefixes, code: Uint8Array): boolean => {
  const opcode = code[prefixes.opcodeAt] ?? 0;
  const modrm = code[prefixes.opcodeAt + 1] ?? 0;
  const inMemory = modrm >> 6 !== 3;
  return (
    form.encoding === prefixes.encoding &&
    form.map === prefixes.map &&
    form.prefix === prefixes.prefix &&
    (form.w === undefined || form.w === prefixes.w) &&
    (form.length === undefined || form.length === prefixes.length) &&
    (form.plusRegister === true ? (opcode & 0xf8) === form.opcode : opcode === form.opcode) &&
    (form.exact === undefined || form.exact === modrm) &&
    (form.extension === undefined || form.extension === ((modrm >> 3) & 7)) &&
    (form.operand === undefined || (form.operand === 'memory') === inMemory) &&
    (form.noVvvv !== true || prefixes.vvvv === 0)
  );
};

const VECTOR_BYTES = [16, 32, 64] as const;

/** The memory operand and how many bytes ModRM, SIB and displacement take. */
const memoryOperand = (
  code: Uint8Array,
  at: number,
  prefixes: Prefixes,
): { readonly memory: MemoryOperand; readonly endAt: number } => {
  const modrm = code[at] ?? 0;
  const [mod, rm] = [modrm >> 6, modrm & 7];
  const hasSib = rm === 4;
  const sib = hasSib ? (code[at + 1] ?? 0) : 0;
  const index = ((sib >> 3) & 7) | prefixes.x;
  const baseField = hasSib ? sib & 7 : rm;
  const noBase = mod === 0 && baseField === 5;
  const displacementAt = at + 1 + (hasSib ? 1 : 0);
  const displacementBytes = mod === 1 ? 1 : mod === 2 || noBase ? 4 : 0;
  const displacement = BigInt.asIntN(displacementBytes * 8, readUint(code, displacementAt, displacementBytes));
  // EVEX counts a displacement of one byte in whole operands ("disp8*N"). (Intel SDM vol. 2, section 2.7.5.)
  const unit = prefixes.encoding === 'evex' && mod === 1 ? (VECTOR_BYTES[prefixes.length] ?? 16) : 1;
  return {
    memory: {
      base: noBase ? null : baseField | prefixes.b,
      index: hasSib && index !== 4 ? index : null,
      scale: 2 ** (sib >> 6),
      displacement: displacement * BigInt(unit),
      hasSib,
    },
    endAt: displacementAt + displacementBytes,
  };
};

/**
 * The instruction at the start of these bytes; null where it is none of the model's. Reserved bits are not all looked at:
 * the bytes are those of the built-in programs.
 */
export const decodeInstruction = (forms: readonly Form[], code: Uint8Array): Instruction | null => {
  const prefixes = prefixesOf(code);
  const form = forms.find((candidate) => matches(candidate, prefixes, code));
  if (form === undefined || prefixes.broadcast) return null;
  let at = prefixes.opcodeAt + 1;
  let memory: MemoryOperand | null = null;
  const modrm = code[at] ?? 0;
  if (form.hasModrm) {
    if (modrm >> 6 === 3) at += 1;
    else ({ memory, endAt: at } = memoryOperand(code, at, prefixes));
  }
  const immediateBytes = form.immediateBytes ?? 0;
  if (at + immediateBytes > code.length) return null;
  const opcode = code[prefixes.opcodeAt] ?? 0;
  // In EVEX the X bit, without an index, is the fourth bit of a vector register in modrm.rm.
  const high = prefixes.b + (prefixes.encoding === 'evex' ? prefixes.x * 2 : 0);
  return {
    form,
    lengthBytes: at + immediateBytes,
    widthBits: prefixes.w === 1 ? 64 : 32,
    vectorBytes: VECTOR_BYTES[prefixes.length] ?? 16,
    reg: ((modrm >> 3) & 7) + prefixes.r,
    rm: ((form.plusRegister === true ? opcode : modrm) & 7) + high,
    vvvv: prefixes.vvvv,
    mask: prefixes.mask,
    zeroing: prefixes.zeroing,
    memory,
    immediate: BigInt.asIntN(immediateBytes * 8, readUint(code, at, immediateBytes)),
  };
};
