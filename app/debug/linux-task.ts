import { readU32, readU64 } from '../bits/bytes.ts';
import { textFromUtf8, untilNul } from '../bits/text.ts';
import type { Facts } from '../capture/capture.ts';
import type { Btf } from '../disas/symbols/btf.ts';
import type { SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { executionOf } from '../session/execution.ts';

/** The task that a Linux guest's CPU executes, by its own per-CPU variable. */

export interface LinuxTask {
  /** task_struct.comm */
  readonly name: string;
  /** task_struct.pid: of the thread; 0 is the idle task. */
  readonly pid: number;
  /** task_struct.tgid: of the process. */
  readonly tgid: number;
  readonly address: bigint;
}

export type FoundTask = { readonly task: LinuxTask } | { readonly task: null; readonly why: string };

const COMM_BYTES = 16;
/** PID_MAX_LIMIT */
const MOST_PID = 1 << 22;

const unknown = (why: string): FoundTask => ({ task: null, why });

/** Where a per-CPU variable lies behind the base of GS: an offset until Linux 6.14, then an address, which KASLR moves too. */
const perCpu = (kernel: SymbolTable, name: string): bigint | null =>
  kernel.perCpuOffset(name) ?? kernel.addressOf(name);

/** current_task by itself (to 6.1, from 6.14), or in pcpu_hot between. (Linux arch/x86/include/asm/current.h) */
const currentAt = (kernel: SymbolTable, btf: Btf): bigint | null => {
  const alone = perCpu(kernel, 'current_task');
  if (alone !== null) return alone;
  const hot = perCpu(kernel, 'pcpu_hot');
  const inside = btf.offsetOf('pcpu_hot', 'current_task');
  return hot === null || inside === null ? null : hot + BigInt(inside);
};

export const currentTask = async (
  memory: GuestMemory,
  facts: Facts,
  kernel: SymbolTable,
  btf: Btf,
): Promise<FoundTask> => {
  const execution = executionOf(facts);
  const gs = facts.segments?.gs_base;
  if (execution === null || gs === undefined) return unknown('its registers could not be read');
  if (execution.mode !== '64-bit') return unknown('it does not execute 64-bit code');
  // In user mode GS is the program's, and the kernel's stands in an MSR that is not read.
  if (execution.cpl !== 0 || gs >> 63n === 0n) return unknown('it is in user mode, or has GS of user mode still');
  const at = currentAt(kernel, btf);
  if (at === null) return unknown('the symbols name neither current_task nor pcpu_hot');
  const [comm, pid, tgid] = ['comm', 'pid', 'tgid'].map((name) => btf.offsetOf('task_struct', name));
  if (comm == null || pid == null || tgid == null) return unknown('the BTF has no task_struct with comm, pid and tgid');
  const pointer = await memory.readLinear(BigInt.asUintN(64, gs + at), 8);
  if (!pointer.ok) return unknown(`its per-CPU memory cannot be read: ${pointer.refusal.what}`);
  const address = readU64(pointer.value.bytes, 0);
  const read = async (offset: number, bytes: number): Promise<Uint8Array | null> => {
    const part = await memory.readLinear(BigInt.asUintN(64, address + BigInt(offset)), bytes);
    return part.ok ? part.value.bytes : null;
  };
  const [name, number, group] = [await read(comm, COMM_BYTES), await read(pid, 4), await read(tgid, 4)];
  if (name === null || number === null || group === null) return unknown('what it names as its task cannot be read');
  const found = { pid: readU32(number, 0), tgid: readU32(group, 0) };
  // Of another kernel than the files are of, what stands there is no task.
  if (!name.includes(0) || found.pid > MOST_PID || found.tgid > MOST_PID) {
    return unknown('what it names as its task is none: symbols or BTF are of another kernel');
  }
  return { task: { name: textFromUtf8(untilNul(name)), ...found, address } };
};
