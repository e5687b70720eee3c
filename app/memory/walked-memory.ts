import { concat } from '../bits/bytes.ts';
import { hexShort } from '../bits/mask.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { describeFault, type PagingContext, type Walk, walkLater } from './paging.ts';

/** Guest memory that was read, and where it lies. */
export interface MemoryRead {
  readonly linear: bigint | null;
  /** Guest physical address of the first byte; null: the core of a process has none. */
  readonly physical: bigint | null;
  readonly bytes: Uint8Array;
}

/** Memory by physical addresses, and by linear ones through the page tables in it. */
export interface WalkedMemory {
  translate(linear: bigint): Promise<Walk>;
  /** Translations of one look, in which each table is read once; left out: reading one costs nothing. */
  look?(): (linear: bigint) => Promise<Walk>;
  /** Page by page; refused whole where one of them is not mapped (`not-mapped`), or not known (`memory-unknown`). */
  readLinear(linear: bigint, bytes: number): Promise<Answer<MemoryRead>>;
  readPhysical(physical: bigint, bytes: number): Promise<Answer<MemoryRead>>;
}

type Read = (physical: bigint, bytes: number) => Promise<Uint8Array | null>;

const PAGE = 4096;

interface Run {
  readonly physical: bigint;
  bytes: number;
}

/** For one read: each page of tables is asked for once, for 512 pages in a row share them. */
const readingOnce = (read: Read): Read => {
  const pages = new Map<bigint, Uint8Array | null>();
  return async (physical, bytes) => {
    const inside = Number(physical % BigInt(PAGE));
    const base = physical - BigInt(inside);
    if (!pages.has(base)) pages.set(base, await read(base, PAGE));
    const page = pages.get(base) ?? null;
    return page === null ? read(physical, bytes) : page.subarray(inside, inside + bytes);
  };
};

/**
 * @param read bytes from a physical address on; null where they are not known
 * @param unknown what is said of a physical address that is not known
 */
export const walkedMemory = (
  context: PagingContext,
  read: Read,
  unknown: (physical: bigint) => Answer<never>,
): WalkedMemory => {
  const translate = (linear: bigint): Promise<Walk> => walkLater(context, linear, read);
  return {
    translate,
    look: () => {
      const reader = readingOnce(read);
      return (linear) => walkLater(context, linear, reader);
    },
    readPhysical: async (physical, bytes) => {
      const found = await read(physical, bytes);
      return found === null ? unknown(physical) : answer({ linear: null, physical, bytes: found });
    },
    readLinear: async (linear, bytes) => {
      const reader = readingOnce(read);
      const runs: Run[] = [];
      for (let done = 0; done < bytes; ) {
        const at = BigInt.asUintN(64, linear + BigInt(done));
        const page = await walkLater(context, at, reader);
        if (!page.ok) {
          const why = `the guest cannot read that linear address: ${describeFault(page)}`;
          return refuse('not-mapped', why, { where: hexShort(at) });
        }
        const left = page.pageBytes - Number(page.physical % BigInt(page.pageBytes));
        const length = Math.min(left, bytes - done);
        const run = runs.at(-1);
        if (run !== undefined && run.physical + BigInt(run.bytes) === page.physical) run.bytes += length;
        else runs.push({ physical: page.physical, bytes: length });
        done += length;
      }
      const parts: Uint8Array[] = [];
      for (const { physical, bytes: length } of runs) {
        const whole = await read(physical, length);
        // Pages that follow each other may lie apart in the VMM.
        for (let done = 0; done < (whole === null ? length : 0); ) {
          const at = physical + BigInt(done);
          const some = Math.min(PAGE - Number(at % BigInt(PAGE)), length - done);
          const part = await read(at, some);
          if (part === null) return unknown(at);
          parts.push(part);
          done += some;
        }
        if (whole !== null) parts.push(whole);
      }
      return answer({ linear, physical: runs[0]?.physical ?? 0n, bytes: concat(parts) });
    },
  };
};
