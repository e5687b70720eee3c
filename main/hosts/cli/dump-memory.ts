import { hexShort } from '../../../app/bits/mask.ts';
import type { PartReader } from '../../../app/bits/part-reader.ts';
import { type Facts, factsOf, targetOf } from '../../../app/capture/capture.ts';
import { type DumpedCpu, type ElfMemory, readSegments } from '../../../app/formats/elf-memory.ts';
import type { GuestMemory } from '../../../app/memory/guest-memory.ts';
import type { PagingContext } from '../../../app/memory/paging.ts';
import { type WalkedMemory, walkedMemory } from '../../../app/memory/walked-memory.ts';
import type { Answer } from '../../../app/refusals/answer.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';

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

/** Memory of which a file says itself where each byte lies: as it is read, and never written. */
export const readOnlyMemory = (memory: WalkedMemory): GuestMemory => ({
  proof: { candidate: 'a file', regions: [], translations: 0 },
  ...memory,
  placesToWrite: async () => notWritten,
  writePlace: async () => notWritten,
  under: () => readOnlyMemory(memory),
});

/** A process's memory out of its core, by linear addresses alone. */
export const memoryOfProcess = (reader: PartReader, { segments }: ElfMemory): GuestMemory => {
  const read = (linear: bigint, bytes: number) => readSegments(reader, segments, 'linear', linear, bytes);
  return readOnlyMemory({
    translate: async () => ({ ok: false, fault: 'no-memory', level: 0, next: null, steps: [] }),
    readLinear: async (linear, bytes) => {
      const found = read(linear, bytes);
      return found === null ? notInFile(linear) : answer({ linear, physical: null, bytes: found });
    },
    readPhysical: async () => refuse('usage', 'the core of a process has no physical addresses'),
  });
};
