import { concat } from '../bits/bytes.ts';
import { hexShort } from '../bits/mask.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { MemoryRead } from './guest-memory.ts';
import { describeFault, type PagingContext, walkLater } from './paging.ts';
import { type Candidate, candidatesOf, hostAddress } from './regions.ts';

/**
 * A file of a guest's memory alone, as Firecracker and Cloud Hypervisor write beside a snapshot: its bytes in the order of their
 * physical addresses, without the gap below 4 GiB. Where the gap begins is the VMM's; of the layouts that VMMs have those count in
 * which the vCPU of the snapshot finds its own code, and what they do not agree on is not known.
 */
export interface MemoryFile {
  readLinear(linear: bigint, bytes: number): Promise<Answer<MemoryRead>>;
  readPhysical(physical: bigint, bytes: number): Promise<Answer<MemoryRead>>;
}

/** Bytes of the file; null: they cannot be read. */
type ReadFile = (offsetBytes: number, bytes: number) => Uint8Array | null;

const unknown = (physical: bigint) =>
  refuse('memory-unknown', 'the file does not hold that memory', { where: hexShort(physical) });

export const openMemoryFile = async (
  fileBytes: number,
  read: ReadFile,
  context: PagingContext,
  rip: bigint,
): Promise<Answer<MemoryFile>> => {
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
  const readPhysical = async (physical: bigint, bytes: number): Promise<Answer<MemoryRead>> => {
    const found = await readAgreed(physical, bytes);
    return found === null ? unknown(physical) : answer({ linear: null, physical, bytes: found });
  };
  return answer({
    readPhysical,
    readLinear: async (linear, bytes) => {
      const parts: Uint8Array[] = [];
      let start: bigint | null = null;
      for (let done = 0; done < bytes; ) {
        const at = BigInt.asUintN(64, linear + BigInt(done));
        const page = await walkLater(context, at, readAgreed);
        if (!page.ok) {
          const why = `the guest cannot read that linear address: ${describeFault(page)}`;
          return refuse('not-mapped', why, { where: hexShort(at) });
        }
        const left = page.pageBytes - Number(page.physical % BigInt(page.pageBytes));
        const part = await readPhysical(page.physical, Math.min(left, bytes - done));
        if (!part.ok) return part;
        start ??= page.physical;
        parts.push(part.value.bytes);
        done += part.value.bytes.length;
      }
      return answer({ linear, physical: start ?? 0n, bytes: concat(parts) });
    },
  });
};
