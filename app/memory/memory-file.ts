import { hexShort } from '../bits/mask.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { type PagingContext, pagingMode, walkLater } from './paging.ts';
import { NO_PAGING } from './proof.ts';
import { type Candidate, candidatesOf, hostAddress } from './regions.ts';
import { type WalkedMemory, walkedMemory } from './walked-memory.ts';

/** Bytes of the file; null: they cannot be read. */
type ReadFile = (offsetBytes: number, bytes: number) => Uint8Array | null;

const unknown = (physical: bigint) =>
  refuse('memory-unknown', 'the file does not hold that memory', { where: hexShort(physical) });

/**
 * A file of a guest's memory alone, as Firecracker and Cloud Hypervisor write beside a snapshot: its bytes in the order of their
 * physical addresses, without the gap below 4 GiB. Where the gap begins is the VMM's; of the layouts that VMMs have those count in
 * which the vCPU of the snapshot finds its own code, and what they do not agree on is not known.
 */
export const openMemoryFile = async (
  fileBytes: number,
  read: ReadFile,
  context: PagingContext,
  rip: bigint,
): Promise<Answer<WalkedMemory>> => {
  if (pagingMode(context) === 'none') {
    return refuse('memory-unknown', `memory is not known: ${NO_PAGING.why}`, {
      where: 'guest memory',
      remedy: NO_PAGING.remedy,
    });
  }
  const readIn =
    ({ regions }: Candidate) =>
    async (physical: bigint, bytes: number): Promise<Uint8Array | null> => {
      const offset = hostAddress(regions, physical, bytes);
      return offset === null ? null : read(Number(offset), bytes);
    };
  const fitting: Candidate[] = [];
  for (const candidate of candidatesOf([{ start: 0n, end: BigInt(fileBytes) }])) {
    const reader = readIn(candidate);
    const page = await walkLater(context, rip, reader);
    const isUsed = page.ok && page.accessed && page.steps.length > 0;
    if (isUsed && (await reader(page.physical, 1)) !== null) fitting.push(candidate);
  }
  const [first] = fitting;
  if (first === undefined) {
    return refuse(
      'memory-unknown',
      'the page tables of that vCPU do not lead to its code in this file: they do not belong together',
      {
        where: hexShort(rip),
      },
    );
  }
  /** Where all of them have it. */
  const readAgreed = async (physical: bigint, bytes: number): Promise<Uint8Array | null> => {
    const offsets = new Set(fitting.map(({ regions }) => hostAddress(regions, physical, bytes)));
    return offsets.size === 1 ? readIn(first)(physical, bytes) : null;
  };
  return answer(walkedMemory(context, readAgreed, unknown));
};
