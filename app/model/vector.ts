import { readU32, writeU32 } from '../bits/bytes.ts';
import { hasBit } from '../bits/mask.ts';
import type { Form, Instruction, Operation } from './form.ts';
import { enabled, type GuestException, generalOf, type Machine, setGeneral } from './machine.ts';
import { addressOf, loadOperand, storeAt } from './operand.ts';

/** The components that VEX and EVEX instructions need in XCR0. */
const AVX = [1, 2] as const;
const AVX512 = [1, 2, 5, 6, 7] as const;

const ud = (why: string): GuestException => ({ kind: 'ud', why });

const requiring =
  (bits: readonly number[], what: string, run: Operation): Operation =>
  (machine, instruction) =>
    enabled(machine, ...bits) ? run(machine, instruction) : ud(`XCR0 does not enable ${what}`);

const avx = (run: Operation): Operation => requiring(AVX, 'AVX', run);
const avx512 = (run: Operation): Operation => requiring(AVX512, 'AVX-512', run);

const sourceOf = (machine: Machine, instruction: Instruction, countBytes = instruction.vectorBytes) =>
  loadOperand(machine, instruction, countBytes, (register) => machine.xstate.vector(register).subarray(0, countBytes));

/** Which of the elements an EVEX instruction writes: all without a mask, for aaa = 0 means none. */
const selects = (machine: Machine, { mask }: Instruction, element: number): boolean =>
  mask === 0 || hasBit(machine.xstate.mask(mask), element);

/** Writes dwords under the mask: what it leaves out keeps its value, or is zeroed. */
const writeDwords = (machine: Machine, instruction: Instruction, register: number, bytes: Uint8Array): void => {
  const before = machine.xstate.vector(register);
  const result = bytes.slice();
  for (let element = 0; element < bytes.length / 4; element += 1) {
    if (selects(machine, instruction, element)) continue;
    writeU32(result, element * 4, instruction.zeroing ? 0 : readU32(before, element * 4));
  }
  machine.xstate.setVector(register, result);
};

/** A masked load does not fault on what the mask leaves out; the model reads all of it, for its memory is one range. */
const moveLoad: Operation = (machine, instruction) => {
  const source = sourceOf(machine, instruction);
  if ('fault' in source) return source.fault;
  writeDwords(machine, instruction, instruction.reg, source.bytes);
  return null;
};

const moveStore: Operation = (machine, instruction) => {
  const bytes = machine.xstate.vector(instruction.reg).subarray(0, instruction.vectorBytes);
  if (instruction.memory !== null) return storeAt(machine, addressOf(machine, instruction.memory), bytes);
  writeDwords(machine, instruction, instruction.rm, bytes);
  return null;
};

const dwords =
  (combine: (a: number, b: number) => number): Operation =>
  (machine, instruction) => {
    const source = sourceOf(machine, instruction);
    if ('fault' in source) return source.fault;
    const left = machine.xstate.vector(instruction.vvvv);
    const result = new Uint8Array(instruction.vectorBytes);
    for (let at = 0; at < result.length; at += 4) {
      writeU32(result, at, combine(readU32(left, at), readU32(source.bytes, at)) >>> 0);
    }
    writeDwords(machine, instruction, instruction.reg, result);
    return null;
  };

const addDwords = dwords((a, b) => a + b);

/** VEXTRACTI128, VEXTRACTI64X4: one half of a register; the destination is in modrm.rm. */
const extractHalf: Operation = (machine, { reg, rm, vectorBytes, immediate }) => {
  const half = vectorBytes / 2;
  const from = hasBit(immediate, 0) ? half : 0;
  machine.xstate.setVector(rm, machine.xstate.vector(reg).slice(from, from + half));
  return null;
};

const shuffleDwords: Operation = (machine, instruction) => {
  const source = sourceOf(machine, instruction);
  if ('fault' in source) return source.fault;
  const result = new Uint8Array(16);
  for (let element = 0; element < 4; element += 1) {
    const from = Number((instruction.immediate >> BigInt(element * 2)) & 3n);
    writeU32(result, element * 4, readU32(source.bytes, from * 4));
  }
  machine.xstate.setVector(instruction.reg, result);
  return null;
};

const broadcastGeneral: Operation = (machine, instruction) => {
  const value = Number(BigInt.asUintN(32, generalOf(machine, instruction.rm)));
  const result = new Uint8Array(instruction.vectorBytes);
  for (let at = 0; at < result.length; at += 4) writeU32(result, at, value);
  writeDwords(machine, instruction, instruction.reg, result);
  return null;
};

const vex = { encoding: 'vex', hasModrm: true } as const;
const evex = { encoding: 'evex', hasModrm: true, length: 2 } as const;
const register = { operand: 'register' } as const;

export const VECTOR_FORMS: readonly Form[] = [
  {
    ...{ ...vex, name: 'KMOVW', map: 1, prefix: 0, opcode: 0x92, w: 0, length: 0, ...register, noVvvv: true },
    run: avx512((machine, { reg, rm }) => {
      machine.xstate.setMask(reg, generalOf(machine, rm) & 0xffffn);
      return null;
    }),
  },
  ...([0, 1] as const).map(
    (length): Form => ({
      ...{ ...vex, name: 'VPADDD', map: 1, prefix: 0x66, opcode: 0xfe, length },
      run: avx(addDwords),
    }),
  ),
  {
    ...{ ...vex, name: 'VEXTRACTI128', map: 3, prefix: 0x66, opcode: 0x39, w: 0, length: 1, immediateBytes: 1 },
    ...{ ...register, run: avx(extractHalf) },
  },
  {
    ...{ ...vex, name: 'VPSHUFD', map: 1, prefix: 0x66, opcode: 0x70, length: 0, immediateBytes: 1 },
    run: avx(shuffleDwords),
  },
  {
    ...{ ...vex, name: 'VMOVD', map: 1, prefix: 0x66, opcode: 0x7e, w: 0, length: 0, ...register },
    run: avx((machine, { reg, rm }) => {
      setGeneral(machine, rm, BigInt(readU32(machine.xstate.vector(reg), 0)), 32);
      return null;
    }),
  },
  {
    ...{ ...vex, name: 'VZEROUPPER', map: 1, prefix: 0, opcode: 0x77, length: 0, hasModrm: false },
    run: avx((machine) => {
      machine.xstate.zeroUpper();
      return null;
    }),
  },
  { ...evex, name: 'VPADDD', map: 1, prefix: 0x66, opcode: 0xfe, w: 0, run: avx512(addDwords) },
  { ...evex, name: 'VPXORD', map: 1, prefix: 0x66, opcode: 0xef, w: 0, run: avx512(dwords((a, b) => a ^ b)) },
  { ...evex, name: 'VMOVDQU32', map: 1, prefix: 0xf3, opcode: 0x6f, w: 0, run: avx512(moveLoad) },
  { ...evex, name: 'VMOVDQA32', map: 1, prefix: 0x66, opcode: 0x6f, w: 0, ...register, run: avx512(moveLoad) },
  { ...evex, name: 'VMOVDQU32', map: 1, prefix: 0xf3, opcode: 0x7f, w: 0, run: avx512(moveStore) },
  {
    ...{ ...evex, name: 'VEXTRACTI64X4', map: 3, prefix: 0x66, opcode: 0x3b, w: 1, immediateBytes: 1, ...register },
    run: avx512(extractHalf),
  },
  {
    ...{ ...evex, name: 'VPBROADCASTD', map: 2, prefix: 0x66, opcode: 0x7c, w: 0, ...register },
    run: avx512(broadcastGeneral),
  },
];
