import { hexShort } from '../../../app/bits/mask.ts';
import type { PartReader } from '../../../app/bits/part-reader.ts';
import { type Facts, factsOf, targetOf } from '../../../app/capture/capture.ts';
import { type DumpedCpu, type ElfMemory, readSegments } from '../../../app/formats/elf-memory.ts';
import type { GuestMemory } from '../../../app/memory/guest-memory.ts';
import type { PagingContext } from '../../../app/memory/paging.ts';
import { walkedMemory } from '../../../app/memory/walked-memory.ts';
import type { Answer } from '../../../app/refusals/answer.ts';
import { refuse } from '../../../app/refusals/refusal.ts';

/** A guest's memory out of a dump that has it by physical addresses, through the page tables of a CPU that stood in it. */

/** The most that there are: CPUID, which would say how many, is not kept in a dump. */
const PHYSICAL_BITS = 52;

/** What is said of an address that the file does not have. */
export const notInFile = (at: bigint): Answer<never> =>
  refuse('memory-unknown', 'the file does not hold that memory', { where: hexShort(at) });

const notWritten = refuse('read-only', 'a dump is not written');

/** Nothing has to be proved: the file says where each byte lies. */
export const memoryOfDump = (reader: PartReader, { segments }: ElfMemory, { control }: DumpedCpu): GuestMemory => {
  const seen = (translated: PagingContext): GuestMemory => ({
    proof: { candidate: 'a dump', regions: [], translations: 0 },
    ...walkedMemory(
      translated,
      async (physical, bytes) => readSegments(reader, segments, 'physical', physical, bytes),
      notInFile,
    ),
    placesToWrite: async () => notWritten,
    writePlace: async () => notWritten,
    under: (other) => seen({ ...translated, control: other }),
  });
  return seen({ control, physicalBits: PHYSICAL_BITS });
};

/** What a dump says of a CPU: its registers; the number is the CPU's place in it. */
export const factsOfDump = (name: string, vcpu: number, cpu: DumpedCpu): Facts =>
  factsOf(targetOf('file', 'QEMU', name, { vcpu }), 'dump-guest-memory', cpu);
