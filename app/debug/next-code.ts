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

interface Page {
  readonly base: bigint;
  readonly control: ControlRegisters;
  /** null: it cannot be read. */
  readonly bytes: Uint8Array | null;
  /** By their place in it. An instruction that is executed again is the same object: a loop is written down once. */
  readonly codes: Map<number, Uint8Array>;
}

const placeOf = ({ facts }: Capture): Place | null => {
  const { control } = facts;
  const next = executionOf(facts)?.next ?? null;
  return next === null || control === null ? null : { linear: next, control };
};

/** The same address may be another page under another table, or in another mode. */
const pageKey = (base: bigint, { cr0, cr3, cr4, efer }: ControlRegisters): string => [base, cr0, cr3, cr4, efer].join();

export const createCodeReader = (target: Target): CodeReader => {
  let pages = new Map<string, Page>();
  /** The page of the instruction before, and the registers under which it was found. */
  let last: { readonly page: Page; readonly control: ControlRegisters } | null = null;
  let age = 0;
  /** Where a VMM keeps its guest's memory does not change while its guest is driven: what is not there may be proved anew. */
  let proved: GuestMemory | null = null;

  const read = async (captures: readonly Capture[]): Promise<readonly (Uint8Array | null)[]> => {
    let isProvedNow = false;
    const prove = async (): Promise<GuestMemory | null> => {
      isProvedNow = true;
      const at = captures.at(-1);
      const opened = at === undefined ? null : await memoryOf(target, at.facts);
      proved = opened?.ok === true ? opened.value : null;
      return proved;
    };
    const bytesAt = async (base: bigint, control: ControlRegisters): Promise<Uint8Array | null> => {
      const page = await (proved ?? (isProvedNow ? null : await prove()))
        ?.under(control)
        .readLinear(base, Number(PAGE));
      if (page?.ok === true) return page.value.bytes;
      const again = isProvedNow ? undefined : await (await prove())?.under(control).readLinear(base, Number(PAGE));
      return again?.ok === true ? again.value.bytes : null;
    };
    const pageAt = async (base: bigint, control: ControlRegisters): Promise<Page> => {
      const key = pageKey(base, control);
      const page = pages.get(key) ?? { base, control, bytes: await bytesAt(base, control), codes: new Map() };
      pages.set(key, page);
      return page;
    };
    const codeIn = async ({ bytes, base, control }: Page, at: number): Promise<Uint8Array | null> => {
      const here = bytes?.slice(at, at + MOST_INSTRUCTION_BYTES) ?? null;
      if (here === null || here.length === MOST_INSTRUCTION_BYTES) return here;
      const next = (await pageAt(BigInt.asUintN(64, base + PAGE), control)).bytes;
      return next === null ? here : concat([here, next.subarray(0, MOST_INSTRUCTION_BYTES - here.length)]);
    };
    const codes: (Uint8Array | null)[] = [];
    for (const place of captures.map(placeOf)) {
      if (place === null) {
        codes.push(null);
        continue;
      }
      const at = Number(place.linear % PAGE);
      const base = place.linear - BigInt(at);
      if (last === null || last.page.base !== base || last.control !== place.control)
        last = { page: await pageAt(base, place.control), control: place.control };
      const { page } = last;
      const code: Uint8Array | null = page.codes.get(at) ?? (await codeIn(page, at));
      if (code !== null) page.codes.set(at, code);
      codes.push(code);
    }
    return codes;
  };

  return {
    codeOf: async (captures) => {
      if (target.memory === null) return captures.map(() => null);
      if (age >= MOST_AGE) {
        pages = new Map();
        last = null;
        age = 0;
      }
      age += captures.length;
      return read(captures);
    },
  };
};
