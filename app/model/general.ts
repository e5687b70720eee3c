import { bytesOfUint } from '../bits/bytes.ts';
import { bitsOf, hasBit, hexShort, withBit } from '../bits/mask.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { DYNAMIC_MASK } from '../xsave/facts.ts';
import { guestCpuid, offeredXcr0, xcr0Fault } from './cpu.ts';
import type { Form, Instruction, Operation } from './form.ts';
import { type GuestException, generalOf, type Machine, msrOf, RAX, RBX, RCX, RDX, RSP, setGeneral } from './machine.ts';
import { addressOf, loadAt, loadOperand, storeAt, uintOf } from './operand.ts';

const CF = 0;
const PF = 2;
const AF = 4;
const ZF = 6;
const SF = 7;
const OF = 11;

const withFlags = (machine: Machine, flags: readonly (readonly [bit: number, on: boolean])[]): void => {
  for (const [bit, on] of flags) machine.rflags = withBit(machine.rflags, bit, on);
};

const evenParity = (value: bigint): boolean => bitsOf(value & 0xffn).length % 2 === 0;

const resultFlags = (value: bigint, widthBits: number): [number, boolean][] => [
  [PF, evenParity(value)],
  [ZF, value === 0n],
  [SF, hasBit(value, widthBits - 1)],
];

type Arithmetic = (machine: Machine, a: bigint, b: bigint, widthBits: 32 | 64) => bigint;

const add: Arithmetic = (machine, a, b, widthBits) => {
  const right = BigInt.asUintN(widthBits, b);
  const value = BigInt.asUintN(widthBits, a + right);
  withFlags(machine, [
    ...resultFlags(value, widthBits),
    [CF, value < right],
    [AF, (a & 15n) + (right & 15n) > 15n],
    [OF, hasBit((a ^ value) & (right ^ value), widthBits - 1)],
  ]);
  return value;
};

const logic =
  (combine: (a: bigint, b: bigint) => bigint): Arithmetic =>
  (machine, a, b, widthBits) => {
    const value = BigInt.asUintN(widthBits, combine(a, b));
    withFlags(machine, [...resultFlags(value, widthBits), [CF, false], [OF, false]]);
    return value;
  };

/** DEC leaves CF as it is. */
const decrement: Arithmetic = (machine, a, _b, widthBits) => {
  const value = BigInt.asUintN(widthBits, a - 1n);
  withFlags(machine, [
    ...resultFlags(value, widthBits),
    [AF, (a & 15n) === 0n],
    [OF, a === 1n << BigInt(widthBits - 1)],
  ]);
  return value;
};

/** An operation on the operand in modrm.rm, written back there. */
const onOperand =
  (operation: Arithmetic, right: (machine: Machine, instruction: Instruction) => bigint): Operation =>
  (machine, instruction) => {
    const { widthBits, memory, rm } = instruction;
    const loaded = loadOperand(machine, instruction, widthBits / 8, (register) =>
      bytesOfUint(BigInt.asUintN(widthBits, generalOf(machine, register)), widthBits / 8),
    );
    if ('fault' in loaded) return loaded.fault;
    const value = operation(machine, uintOf(loaded.bytes), right(machine, instruction), widthBits);
    if (memory !== null) return storeAt(machine, addressOf(machine, memory), bytesOfUint(value, widthBits / 8));
    setGeneral(machine, rm, value, widthBits);
    return null;
  };

const immediateOf = (_machine: Machine, instruction: Instruction): bigint => instruction.immediate;
const registerOf = (machine: Machine, instruction: Instruction): bigint => generalOf(machine, instruction.reg);

const gp = (why: string): GuestException => ({ kind: 'gp', why });

const edxEax = (machine: Machine): bigint =>
  (BigInt.asUintN(32, generalOf(machine, RDX)) << 32n) | BigInt.asUintN(32, generalOf(machine, RAX));

const setEdxEax = (machine: Machine, value: bigint): void => {
  setGeneral(machine, RAX, value & 0xffffffffn, 32);
  setGeneral(machine, RDX, value >> 32n, 32);
};

const ecx = (machine: Machine): number => Number(BigInt.asUintN(32, generalOf(machine, RCX)));

const GUEST_MSRS: readonly number[] = [MSR_INDEX.IA32_XFD, MSR_INDEX.IA32_XFD_ERR, MSR_INDEX.IA32_XSS];

const wrmsr: Operation = (machine) => {
  const index = ecx(machine);
  const value = edxEax(machine);
  if (!GUEST_MSRS.includes(index)) return gp(`the guest has no MSR ${hexShort(BigInt(index))}`);
  const allowed = index === MSR_INDEX.IA32_XSS ? 0n : offeredXcr0(machine.amxOffered) & DYNAMIC_MASK;
  const beyond = value & ~allowed;
  if (beyond !== 0n) return gp(`MSR ${hexShort(BigInt(index))} takes no bit ${bitsOf(beyond).join(', ')}`);
  machine.msrs.set(index, value);
  return null;
};

