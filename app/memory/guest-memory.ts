import { hexShort } from '../bits/mask.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { PagingContext } from './paging.ts';
import { type Proof, prove } from './proof.ts';
import { type ReachPort, reachOf } from './reach.ts';
import { candidatesOf, type Mapping } from './regions.ts';
import { type WalkedMemory, walkedMemory } from './walked-memory.ts';
import { findWritePlaces, type WritePlace } from './write-places.ts';

/** What a VMM's memory is read through. */
export interface MemoryPort extends ReachPort {
  /** Its readable and writable mappings. */
  mappings(): Promise<Answer<readonly Mapping[]>>;
  /**
   * Writes bytes of one page, where they are what `before` says, and gives what is read back. Not there: it cannot be written.
   */
  writeHost?(address: bigint, before: Uint8Array, after: Uint8Array): Promise<Answer<Uint8Array>>;
}

/** The memory of a guest whose place in the VMM is proved. It holds for one stop: tables and mappings may change later. */
export interface GuestMemory extends WalkedMemory {
  readonly proof: Proof;
  /**
   * Where those bytes may be written: on pages alone that a CPU of the guest has used, as memory, under the tables as they
   * stand, and of which KVM says the same physical address. Refused whole where that is not so of one page.
   */
  placesToWrite(address: bigint, bytes: number, isPhysical: boolean): Promise<Answer<readonly WritePlace[]>>;
  /** Writes over `before`, and gives what is read back. */
  writePlace(place: WritePlace, before: Uint8Array, after: Uint8Array): Promise<Answer<Uint8Array>>;
  /** The same memory with linear addresses as other control registers have them. */
  under(control: PagingContext['control']): GuestMemory;
}

/** The most that one call reads. */
export const MOST_BYTES = 1 << 24;

const notWritable = refuse('read-only', 'the memory of this target cannot be written');

const unknownMemory = (physical: bigint, end: bigint | null) =>
  refuse('memory-unknown', 'no memory is known at that physical address', {
    where: hexShort(physical),
    remedy:
      end === null
        ? 'It may be a device, firmware, or memory whose place in the VMM is not proved'
        : `Memory is proved up to ${hexShort(end)}: what the VMM has behind that in the same mapping may be its own. Guest memory of a file (a memfd, MAP_SHARED) is known whole`,
  });

/**
 * Proves where the guest's memory lies, by the page tables of a vCPU that stands still.
 * @param own linear addresses that the vCPU uses now
 * @param next that of the next instruction; left out: not known
 */
export const openMemory = async (
  context: PagingContext,
  port: MemoryPort,
  own: readonly bigint[],
  next: bigint | null = null,
): Promise<Answer<GuestMemory>> => {
  const mappings = await port.mappings();
  if (!mappings.ok) return mappings;
  const proved = await prove(context, port, candidatesOf(mappings.value), own);
  if (!proved.ok) {
    const { why, remedy } = proved;
    return refuse('memory-unknown', `memory is not known: ${why}`, {
      where: 'guest memory',
      ...(remedy === undefined ? {} : { remedy }),
    });
  }
  const { proof } = proved;
  const reach = await reachOf(context, port, proof, mappings.value, next);

  const readHere = async (physical: bigint, bytes: number): Promise<Uint8Array | null> => {
    const host = await reach.toRead(physical, bytes);
    return host === null ? null : port.readHost(host, bytes);
  };
  const unknown = (physical: bigint) => unknownMemory(physical, reach.endBefore(physical));
  const checkSize = (bytes: number) =>
    Number.isInteger(bytes) && bytes >= 1 && bytes <= MOST_BYTES
      ? null
      : refuse('usage', `1 to ${MOST_BYTES} bytes are read at a time, not ${bytes}`);
  const seen = (translated: PagingContext): GuestMemory => {
    const known = walkedMemory(translated, readHere, unknown);
    return {
      proof,
      translate: known.translate,
      ...(known.look === undefined ? {} : { look: known.look }),
      readPhysical: async (physical, bytes) => checkSize(bytes) ?? known.readPhysical(physical, bytes),
      readLinear: async (linear, bytes) => checkSize(bytes) ?? known.readLinear(linear, bytes),
      placesToWrite: (address, bytes, isPhysical) =>
        findWritePlaces(translated, { port, hostOf: reach.toWrite, read: readHere }, address, bytes, isPhysical),
      writePlace: async ({ host }, before, after) =>
        port.writeHost === undefined ? notWritable : port.writeHost(host, before, after),
      under: (control) => seen({ ...context, control }),
    };
  };
  return answer(seen(context));
};
