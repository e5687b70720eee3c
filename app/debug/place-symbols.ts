import type { Facts } from '../capture/capture.ts';
import { anchorOfLstar, anchorsOfIdt, IDT_BYTES, solveKaslr } from '../disas/symbols/kaslr.ts';
import type { Symbols } from '../disas/symbols/read-symbols.ts';
import type { SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { readUpTo } from '../memory/read-up-to.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';

/** A file of symbols as it stands in the file. */
export interface SymbolFile extends Symbols {
  /** For people. */
  readonly path: string;
}

const IA32_LSTAR = 0xc0000082;

/**
 * The symbols where the guest has them. A kernel's are taken only where the handlers that the vCPU's IDT names are those of the
 * file, moved alike: other names would be wrong ones.
 */
export const placeSymbols = async (
  { path, table, base }: SymbolFile,
  loadAddress: bigint | null,
  memory: GuestMemory,
  { descriptors, msrs }: Facts,
): Promise<Answer<SymbolTable>> => {
  if (loadAddress !== null) return answer(table.moved(loadAddress - base));
  const idt = descriptors === null ? null : await readUpTo(memory, descriptors.idt_base, IDT_BYTES);
  const lstar = msrs.find(({ index }) => index === IA32_LSTAR)?.value ?? null;
  const anchors = [
    ...(idt?.ok === true ? anchorsOfIdt(idt.value.bytes) : []),
    ...(lstar === null ? [] : [anchorOfLstar(lstar)]),
  ];
  const { isKernel, shift, agreeing } = solveKaslr(table, anchors);
  if (!isKernel) return answer(table);
  if (shift !== null) return answer(table.moved(shift));
  return refuse('file', `${path} is of another kernel than the one that this vCPU runs`, {
    where: `${agreeing} of ${anchors.length} exception handlers stand where it says, moved alike`,
    remedy: '--load-address ADDR, in the window "loaded at", takes it all the same, with its lowest address at ADDR',
  });
};
