import {
  Decoder,
  DecoderOptions,
  FlowControl,
  Formatter,
  FormatterSyntax,
  type Instruction as IcedInstruction,
  InstructionInfoFactory,
  MemorySize,
  MemorySizeExt,
  MemorySizeOptions,
  Mnemonic,
  OpAccess,
  Register,
  RflagsBits,
  type UsedMemory,
} from 'iced-x86';
import type { Flow, Instruction, InstructionDecoder, MemoryAccess, Syntax } from '../../app/disas/instruction.ts';

/**
 * The decoder of iced-x86, a WebAssembly module, which comes with its bytes in the bundle: whoever needs it loads this file when it
 * is needed. What it makes is its own memory until it is given back.
 */

const formatterOf = (syntax: Syntax): Formatter => {
  const formatter = new Formatter(syntax === 'intel' ? FormatterSyntax.Masm : FormatterSyntax.Gas);
  formatter.hexPrefix = '0x';
  formatter.hexSuffix = '';
  formatter.uppercaseHex = false;
  formatter.smallHexNumbersInDecimal = false;
  formatter.leadingZeros = false;
  formatter.branchLeadingZeros = false;
  formatter.displacementLeadingZeros = false;
  formatter.alwaysShowScale = true;
  formatter.ripRelativeAddresses = true;
  formatter.showBranchSize = false;
  formatter.uppercaseKeywords = syntax === 'intel';
  formatter.masmDisplInBrackets = true;
  formatter.memorySizeOptions = MemorySizeOptions.Always;
  return formatter;
};

const FORMATTERS: Readonly<Record<Syntax, Formatter>> = { intel: formatterOf('intel'), att: formatterOf('att') };
const FACTORY = new InstructionInfoFactory();

const FLOWS: ReadonlyMap<number, Flow> = new Map([
  [FlowControl.Next, 'next'],
  [FlowControl.UnconditionalBranch, 'jump'],
  [FlowControl.IndirectBranch, 'jump'],
  [FlowControl.ConditionalBranch, 'branch'],
  [FlowControl.XbeginXabortXend, 'branch'],
  [FlowControl.Call, 'call'],
  [FlowControl.IndirectCall, 'call'],
  [FlowControl.Return, 'return'],
  [FlowControl.Interrupt, 'interrupt'],
  [FlowControl.Exception, 'exception'],
]);

const READS: ReadonlySet<number> = new Set([
  OpAccess.Read,
  OpAccess.CondRead,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
]);
const WRITES: ReadonlySet<number> = new Set([
  OpAccess.Write,
  OpAccess.CondWrite,
  OpAccess.ReadWrite,
  OpAccess.ReadCondWrite,
]);

const FLAGS: readonly (readonly [number, string])[] = [
  [RflagsBits.CF, 'CF'],
  [RflagsBits.PF, 'PF'],
  [RflagsBits.AF, 'AF'],
  [RflagsBits.ZF, 'ZF'],
  [RflagsBits.SF, 'SF'],
  [RflagsBits.DF, 'DF'],
  [RflagsBits.IF, 'IF'],
  [RflagsBits.OF, 'OF'],
  [RflagsBits.AC, 'AC'],
];

const flagsOf = (bits: number): readonly string[] =>
  FLAGS.flatMap(([bit, name]) => ((bits & bit) === 0 ? [] : [`rflags.${name}`]));

const registerName = (register: number): string | null =>
  register === Register.None ? null : (Register[register] ?? '').toLowerCase();

/** Each object of the module is given back once it is read. */
const taken = <From extends { free(): void }, To>(list: readonly From[], read: (one: From) => To): readonly To[] =>
  list.map((one) => {
    try {
      return read(one);
    } finally {
      one.free();
    }
  });

const bytesOf = (size: number): number | null => {
  const bytes = size === MemorySize.Tilecfg ? 64 : MemorySizeExt.size(size);
  return bytes === 0 ? null : bytes;
};

const accessOf = (instruction: IcedInstruction, used: UsedMemory): MemoryAccess => {
  const isTile = used.memorySize === MemorySize.Tile;
  const index = isTile ? instruction.memoryIndex : used.index;
  // DS, ES and SS have no base in 64-bit code, and a flat one nearly everywhere else.
  const segment = used.segment === Register.FS || used.segment === Register.GS ? registerName(used.segment) : null;
  const isRipRelative = used.base === Register.None && instruction.isIpRelMemoryOperand;
  return {
    segment,
    base: isRipRelative ? 'rip' : registerName(used.base),
    index: registerName(index),
    scale: isTile ? instruction.memoryIndexScale : used.scale,
    displacement: BigInt.asUintN(64, used.displacement),
    bytes: bytesOf(used.memorySize),
    ...{ reads: READS.has(used.access), writes: WRITES.has(used.access) },
  };
};

const targetOf = (instruction: IcedInstruction): bigint | null => {
  if (instruction.isIpRelMemoryOperand) return BigInt.asUintN(64, instruction.ipRelMemoryAddress);
  const isDirect =
    instruction.isJccShortOrNear ||
    instruction.isJmpShortOrNear ||
    instruction.isCallNear ||
    instruction.isLoopcc ||
    instruction.isLoop ||
    instruction.isJcxShort;
  return isDirect ? BigInt.asUintN(64, instruction.nearBranchTarget) : null;
};

const textOf = (instruction: IcedInstruction, syntax: Syntax): string => {
  const text = FORMATTERS[syntax].format(instruction).trim();
  // A scale that is always shown is shown without an index too, as an empty one.
  if (syntax === 'att') return text.replace(/\((%\w+),\)/, '($1)');
  // The 64 bytes of a tile configuration are no vector.
  return instruction.memorySize === MemorySize.Tilecfg ? text.replace('ZMMWORD PTR ', '') : text;
};

const read = (instruction: IcedInstruction, code: Uint8Array, address: bigint, syntax: Syntax): Instruction => {
  const info = FACTORY.info(instruction);
  try {
    const registers = taken(info.usedRegisters(), (one) => ({
      name: registerName(one.register) ?? '',
      access: one.access,
    }));
    const named = (kind: ReadonlySet<number>): readonly string[] => [
      ...new Set(registers.filter(({ access }) => kind.has(access)).map(({ name }) => name)),
    ];
    return {
      address,
      bytes: code.slice(0, instruction.length),
      mnemonic: (Mnemonic[instruction.mnemonic] ?? '').toLowerCase(),
      text: textOf(instruction, syntax),
      isBad: false,
      flow: FLOWS.get(instruction.flowControl) ?? 'next',
      target: targetOf(instruction),
      reads: [...named(READS), ...flagsOf(instruction.rflagsRead)],
      writes: [...named(WRITES), ...flagsOf(instruction.rflagsModified)],
      memory: taken(info.usedMemory(), (used) => accessOf(instruction, used)),
    };
  } finally {
    info.free();
  }
};

export const icedDecoder: InstructionDecoder = {
  decode: (code, address, bitness, syntax) => {
    const decoder = new Decoder(bitness, code, DecoderOptions.None);
    decoder.ip = address;
    const instruction = decoder.decode();
    try {
      return instruction.isInvalid ? null : read(instruction, code, address, syntax);
    } finally {
      instruction.free();
      decoder.free();
    }
  },
};
