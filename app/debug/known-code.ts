import type { Bitness } from '../disas/instruction.ts';
import { MOST_INSTRUCTION_BYTES } from '../disas/instruction.ts';
import { type InstructionClass, isOfClass } from '../disas/instruction-class.ts';
import { type StoresFlags, storesFlags } from '../disas/stores-flags.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { readUpTo } from '../memory/read-up-to.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer } from '../refusals/refusal.ts';
import type { Execution } from '../session/execution.ts';
import { KNOWN_CODE_BYTES, type KnownCode } from '../wire/run.ts';

/** Which instructions may be single-stepped, as guest memory says. */

const PAGE = 4096;

/** The instruction that is next, and its bytes, with some behind it; refused where they are not known. */
export const nextStores = async (
  memory: GuestMemory,
  execution: Execution,
): Promise<Answer<{ readonly stores: StoresFlags | null; readonly code: Uint8Array }>> => {
  const { next, codeBits } = execution;
  const read = await readUpTo(memory, next ?? 0n, MOST_INSTRUCTION_BYTES);
  if (!read.ok) return read;
  const code = read.value.bytes;
  const found = storesFlags(code, codeBits);
  // The CPU cannot read on either: what it does there is a page fault, of the step as of a free run.
  return answer({ stores: found === 'cut' ? null : found, code });
};

/** Whether an instruction can be told from its bytes not to store flags: most can by the first one. */
const mayStep = (code: Uint8Array, bitness: Bitness, before: InstructionClass | null): boolean =>
  storesFlags(code, bitness) === null && (before === null || !isOfClass(code, bitness, before));

/** The next instruction is one of the class; null: its bytes are not known. */
export const nextIs = async (
  memory: GuestMemory,
  { next, codeBits }: Execution,
  wanted: InstructionClass,
): Promise<boolean | null> => {
  const read = await readUpTo(memory, next ?? 0n, MOST_INSTRUCTION_BYTES);
  return read.ok ? isOfClass(read.value.bytes, codeBits, wanted) : null;
};

/**
 * The 64 KiB of code around RIP: what is not known there is not to be stepped, unless RIP stands in such a page itself, as in a ROM: then
 * all of it is, for it would be one instruction at a time.
 *
 * @param before nor are instructions of this class
 */
export const codeAround = async (
  memory: GuestMemory,
  execution: Execution,
  rip: bigint,
  before: InstructionClass | null,
): Promise<KnownCode> => {
  const base = rip - (rip % BigInt(KNOWN_CODE_BYTES));
  const start = BigInt.asUintN(64, (execution.next ?? rip) - (rip - base));
  const bytes = new Uint8Array(KNOWN_CODE_BYTES + PAGE);
  const known: { from: number; to: number }[] = [];
  const unknown: { from: number; to: number }[] = [];
  for (let at = 0; at < bytes.length; ) {
    const linear = BigInt.asUintN(64, start + BigInt(at));
    const length = Math.min(PAGE - Number(linear % BigInt(PAGE)), bytes.length - at);
    const page = await memory.readLinear(linear, length);
    const last = known.at(-1);
    if (!page.ok) unknown.push({ from: at, to: at + length });
    if (page.ok) {
      bytes.set(page.value.bytes, at);
      if (last?.to === at) last.to = at + length;
      else known.push({ from: at, to: at + length });
    }
    at += length;
  }
  const mayBeStepped = new Uint8Array(KNOWN_CODE_BYTES / 8);
  const allow = (at: number): void => {
    mayBeStepped[at >> 3] = (mayBeStepped[at >> 3] ?? 0) | (1 << (at & 7));
  };
  const inside = Number(rip - base);
  if (unknown.some(({ from, to }) => from <= inside && inside < to))
    for (const { from, to } of unknown) for (let at = from; at < Math.min(to, KNOWN_CODE_BYTES); at += 1) allow(at);
  for (const { from, to } of known) {
    for (let at = from; at < Math.min(to, KNOWN_CODE_BYTES); at += 1) {
      if (mayStep(bytes.subarray(at, Math.min(to, at + MOST_INSTRUCTION_BYTES)), execution.codeBits, before)) allow(at);
    }
  }
  return { base, mayBeStepped };
};

/** Whether an instruction that begins at this linear address may be stepped; false outside the code that is known. */
export const mayStepAt = ({ base, mayBeStepped }: KnownCode, rip: bigint): boolean => {
  const at = rip - base;
  if (at < 0n || at >= BigInt(KNOWN_CODE_BYTES)) return false;
  return (((mayBeStepped[Number(at >> 3n)] ?? 0) >> Number(at & 7n)) & 1) === 1;
};
