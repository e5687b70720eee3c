import type { Facts } from '../capture/capture.ts';
import type { Btf } from '../disas/symbols/btf.ts';
import { namedText, type SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { describeExecution, type Execution, executionOf } from '../session/execution.ts';
import type { CallsView } from './guest-words.ts';
import { describeEntry, type FoundEntry, kernelEntry } from './kernel-entry.ts';
import { currentTask, type FoundTask, type LinuxTask } from './linux-task.ts';
import { orcCalls, orcTables } from './orc.ts';
import { placeSymbols, type SymbolFile } from './place-symbols.ts';
import { type CallStack, callStack } from './unwind.ts';

/** Who executes: mode, privilege level and address space, the task of a Linux guest, and who called whom. */
export interface Who {
  readonly execution: Execution;
  readonly symbols: SymbolTable | null;
  /** Null: no files say where a task is named. */
  readonly found: FoundTask | null;
  /** How its kernel was entered; null: it executes no 64-bit kernel's code, or no symbols were given. */
  readonly entry: FoundEntry | null;
  readonly calls: CallStack;
}

/** What is known of the guest's kernel; null: nothing of the kind was given. */
export interface WhoFiles {
  readonly symbols: SymbolFile | null;
  readonly loadAddress: bigint | null;
  readonly btf: Btf | null;
}

/**
 * Mode, task and calls, at most so many. Refused where the registers could not be read, or the symbols are of another
 * kernel.
 */
export const whoIn = async (
  memory: GuestMemory,
  facts: Facts,
  { symbols: file, loadAddress, btf }: WhoFiles,
  mostCalls: number,
): Promise<Answer<Who>> => {
  const execution = executionOf(facts);
  if (execution === null) {
    return refuse('memory-unknown', 'the registers that say what the vCPU executes could not be read');
  }
  const placed = file === null ? answer(null) : await placeSymbols(file, loadAddress, memory, facts);
  if (!placed.ok) return placed;
  const symbols = placed.value;
  const found = symbols === null || btf === null ? null : await currentTask(memory, facts, symbols, btf);
  const isKernel = isKernelCode(facts, execution);
  const { calls, userRegs } = await callsOf(memory, facts, isKernel ? symbols : null, mostCalls);
  const entry = !isKernel || symbols === null ? null : await kernelEntry(memory, facts, symbols, btf, userRegs);
  return answer({ execution, symbols, found, entry, calls });
};

const isKernelCode = ({ general }: Facts, { mode, cpl }: Execution): boolean =>
  mode === '64-bit' && cpl === 0 && general !== null && general.rip >> 63n !== 0n;

/** A Linux kernel built without frame pointers has ORC tables in their place; all other code is followed by frame pointers. */
const callsOf = async (
  memory: GuestMemory,
  facts: Facts,
  kernel: SymbolTable | null,
  most: number,
): Promise<{ readonly calls: CallStack; readonly userRegs: bigint | null }> => {
  const { general } = facts;
  const tables = kernel === null ? null : await orcTables(memory, kernel);
  if (tables === null || general === null) return { calls: await callStack(memory, facts, most), userRegs: null };
  const { addresses, end, userRegs } = await orcCalls(memory, tables, general, most);
  const frames = addresses.map((address) => ({ address, framePointer: null }));
  return { calls: { frames, end, by: 'ORC' }, userRegs };
};

export const taskName = ({ name, pid, tgid }: LinuxTask): string =>
  `${name}, pid ${pid}${tgid === pid ? '' : ` of process ${tgid}`}`;

/** "the kernel was entered by system call 0" */
export const entryText = (found: FoundEntry): string =>
  found.entry === null
    ? `how the kernel was entered is not known: ${found.why}`
    : `the kernel was entered by ${describeEntry(found.entry)}`;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What was found, as text for the page; `translations` is how many page walks it took. */
export const callsView = ({ execution, symbols, found, entry, calls }: Who, translations: number): CallsView => ({
  who: describeExecution(execution),
  task: found === null || found.task === null ? null : taskName(found.task),
  taskBy: found === null || found.task === null ? null : (found.by ?? null),
  taskWhy: found !== null && found.task === null ? found.why : null,
  entry: entry === null ? null : entryText(entry),
  frames: calls.frames.map(({ address, framePointer }) => {
    const named = symbols?.at(address) ?? null;
    return {
      address: hex(address),
      symbol: named === null ? null : namedText(named),
      framePointer: framePointer === null ? null : hex(framePointer),
    };
  }),
  ...{ end: calls.end, by: calls.by },
  translations,
});
