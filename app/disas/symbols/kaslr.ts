import { readU16, readU32 } from '../../bits/bytes.ts';
import type { SymbolTable } from './symbol-table.ts';

/**
 * How far a Linux kernel was moved at boot, by addresses of its own that a CPU holds: the handlers that the IDT names, and
 * IA32_LSTAR. (Linux, arch/x86/kernel/idt.c and entry_64.S; the names before 5.8 and since)
 */

export interface Anchor {
  readonly address: bigint;
  /** What kernels call it; the first one that the table has counts. */
  readonly names: readonly string[];
}

const EXCEPTIONS: Readonly<Record<number, readonly string[]>> = {
  0: ['asm_exc_divide_error', 'divide_error'],
  1: ['asm_exc_debug', 'debug'],
  2: ['asm_exc_nmi', 'nmi'],
  3: ['asm_exc_int3', 'int3'],
  4: ['asm_exc_overflow', 'overflow'],
  5: ['asm_exc_bounds', 'bounds'],
  6: ['asm_exc_invalid_op', 'invalid_op'],
  7: ['asm_exc_device_not_available', 'device_not_available'],
  8: ['asm_exc_double_fault', 'double_fault'],
  10: ['asm_exc_invalid_tss', 'invalid_TSS'],
  11: ['asm_exc_segment_not_present', 'segment_not_present'],
  12: ['asm_exc_stack_segment', 'stack_segment'],
  13: ['asm_exc_general_protection', 'general_protection'],
  14: ['asm_exc_page_fault', 'page_fault'],
  16: ['asm_exc_coprocessor_error', 'coprocessor_error'],
  17: ['asm_exc_alignment_check', 'alignment_check'],
  19: ['asm_exc_simd_coprocessor_error', 'simd_coprocessor_error'],
};

/** Bytes of the IDT that hold the exceptions. */
export const IDT_BYTES = 20 * 16;

/** The handlers of a 64-bit IDT: gates of 16 bytes, offset in bytes 0, 1, 6 to 11, P in bit 47. (Intel SDM vol. 3, 7.14.1) */
export const anchorsOfIdt = (idt: Uint8Array): readonly Anchor[] =>
  Object.entries(EXCEPTIONS).flatMap(([vector, names]) => {
    const at = Number(vector) * 16;
    if (at + 16 > idt.length || (readU16(idt, at + 4) & 0x8000) === 0) return [];
    const low = BigInt(readU16(idt, at)) | (BigInt(readU16(idt, at + 6)) << 16n);
    return [{ address: low | (BigInt(readU32(idt, at + 8)) << 32n), names }];
  });

/** entry_SYSCALL_64, as IA32_LSTAR has it. */
export const anchorOfLstar = (lstar: bigint): Anchor => ({ address: lstar, names: ['entry_SYSCALL_64'] });

/** Kernels are moved by whole pages of 2 MiB. (CONFIG_PHYSICAL_ALIGN's least) */
const ALIGN = 1n << 21n;
/** Agreeing anchors that are no accident. */
const ENOUGH = 3;

/** isKernel: the table names handlers at all. shift null: they are not where this CPU has them. */
export interface Kaslr {
  readonly isKernel: boolean;
  readonly shift: bigint | null;
  readonly agreeing: number;
}

/** How far the kernel was moved: by what most of the anchors say of the symbols they have to be. */
export const solveKaslr = (symbols: SymbolTable, anchors: readonly Anchor[]): Kaslr => {
  const votes = new Map<bigint, number>();
  let all = 0;
  for (const { address, names } of anchors) {
    const there = names.map((name) => symbols.addressOf(name)).find((one) => one !== null);
    if (there === undefined || there === null) continue;
    const shift = BigInt.asUintN(64, address - there);
    votes.set(shift, (votes.get(shift) ?? 0) + 1);
    all += 1;
  }
  const best = [...votes].reduce<[bigint, number] | null>((a, b) => (a === null || b[1] > a[1] ? b : a), null);
  const holds = best !== null && best[0] % ALIGN === 0n && best[1] >= ENOUGH && best[1] * 4 >= all * 3;
  // A few of the names are ordinary words, which a program may have too.
  const handlers = Object.values(EXCEPTIONS).filter((names) => names.some((name) => symbols.addressOf(name) !== null));
  return { isKernel: handlers.length >= ENOUGH, shift: holds ? best[0] : null, agreeing: best?.[1] ?? 0 };
};
