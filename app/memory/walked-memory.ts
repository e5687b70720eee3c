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
  /** Page by page; refused whole where one of them is not mapped (`not-mapped`), or not known (`memory-unknown`). */
  readLinear(linear: bigint, bytes: number): Promise<Answer<MemoryRead>>;
  readPhysical(physical: bigint, bytes: number): Promise<Answer<MemoryRead>>;
}

/**
 * @param read bytes from a physical address on; null where they are not known
 * @param unknown what is said of a physical address that is not known
 */
export const walkedMemory = (
  context: PagingContext,
  read: (physical: bigint, bytes: number) => Promise<Uint8Array | null>,
  unknown: (physical: bigint) => Answer<never>,
): WalkedMemory => {
  const translate = (linear: bigint): Promise<Walk> => walkLater(context, linear, read);
  return {
    translate,
    readPhysical: async (physical, bytes) => {
      const found = await read(physical, bytes);
      return found === null ? unknown(physical) : answer({ linear: null, physical, bytes: found });
    },
    readLinear: async (linear, bytes) => {
      const parts: Uint8Array[] = [];
      let first: bigint | null = null;
      for (let done = 0; done < bytes; ) {
        const at = BigInt.asUintN(64, linear + BigInt(done));
        const page = await translate(at);
        if (!page.ok) {
          const why = `the guest cannot read that linear address: ${describeFault(page)}`;
          return refuse('not-mapped', why, { where: hexShort(at) });
        }
        const left = page.pageBytes - Number(page.physical % BigInt(page.pageBytes));
        const part = await read(page.physical, Math.min(left, bytes - done));
        if (part === null) return unknown(page.physical);
        first ??= page.physical;
        parts.push(part);
        done += part.length;
      }
      return answer({ linear, physical: first ?? 0n, bytes: concat(parts) });
    },
  };
};