const rdmsr: Operation = (machine) => {
  const index = ecx(machine);
  if (!GUEST_MSRS.includes(index)) return gp(`the guest has no MSR ${hexShort(BigInt(index))}`);
  setEdxEax(machine, msrOf(machine, index));
  return null;
};

const xsetbv: Operation = (machine) => {
  if (ecx(machine) !== 0) return gp('ECX is not 0: XCR0 is the only register that XSETBV writes');
  const value = edxEax(machine);
  const fault = xcr0Fault(value, offeredXcr0(machine.amxOffered));
  if (fault !== null) return gp(fault);
  machine.xcr0 = value;
  return null;
};

const cpuid: Operation = (machine) => {
  const leaf = Number(BigInt.asUintN(32, generalOf(machine, RAX)));
  const table = guestCpuid(machine.amxOffered, machine.xcr0);
  // Leaves 0 and 1 have no sub-leaves: there ECX is not looked at.
  const subleaf = leaf < 2 ? 0 : ecx(machine);
  const entry = table.find((row) => row.leaf === leaf && row.subleaf === subleaf);
  setGeneral(machine, RAX, BigInt(entry?.eax ?? 0), 32);
  setGeneral(machine, RBX, BigInt(entry?.ebx ?? 0), 32);
  setGeneral(machine, RCX, BigInt(entry?.ecx ?? 0), 32);
  setGeneral(machine, RDX, BigInt(entry?.edx ?? 0), 32);
  return null;
};

const QWORD_BYTES = 8;
const FRAME_QWORDS = 5;

/** IRETQ pops RIP, CS, RFLAGS, RSP, SS; the model has one code and one stack segment, and looks at neither. */
const iretq: Operation = (machine) => {
  const frame = loadAt(machine, generalOf(machine, RSP), FRAME_QWORDS * QWORD_BYTES);
  if ('fault' in frame) return frame.fault;
  const at = (slot: number): bigint => uintOf(frame.bytes.subarray(slot * QWORD_BYTES, (slot + 1) * QWORD_BYTES));
  machine.rip = at(0);
  machine.rflags = at(2);
  machine.general[RSP] = at(3);
  return null;
};

const jumpIf =
  (condition: (machine: Machine) => boolean): Operation =>
  (machine, { immediate }) => {
    if (condition(machine)) machine.rip = BigInt.asUintN(64, machine.rip + immediate);
    return null;
  };

const storeRegister: Operation = (machine, { memory, reg, rm, widthBits }) => {
  const value = BigInt.asUintN(widthBits, generalOf(machine, reg));
  if (memory !== null) return storeAt(machine, addressOf(machine, memory), bytesOfUint(value, widthBits / 8));
  setGeneral(machine, rm, value, widthBits);
  return null;
};

const one = { encoding: 'legacy', map: 0, prefix: 0, hasModrm: false } as const;
const two = { ...one, map: 1 } as const;

export const GENERAL_FORMS: readonly Form[] = [
  {
    ...{ ...one, name: 'MOV', opcode: 0xb8, plusRegister: true, w: 0, immediateBytes: 4 },
    run: (machine, { rm, immediate }) => {
      setGeneral(machine, rm, immediate, 32);
      return null;
    },
  },
  { ...one, name: 'MOV', opcode: 0x89, hasModrm: true, run: storeRegister },
  {
    ...one,
    name: 'XOR',
    opcode: 0x31,
    hasModrm: true,
    run: onOperand(
      logic((a, b) => a ^ b),
      registerOf,
    ),
  },
  {
    ...{ ...one, name: 'OR', opcode: 0x0d, immediateBytes: 4, w: 0 },
    run: (machine, { immediate }) => {
      const or = logic((a, b) => a | b);
      setGeneral(machine, RAX, or(machine, BigInt.asUintN(32, generalOf(machine, RAX)), immediate, 32), 32);
      return null;
    },
  },
  ...([1, 4] as const).map(
    (immediateBytes): Form => ({
      ...{
        ...one,
        name: 'ADD',
        opcode: immediateBytes === 1 ? 0x83 : 0x81,
        hasModrm: true,
        extension: 0,
        immediateBytes,
      },
      run: onOperand(add, immediateOf),
    }),
  ),
  { ...one, name: 'DEC', opcode: 0xff, hasModrm: true, extension: 1, run: onOperand(decrement, () => 1n) },
  {
    ...{ ...one, name: 'JNE', opcode: 0x75, immediateBytes: 1 },
    run: jumpIf((machine) => !hasBit(machine.rflags, ZF)),
  },
  { ...one, name: 'IRETQ', opcode: 0xcf, w: 1, run: iretq },
  {
    ...{ ...one, name: 'HLT', opcode: 0xf4 },
    run: (machine) => {
      machine.ended = true;
      return null;
    },
  },
  { ...two, name: 'CPUID', opcode: 0xa2, run: cpuid },
  { ...two, name: 'WRMSR', opcode: 0x30, run: wrmsr },
  { ...two, name: 'RDMSR', opcode: 0x32, run: rdmsr },
  { ...two, name: 'XSETBV', opcode: 0x01, hasModrm: true, exact: 0xd1, run: xsetbv },
];
