import { describeProblem } from '../../../app/bits/decoded.ts';
import type { PartReader } from '../../../app/bits/part-reader.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Capture, Facts } from '../../../app/capture/capture.ts';
import { valueOfAddress } from '../../../app/debug/address.ts';
import type { CodeState } from '../../../app/debug/guest-view.ts';
import { pagingContextOf } from '../../../app/debug/paging-context.ts';
import { type ElfMemory, elfMemory, readSegments } from '../../../app/formats/elf-memory.ts';
import type { GuestMemory } from '../../../app/memory/guest-memory.ts';
import { openMemoryFile } from '../../../app/memory/memory-file.ts';
import type { MemoryRead, WalkedMemory } from '../../../app/memory/walked-memory.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';
import { executionOf, executionOfThread } from '../../../app/session/execution.ts';
import { openParts, type PartFile } from '../../io/part-file.ts';
import type { MemoryFileChoice } from './choices.ts';
import { factsOfDump, memoryOfDump, memoryOfProcess, notInFile, readOnlyMemory } from './dump-memory.ts';
import type { MemCommand } from './mem-words.ts';

/** `tilescope mem FILE ADDR`: memory that is in a file. */

/** The most that there are: CPUID, which would say how many, is not kept beside every snapshot. */
const PHYSICAL_BITS = 52;

/** Of a CPU or a thread in a file; of a dump its extended state is not known. */
export interface MemoryFileState extends CodeState {
  readonly capture: Capture | null;
  readonly isProcess: boolean;
}

interface Opened {
  readonly reader: PartReader;
  readonly memory: ElfMemory;
}

const noSuchCpu = ({ cpus }: ElfMemory, cpuNumber: number): Answer<never> =>
  refuse('usage', `the file has ${cpus.length} CPUs, and none of the number ${cpuNumber}`);

const readIn = async (opened: Opened, command: MemCommand, cpuNumber: number): Promise<Answer<MemoryRead>> => {
  const { address, bytes, physical } = command;
  const { reader, memory } = opened;
  const cpu = memory.cpus[cpuNumber] ?? null;
  if (memory.cpus.length > 0 && cpu === null) return noSuchCpu(memory, cpuNumber);
  const at = valueOfAddress(address, cpu?.general ?? null, null);
  if (!at.ok) return at;
  if (cpu !== null) {
    const found = memoryOfDump(reader, memory, cpu);
    return physical ? found.readPhysical(at.value, bytes) : found.readLinear(at.value, bytes);
  }
  if (physical) return refuse('usage', 'the core of a process has no physical addresses');
  const read = readSegments(reader, memory.segments, 'linear', at.value, bytes);
  return read === null ? notInFile(at.value) : answer({ linear: at.value, physical: null, bytes: read });
};

/** A file of memory alone, beside the snapshot that has the registers of its vCPUs. */
const besideSnapshot = async (
  reader: PartReader,
  snapshot: string,
  cpuNumber: number,
): Promise<Answer<{ readonly memory: WalkedMemory; readonly capture: Capture }>> => {
  const { readStates } = await import('../../io/captures.ts');
  const states = await readStates(snapshot);
  if (!states.ok) return states;
  const state = states.value.states.find(({ number }) => number === cpuNumber);
  if (state === undefined) return refuse('usage', `the snapshot has no vCPU ${cpuNumber}`, { where: snapshot });
  const { facts } = state.capture;
  const next = executionOf(facts)?.next ?? facts.general?.rip ?? null;
  if (facts.control === null || next === null) {
    return refuse('memory-unknown', 'the snapshot does not have the control registers of that vCPU', {
      where: snapshot,
    });
  }
  const context = pagingContextOf(facts.control, facts.guestCpuid, PHYSICAL_BITS);
  const file = await openMemoryFile(reader.bytes, reader.read, context, next);
  return file.ok ? answer({ memory: file.value, capture: state.capture }) : file;
};

