import { hasBit, maskOf } from '../bits/mask.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import { createMemory, type Memory, type MemoryContent } from './memory.ts';
import { createXstate, type Xstate } from './xstate.ts';

export const [RAX, RCX, RDX, RBX, RSP] = [0, 1, 2, 3, 4] as const;

/** 64-bit mode, level 0: paging, SSE, OSXSAVE; EFER with LMA, LME, SCE, NXE. */
export const CONTROL = {
  cr0: 0x80050033n,
  cr2: 0n,
  cr3: 0x1000n,
  cr4: maskOf([5, 9, 10, 18]),
  cr8: 0n,
  efer: 0xd01n,
} as const;

/** 64-bit code. It has no tables of descriptors: its handlers are named by number. */
export const DESCRIPTORS = {
  ...{ cs_base: 0n, cs_l: 1n, cs_d: 0n, cpl: 0n },
  ...{ gdt_base: 0n, gdt_limit: 0n, idt_base: 0n, idt_limit: 0n },
} as const;

/** Bit 1 is always set; interrupts are off, so that HLT is the end. */
export const INITIAL_RFLAGS = 2n;

/** An exception of the guest; `why` is one sentence without a full stop. */
export interface GuestException {
  readonly kind: 'nm' | 'ud' | 'gp';
  readonly why: string;
  /** For #NM: what goes into IA32_XFD_ERR. */
  readonly xfdErr?: bigint;
}

/** What the CPU's part of the guest holds. Instructions change it in place. */
export interface Machine {
  readonly general: BigUint64Array;
  rip: bigint;
  rflags: bigint;
  xcr0: bigint;
  readonly msrs: Map<number, bigint>;
  readonly memory: Memory;
  readonly xstate: Xstate;
  /** The VMM gave the guest AMX in its CPUID. */
  amxOffered: boolean;
  /** Handlers of exceptions; the guest shuts down where there is none. */
  readonly handlers: Readonly<Partial<Record<GuestException['kind'], bigint>>>;
  ended: boolean;
}

export const createMachine = (
  contents: readonly MemoryContent[],
  start: { readonly rip: bigint; readonly rsp: bigint; readonly handlers: Machine['handlers'] },
): Machine => {
  const general = new BigUint64Array(16);
  general[RSP] = start.rsp;
  return {
    general,
    rip: start.rip,
    rflags: INITIAL_RFLAGS,
    xcr0: 1n,
    msrs: new Map([
      [MSR_INDEX.IA32_XFD, 0n],
      [MSR_INDEX.IA32_XFD_ERR, 0n],
      [MSR_INDEX.IA32_XSS, 0n],
    ]),
    memory: createMemory(contents),
    xstate: createXstate(),
    amxOffered: false,
    handlers: start.handlers,
    ended: false,
  };
};

export const msrOf = (machine: Machine, index: number): bigint => machine.msrs.get(index) ?? 0n;

export const generalOf = (machine: Machine, register: number): bigint => machine.general[register] ?? 0n;

/** 32-bit results clear the upper half, as in 64-bit mode. */
export const setGeneral = (machine: Machine, register: number, value: bigint, widthBits: 32 | 64): void => {
  machine.general[register] = BigInt.asUintN(widthBits, value);
};

export const enabled = (machine: Machine, ...bits: readonly number[]): boolean =>
  bits.every((bit) => hasBit(machine.xcr0, bit));
