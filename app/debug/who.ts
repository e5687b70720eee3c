import type { Facts } from '../capture/capture.ts';
import type { Btf } from '../disas/symbols/btf.ts';
import { namedText, type SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { describeExecution, type Execution, executionOf } from '../session/execution.ts';
import type { CallsView } from './guest-words.ts';
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
  return answer({ execution, symbols, found, calls: await callsOf(memory, facts, execution, symbols, mostCalls) });
};

/** A Linux kernel built without frame pointers has ORC tables in their place; all other code is followed by frame pointers. */
const callsOf = async (
  memory: GuestMemory,
  facts: Facts,
  { mode, cpl }: Execution,
  symbols: SymbolTable | null,
  most: number,
): Promise<CallStack> => {
  const { general } = facts;
  const isKernel = mode === '64-bit' && cpl === 0 && general !== null && general.rip >> 63n !== 0n;
  const tables = isKernel && symbols !== null ? await orcTables(memory, symbols) : null;
  if (tables === null || general === null) return callStack(memory, facts, most);
  const { addresses, end } = await orcCalls(memory, tables, general, most);
  return { frames: addresses.map((address) => ({ address, framePointer: null })), end, by: 'ORC' };
};

export const taskName = ({ name, pid, tgid }: LinuxTask): string =>
  `${name}, pid ${pid}${tgid === pid ? '' : ` of process ${tgid}`}`;

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** What was found, as text for the page; `translations` is how many page walks it took. */
export const callsView = ({ execution, symbols, found, calls }: Who, translations: number): CallsView => ({
  who: describeExecution(execution),
  task: found === null || found.task === null ? null : taskName(found.task),
  taskBy: found === null || found.task === null ? null : (found.by ?? null),
  taskWhy: found !== null && found.task === null ? found.why : null,
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