const readBeside = async (
  reader: PartReader,
  snapshot: string,
  cpuNumber: number,
  { address, bytes, physical }: MemCommand,
): Promise<Answer<MemoryRead>> => {
  const file = await besideSnapshot(reader, snapshot, cpuNumber);
  if (!file.ok) return file;
  const { memory, capture } = file.value;
  const at = valueOfAddress(address, capture.facts.general, null);
  if (!at.ok) return at;
  return physical ? memory.readPhysical(at.value, bytes) : memory.readLinear(at.value, bytes);
};

/** What is made of a file that is open: a core, or a dump. */
const inFile = async <T>(
  path: string,
  use: (reader: PartReader, memory: () => Answer<ElfMemory>) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  let file: PartFile | null = null;
  try {
    const reader = openParts(path);
    file = reader;
    return await use(reader, () => {
      const memory = elfMemory(reader);
      if (memory.ok) return answer(memory.value);
      return refuse('file', `${path} holds no memory that can be read: ${describeProblem(memory.problem)}`, {
        remedy:
          'a core of a process, what QEMU’s dump-guest-memory wrote, or the memory of a snapshot with --snapshot STATE',
      });
    });
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  } finally {
    file?.close();
  }
};

/** `mem FILE`: memory out of a core or a memory file. Refused where the file does not hold it. */
export const readFromFile = (path: string, cpuNumber: number, command: MemCommand): Promise<Answer<MemoryRead>> =>
  inFile(path, async (reader, memoryIn) => {
    if (command.from.kind === 'file' && command.from.snapshot !== null) {
      return readBeside(reader, command.from.snapshot, cpuNumber, command);
    }
    const memory = memoryIn();
    return memory.ok ? readIn({ reader, memory: memory.value }, command, cpuNumber) : memory;
  });

/** A CPU of a dump, with the memory that it sees. Refused where the file has none. */
export const inDump = <T>(
  path: string,
  cpuNumber: number,
  use: (memory: GuestMemory, facts: Facts) => Promise<Answer<T>>,
): Promise<Answer<T>> =>
  inFile(path, async (reader, memoryIn) => {
    const memory = memoryIn();
    if (!memory.ok) return memory;
    const cpu = memory.value.cpus[cpuNumber];
    if (cpu === undefined) return noSuchCpu(memory.value, cpuNumber);
    return use(memoryOfDump(reader, memory.value, cpu), factsOfDump(path, cpuNumber, cpu));
  });

/** Memory and registers of a CPU in a dump, of one beside its snapshot, or of a thread in a core. Refused where the file has none. */
export const inMemoryFile = <T>(
  { path, cpu, snapshot }: MemoryFileChoice,
  use: (memory: GuestMemory, state: MemoryFileState) => Promise<Answer<T>>,
): Promise<Answer<T>> =>
  inFile(path, async (reader, memoryIn) => {
    if (snapshot !== null) {
      const found = await besideSnapshot(reader, snapshot, cpu ?? 0);
      if (!found.ok) return found;
      const { memory, capture } = found.value;
      const { facts } = capture;
      return use(readOnlyMemory(memory), { facts, execution: executionOf(facts), capture, isProcess: false });
    }
    const memory = memoryIn();
    if (!memory.ok) return memory;
    if (memory.value.cpus.length > 0) {
      const dumped = memory.value.cpus[cpu ?? 0];
      if (dumped === undefined) return noSuchCpu(memory.value, cpu ?? 0);
      const facts = factsOfDump(path, cpu ?? 0, dumped);
      const state = { facts, execution: executionOf(facts), capture: null, isProcess: false };
      return use(memoryOfDump(reader, memory.value, dumped), state);
    }
    const { readStates } = await import('../../io/captures.ts');
    const threads = await readStates(path, cpu === null ? {} : { thread: cpu });
    if (!threads.ok) return threads;
    const [thread] = threads.value.states;
    if (thread === undefined) return refuse('file', 'the core has no thread with extended state', { where: path });
    const { capture } = thread;
    const { facts } = capture;
    return use(memoryOfProcess(reader, memory.value), {
      ...{ facts, execution: executionOfThread(facts), capture, isProcess: true },
    });
  });
