import { bytesOfHex, type MemoryContent } from './memory.ts';

/** One instruction of a program: its machine code and what a disassembler says of it. */
export type Line = readonly [bytes: string, text: string];

export interface Program {
  readonly id: string;
  readonly title: string;
  /** One sentence. */
  readonly what: string;
  readonly code: readonly Line[];
  readonly data: readonly MemoryContent[];
  /** Whether the VMM has asked for guest permission and gives the guest AMX. */
  readonly withAmx: boolean;
  /** XCR0 as the firmware left it. */
  readonly xcr0: bigint;
  readonly handlers: Readonly<Partial<Record<'nm' | 'ud' | 'gp', bigint>>>;
}

/** Where every program's first instruction lies. */
export const CODE_ADDRESS = 0x401000n;
/** RSP at the start. */
export const STACK_ADDRESS = 0x40f000n;

/** The address of each instruction. */
export const addressesOf = (code: readonly Line[]): readonly bigint[] => {
  let at = CODE_ADDRESS;
  return code.map(([bytes]) => {
    const here = at;
    at += BigInt(bytesOfHex(bytes).length);
    return here;
  });
};
