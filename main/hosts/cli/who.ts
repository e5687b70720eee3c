import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Facts } from '../../../app/capture/capture.ts';
import type { FoundTask } from '../../../app/debug/linux-task.ts';
import { entryText, taskName, type Who, whoIn } from '../../../app/debug/who.ts';
import { type Btf, readBtfFile } from '../../../app/disas/symbols/btf.ts';
import { namedText } from '../../../app/disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../../../app/memory/guest-memory.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';
import { describeExecution } from '../../../app/session/execution.ts';
import { openParts, type PartFile } from '../../io/part-file.ts';
import { jsonText, type Output } from './output.ts';
import { readSymbols } from './symbols.ts';
import type { WhoCommand } from './who-words.ts';

/** `tilescope who`: mode, privilege level and address space, the task of a Linux guest, and who called whom. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;

const readBtf = (path: string): Answer<Btf> => {
  let file: PartFile | null = null;
  try {
    file = openParts(path);
    const read = readBtfFile(file);
    return read.ok
      ? answer(read.value)
      : refuse('file', `${path} gives no BTF: ${describeProblem(read.problem)}`, {
          remedy: 'a copy of the guest’s /sys/kernel/btf/vmlinux, or its vmlinux',
        });
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  } finally {
    file?.close();
  }
};

const asJson = ({ execution, symbols, found, entry, calls }: Who): string => {
  const { mode, codeBits, cpl, pcid, table, next } = execution;
  const symbolAt = (address: bigint) => {
    const named = symbols?.at(address) ?? null;
    return named === null ? null : { name: named.name, offset: hex(named.offset) };
  };
  const task = found?.task ?? null;
  return jsonText({
    ...{
      mode,
      codeBits,
      cpl,
      pageTables: table === null ? null : hex(table),
      pcid,
      rip: next === null ? null : hex(next),
    },
    task: task === null ? null : { ...task, address: hex(task.address) },
    taskBy: found !== null && found.task !== null ? (found.by ?? null) : null,
    taskWhy: found !== null && found.task === null ? found.why : null,
    entry: entry?.entry ?? null,
    entryWhy: entry !== null && entry.entry === null ? entry.why : null,
    calls: calls.frames.map(({ address, framePointer }) => ({
      ...{ address: hex(address), symbol: symbolAt(address) },
      framePointer: framePointer === null ? null : hex(framePointer),
    })),
    ...{ callsEnd: calls.end, callsBy: calls.by },
  });
};

const taskText = (found: FoundTask | null): string => {
  if (found === null) return '';
  if (found.task === null) return `the task is not known: ${found.why}\n`;
  return `task ${taskName(found.task)}${found.by === undefined ? '' : `, found ${found.by}`}\n`;
};

const asText = ({ execution, symbols, found, entry, calls }: Who): string => {
  const lines = calls.frames.map(({ address }, at) => {
    const named = symbols?.at(address) ?? null;
    return `${at === 0 ? '=> ' : '   '}${hex(address)}${named === null ? '' : `  ${namedText(named)}`}\n`;
  });
  const entered = entry === null ? '' : `${entryText(entry)}\n`;
  return `${describeExecution(execution)}\n${taskText(found)}${entered}${lines.join('')}   (${calls.end}; by ${calls.by})\n`;
};

/** What was found, with a word on the state that it is of. */
export interface Found {
  readonly who: Who;
  readonly note: string;
}

/** `who`: mode, task and calls, of memory that is opened once the files have been read. */
export const who = async (
  inMemory: (use: (memory: GuestMemory, facts: Facts) => Promise<Answer<Who>>) => Promise<Answer<Found>>,
  { symbols, btf, count, json }: WhoCommand,
): Promise<Answer<Output>> => {
  // Whatever takes its time comes before the vCPU stands still for it.
  const file = symbols === null ? answer(null) : readSymbols(symbols.path);
  if (!file.ok) return file;
  const types = btf !== null ? readBtf(btf) : symbols === null ? answer(null) : readBtf(symbols.path);
  // A file of symbols need not have BTF; one that is named for it has to.
  if (!types.ok && btf !== null) return types;
  const files = { symbols: file.value, loadAddress: symbols?.loadAddress ?? null, btf: types.ok ? types.value : null };
  const found = await inMemory((memory, facts) => whoIn(memory, facts, files, count));
  if (!found.ok) return found;
  const text = json ? asJson(found.value.who) : asText(found.value.who);
  return answer({ text, code: EXIT.done, note: found.value.note });
};
