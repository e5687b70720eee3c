import { concat } from '../bits/bytes.ts';
import type { Capture, ControlRegisters } from '../capture/capture.ts';
import { MOST_INSTRUCTION_BYTES } from '../disas/instruction.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { executionOf } from '../session/execution.ts';
import { memoryOf } from './memory-of.ts';
import type { Target } from './target.ts';

/** The instructions that a trace executes, read from the guest's memory while the vCPU stands still between two parts of it. */
export interface CodeReader {
  /**
   * For each state the bytes of the instruction that is next; null: they are not known. The vCPU stands where the last state
   * is.
   */
  codeOf(captures: readonly Capture[]): Promise<readonly (Uint8Array | null)[]>;
}

const PAGE = 4096n;
/**
 * Pages are read anew after so many instructions, lest code that the guest has written since, or another program at the same
 * addresses, be taken for what was there. Within them code is what it is at their end.
 */
const MOST_AGE = 1_000;

interface Place {
  readonly linear: bigint;
  readonly control: ControlRegisters;
}

const placeOf = ({ facts }: Capture): Place | null => {
  const { control } = facts;
  const next = executionOf(facts)?.next ?? null;
  return next === null || control === null ? null : { linear: next, control };
};

/** The same address may be another page under another table, or in another mode. */
const pageKey = (base: bigint, { cr0, cr3, cr4, efer }: ControlRegisters): string => [base, cr0, cr3, cr4, efer].join();

export const createCodeReader = (target: Target): CodeReader => {
  let pages = new Map<string, Uint8Array | null>();
  let age = 0;

  const read = async (captures: readonly Capture[]): Promise<readonly (Uint8Array | null)[]> => {
    // Proved only where a page has to be read, once for all of them.
    let proved: GuestMemory | null | undefined;
    const memory = async (): Promise<GuestMemory | null> => {
      const last = captures.at(-1);
      const opened = last === undefined ? null : await memoryOf(target, last.facts);
      return opened?.ok === true ? opened.value : null;
    };
    const pageAt = async (base: bigint, control: ControlRegisters): Promise<Uint8Array | null> => {
      const key = pageKey(base, control);
      const known = pages.get(key);
      if (known !== undefined) return known;
      if (proved === undefined) proved = await memory();
      const page = await proved?.under(control).readLinear(base, Number(PAGE));
      const bytes = page?.ok === true ? page.value.bytes : null;
      pages.set(key, bytes);
      return bytes;
    };
    const codeAt = async ({ linear, control }: Place): Promise<Uint8Array | null> => {
      const at = Number(linear % PAGE);
      const base = linear - BigInt(at);
      const here = (await pageAt(base, control))?.slice(at, at + MOST_INSTRUCTION_BYTES) ?? null;
      if (here === null || here.length === MOST_INSTRUCTION_BYTES) return here;
      const next = await pageAt(BigInt.asUintN(64, base + PAGE), control);
      return next === null ? here : concat([here, next.subarray(0, MOST_INSTRUCTION_BYTES - here.length)]);
    };
    const codes: (Uint8Array | null)[] = [];
    for (const place of captures.map(placeOf)) codes.push(place === null ? null : await codeAt(place));
    return codes;
  };

  return {
    codeOf: async (captures) => {
      if (target.memory === null) return captures.map(() => null);
      if (age >= MOST_AGE) {
        pages = new Map();
        age = 0;
      }
      age += captures.length;
      return read(captures);
    },
  };
};
