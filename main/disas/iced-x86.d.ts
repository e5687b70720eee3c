/**
 * What is used of iced-x86, and no more: its own declarations are half a megabyte, which every run of the type checker would read.
 * Enumerations are objects that lead both ways, from names to numbers and back.
 */
declare module 'iced-x86' {
  type Names = Readonly<Record<number, string | undefined>>;

  export const DecoderOptions: { readonly None: 0 };
  export const FormatterSyntax: { readonly Gas: 0; readonly Intel: 1; readonly Masm: 2; readonly Nasm: 3 };
  export const MemorySizeOptions: { readonly Default: 0; readonly Always: 1 };
  export const FlowControl: Readonly<
    Record<
      | 'Next'
      | 'UnconditionalBranch'
      | 'IndirectBranch'
      | 'ConditionalBranch'
      | 'Return'
      | 'Call'
      | 'IndirectCall'
      | 'Interrupt'
      | 'XbeginXabortXend'
      | 'Exception',
      number
    >
  >;
  export const OpAccess: Readonly<
    Record<'Read' | 'CondRead' | 'Write' | 'CondWrite' | 'ReadWrite' | 'ReadCondWrite', number>
  >;
  export const RflagsBits: Readonly<Record<'OF' | 'SF' | 'ZF' | 'AF' | 'CF' | 'PF' | 'DF' | 'IF' | 'AC', number>>;
  export const Mnemonic: Names;
  export const Register: Names & { readonly None: 0; readonly FS: number; readonly GS: number };
  export const MemorySize: { readonly Tile: number; readonly Tilecfg: number };

  export const MemorySizeExt: { size(size: number): number };

  export class Formatter {
    constructor(syntax: number);
    hexPrefix: string;
    hexSuffix: string;
    uppercaseHex: boolean;
    uppercaseKeywords: boolean;
    smallHexNumbersInDecimal: boolean;
    leadingZeros: boolean;
    branchLeadingZeros: boolean;
    displacementLeadingZeros: boolean;
    alwaysShowScale: boolean;
    ripRelativeAddresses: boolean;
    showBranchSize: boolean;
    masmDisplInBrackets: boolean;
    memorySizeOptions: number;
    format(instruction: Instruction): string;
  }

  export class Instruction {
    readonly length: number;
    readonly isInvalid: boolean;
    readonly mnemonic: number;
    readonly flowControl: number;
    readonly rflagsRead: number;
    readonly rflagsModified: number;
    readonly memorySize: number;
    readonly memoryIndex: number;
    readonly memoryIndexScale: number;
    readonly isIpRelMemoryOperand: boolean;
    readonly ipRelMemoryAddress: bigint;
    readonly nearBranchTarget: bigint;
    readonly isJccShortOrNear: boolean;
    readonly isJmpShortOrNear: boolean;
    readonly isCallNear: boolean;
    readonly isLoop: boolean;
    readonly isLoopcc: boolean;
    readonly isJcxShort: boolean;
    free(): void;
  }

  export class Decoder {
    constructor(bitness: number, code: Uint8Array, options: number);
    ip: bigint;
    decode(): Instruction;
    free(): void;
  }

  export class UsedRegister {
    readonly register: number;
    readonly access: number;
    free(): void;
  }

  export class UsedMemory {
    readonly segment: number;
    readonly base: number;
    readonly index: number;
    readonly scale: number;
    readonly displacement: bigint;
    readonly memorySize: number;
    readonly access: number;
    free(): void;
  }

  export class InstructionInfo {
    usedRegisters(): UsedRegister[];
    usedMemory(): UsedMemory[];
    free(): void;
  }

  export class InstructionInfoFactory {
    info(instruction: Instruction): InstructionInfo;
  }
}
