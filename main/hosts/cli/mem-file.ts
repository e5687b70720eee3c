import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { describeProblem } from '../../../app/bits/decoded.ts';
import type { PartReader } from '../../../app/bits/part-reader.ts';
import type { Answer } from '../../../app/bridge.ts';
import { valueOfAddress } from '../../../app/debug/address.ts';
import { pagingContextOf } from '../../../app/debug/paging-context.ts';
import { type DumpedCpu, type ElfMemory, elfMemory, readSegments } from '../../../app/formats/elf-memory.ts';
import { openMemoryFile } from '../../../app/memory/memory-file.ts';
import { type MemoryRead, type WalkedMemory, walkedMemory } from '../../../app/memory/walked-memory.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';
import { executionOf } from '../../../app/session/execution.ts';
import type { MemCommand } from './mem-words.ts';

/** `tilescope mem FILE ADDR`: memory that is in a file. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** The most that there are: CPUID, which would say how many, is not kept in a dump. */
const PHYSICAL_BITS = 52;

const notThere = (at: bigint): Answer<never> =>
  refuse('memory-unknown', 'the file does not hold that memory', { where: hex(at) });

interface Opened {
  readonly reader: PartReader;
  readonly memory: ElfMemory;
}

/** Through the page tables of a CPU that stood in the dump. */
const dumped = ({ reader, memory }: Opened, { control }: DumpedCpu): WalkedMemory =>
  walkedMemory(
    { control, physicalBits: PHYSICAL_BITS },
    async (physical, bytes) => readSegments(reader, memory.segments, 'physical', physical, bytes),
    notThere,
  );

const readIn = async (opened: Opened, command: MemCommand, cpuNumber: number): Promise<Answer<MemoryRead>> => {
  const { address, bytes, physical } = command;
  const { reader, memory } = opened;
  const cpu = memory.cpus[cpuNumber] ?? null;
  if (memory.cpus.length > 0 && cpu === null) {
    return refuse('usage', `the file has ${memory.cpus.length} CPUs, and none of the number ${cpuNumber}`);
  }
  const at = valueOfAddress(address, cpu?.general ?? null, null);
  if (!at.ok) return at;
  if (cpu !== null) {
    const found = dumped(opened, cpu);
    return physical ? found.readPhysical(at.value, bytes) : found.readLinear(at.value, bytes);
  }
  if (physical) return refuse('usage', 'the core of a process has no physical addresses');
  const read = readSegments(reader, memory.segments, 'linear', at.value, bytes);
  return read === null ? notThere(at.value) : answer({ linear: at.value, physical: null, bytes: read });
};

/** A file of memory alone, beside the snapshot that has the registers of its vCPUs. */
const readBeside = async (
  reader: PartReader,
  snapshot: string,
  cpuNumber: number,
  { address, bytes, physical }: MemCommand,
): Promise<Answer<MemoryRead>> => {
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
  if (!file.ok) return file;
  const at = valueOfAddress(address, facts.general, null);
  if (!at.ok) return at;
  return physical ? file.value.readPhysical(at.value, bytes) : file.value.readLinear(at.value, bytes);
};

/** `mem FILE`: memory out of a core or a memory file. Refused where the file does not hold it. */
export const readFromFile = async (
  path: string,
  cpuNumber: number,
  command: MemCommand,
): Promise<Answer<MemoryRead>> => {
  let fd: number | null = null;
  try {
    const file = openSync(path, 'r');
    fd = file;
    const reader: PartReader = {
      bytes: fstatSync(file).size,
      read: (offsetBytes, bytes) => {
        const part = Buffer.alloc(bytes);
        return readSync(file, part, 0, bytes, offsetBytes) === bytes ? part : null;
      },
    };
    if (command.from.kind === 'file' && command.from.snapshot !== null) {
      return await readBeside(reader, command.from.snapshot, cpuNumber, command);
    }
    const memory = elfMemory(reader);
    if (!memory.ok) {
      return refuse('file', `${path} holds no memory that can be read: ${describeProblem(memory.problem)}`, {
        remedy:
          'a core of a process, what QEMU’s dump-guest-memory wrote, or the memory of a snapshot with --snapshot STATE',
      });
    }
    return await readIn({ reader, memory: memory.value }, command, cpuNumber);
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  } finally {
    if (fd !== null) closeSync(fd);
  }
};
