import { hexShort } from '../bits/mask.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Page, WalkFault } from '../memory/paging.ts';
import type { WritePlace } from '../memory/write-places.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';

interface ModelBytes {
  /** The lowest address that there is. */
  readonly start: bigint;
  readonly read: (address: bigint, bytes: number) => Uint8Array | null;
  readonly write: (address: bigint, bytes: Uint8Array) => Promise<Answer<null>>;
}

const PAGE_BYTES = 4096;
const PAGE: Omit<Page, 'physical'> = {
  ...{ pageBytes: PAGE_BYTES, writable: true, user: false, executable: true, accessed: true, dirty: true },
  ...{ global: false, cached: true, steps: [] },
};
const OUTSIDE: Omit<WalkFault, 'next'> = { fault: 'not-present', level: 0, steps: [] };

/** The memory of a model, which this program holds: there is nothing to prove. It has no page tables: both addresses are one. */
export const modelMemory = ({ start, read, write }: ModelBytes): GuestMemory => {
  const unknown = (address: bigint) =>
    refuse('memory-unknown', 'the model has no memory at that address', { where: hexShort(address) });
  const readAt = (address: bigint, bytes: number, linear: bigint | null) => {
    const found = read(address, bytes);
    return found === null ? unknown(address) : answer({ linear, physical: address, bytes: found });
  };
  const places = (address: bigint, bytes: number): readonly WritePlace[] => {
    const found: WritePlace[] = [];
    for (let done = 0; done < bytes; ) {
      const physical = address + BigInt(done);
      const some = Math.min(bytes - done, PAGE_BYTES - Number(physical % BigInt(PAGE_BYTES)));
      found.push({ physical, host: physical, offset: done, bytes: some });
      done += some;
    }
    return found;
  };
  const memory: GuestMemory = {
    proof: { candidate: 'the model', regions: [], translations: 0 },
    translate: async (linear) =>
      read(linear, 1) === null
        ? { ok: false, ...OUTSIDE, next: linear < start ? start : null }
        : { ok: true, ...PAGE, physical: linear },
    readLinear: async (linear, bytes) => readAt(linear, bytes, linear),
    readPhysical: async (physical, bytes) => readAt(physical, bytes, null),
    placesToWrite: async (address, bytes) =>
      read(address, bytes) === null ? unknown(address) : answer(places(address, bytes)),
    writePlace: async ({ physical }, _before, after) => {
      const written = await write(physical, after);
      return written.ok ? answer(after.slice()) : written;
    },
    under: () => memory,
  };
  return memory;
};
