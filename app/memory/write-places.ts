import { hexShort } from '../bits/mask.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { describeFault, type PagingContext, walkLater } from './paging.ts';
import type { ProofPort } from './proof.ts';
import { findAlias } from './table-search.ts';

/**
 * Where bytes of the guest may be written. More is asked than for reading: that a region is proved says where its tables lie, and
 * the rest of it by its layout alone. So each page has to be one that a CPU of the guest has used, as memory, under the tables as
 * they stand: then the guest has it for its own, and what a VMM keeps behind the guest's memory in one mapping, a ROM that is no
 * memory to the guest, and a device are none of these. KVM has to give the same physical address.
 */

/** Bytes on one page that may be written, and where they stand in what was asked for. */
export interface WritePlace {
  readonly physical: bigint;
  readonly host: bigint;
  readonly offset: number;
  readonly bytes: number;
}

/** The most that one call writes: it stands in the journal, twice. */
export const MOST_WRITTEN_BYTES = 1 << 16;
const PAGE = 4096n;

interface Reach {
  readonly port: ProofPort;
  /** Where bytes that are known to be the guest's lie in the VMM; null: they are not. */
  readonly hostOf: (physical: bigint, bytes: number) => Promise<bigint | null>;
  readonly read: (physical: bigint, bytes: number) => Promise<Uint8Array | null>;
}

interface Piece {
  readonly at: bigint;
  readonly offset: number;
  readonly bytes: number;
}

const pieces = (address: bigint, bytes: number): readonly Piece[] => {
  const found: Piece[] = [];
  for (let done = 0; done < bytes; ) {
    const at = BigInt.asUintN(64, address + BigInt(done));
    const some = Math.min(bytes - done, Number(PAGE - (at % PAGE)));
    found.push({ at, offset: done, bytes: some });
    done += some;
  }
  return found;
};

const notProved = (at: bigint, why: string) =>
  refuse('not-writable', `no byte was written: ${why}`, { where: hexShort(at) });

interface Mapped {
  readonly linear: bigint;
  readonly physical: bigint;
}

/** The page by which the guest uses what is to be written. */
const mappedPiece = async (
  context: PagingContext,
  { at }: Piece,
  isPhysical: boolean,
  { read }: Reach,
): Promise<Answer<Mapped>> => {
  const linear = isPhysical ? await findAlias(context, at, read) : at;
  if (linear === null) {
    return notProved(
      at,
      'the guest, where it stands now, has no page in use that maps that physical address as memory',
    );
  }
  const page = await walkLater(context, linear, read);
  if (!page.ok) {
    return refuse('not-mapped', `the guest has no memory at that linear address: ${describeFault(page)}`, {
      where: hexShort(at),
    });
  }
  if (!page.accessed || page.steps.length === 0) return notProved(at, 'no CPU of the guest has used that page yet');
  if (!page.cached) return notProved(at, 'the guest maps it as a device, not as memory');
  return answer({ linear, physical: page.physical });
};

/**
 * Where each page of a write lies in the VMM. Refused before a byte is written where one page is not mapped, is no
 * memory by the guest's own tables, or is not proved.
 */
export const findWritePlaces = async (
  context: PagingContext,
  reach: Reach,
  address: bigint,
  bytes: number,
  isPhysical: boolean,
): Promise<Answer<readonly WritePlace[]>> => {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > MOST_WRITTEN_BYTES) {
    return refuse('usage', `1 to ${MOST_WRITTEN_BYTES} bytes are written at a time, not ${bytes}`);
  }
  const asked = pieces(address, bytes);
  const mapped: Mapped[] = [];
  const places: WritePlace[] = [];
  for (const piece of asked) {
    const one = await mappedPiece(context, piece, isPhysical, reach);
    if (!one.ok) return one;
    const host = await reach.hostOf(one.value.physical, piece.bytes);
    if (host === null) {
      return refuse('memory-unknown', 'no byte was written: no memory is known at that physical address', {
        where: hexShort(one.value.physical),
        remedy:
          'It may be a device, firmware, or memory whose place in the VMM is not proved, or that reaches behind the last of the guest’s page tables',
      });
    }
    mapped.push(one.value);
    places.push({ physical: one.value.physical, host, offset: piece.offset, bytes: piece.bytes });
  }
  const answers = await reach.port.translate(mapped.map(({ linear }) => linear));
  for (const [at, { linear, physical }] of mapped.entries()) {
    const found = answers?.[at];
    if (found === undefined || !found.valid || found.physical !== physical) {
      return notProved(linear, 'KVM does not translate it as the tables that were read do');
    }
  }
  return answer(places);
};
