import { readU16, readU32, readU64 } from '../bits/bytes.ts';
import { textFromUtf8, untilNul } from '../bits/text.ts';
import type { Facts } from '../capture/capture.ts';
import type { Btf } from '../disas/symbols/btf.ts';
import type { SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { readUpTo } from '../memory/read-up-to.ts';
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

/** The task, or why it is not known: a phrase without a full stop. */
export type FoundTask =
  | { readonly task: LinuxTask /** Where it stands out of the common, how it was found. */; readonly by?: string }
  | { readonly task: null; readonly why: string };

const COMM_BYTES = 16;
/** PID_MAX_LIMIT */
const MOST_PID = 1 << 22;

const unknown = (why: string): FoundTask => ({ task: null, why });

/** Where a per-CPU variable lies behind the base of GS: an offset until Linux 6.14, then an address, which KASLR moves too. */
export const perCpu = (kernel: SymbolTable, name: string): bigint | null =>
  kernel.perCpuOffset(name) ?? kernel.addressOf(name);

/** current_task by itself (to 6.1, from 6.14), or in pcpu_hot between. (Linux arch/x86/include/asm/current.h) */
const currentAt = (kernel: SymbolTable, btf: Btf): bigint | null => {
  const alone = perCpu(kernel, 'current_task');
  if (alone !== null) return alone;
  const hot = perCpu(kernel, 'pcpu_hot');
  const inside = btf.offsetOf('pcpu_hot', 'current_task');
  return hot === null || inside === null ? null : hot + BigInt(inside);
};

/** What an entry of __per_cpu_offset takes. */
const OFFSET_BYTES = 8;
const MOST_CPUS = 512;
/** CR3 of the user's half of a process under page-table isolation, apart from the kernel's: SDM vol. 3, 5.10; Linux arch/x86/entry/calling.h */
const USER_CR3_BITS = 0x1800n;

/**
 * The memory of this vCPU's CPU, where GS is the program's: that entry of the kernel's __per_cpu_offset whose CPU says that it has
 * this vCPU's APIC id.
 */
const baseByApicId = async (memory: GuestMemory, kernel: SymbolTable, apicId: number): Promise<bigint | null> => {
  const [list, own] = [kernel.addressOf('__per_cpu_offset'), perCpu(kernel, 'x86_cpu_to_apicid')];
  if (list === null || own === null) return null;
  const entries = await readUpTo(memory, list, MOST_CPUS * OFFSET_BYTES);
  if (!entries.ok) return null;
  for (let at = 0; at + OFFSET_BYTES <= entries.value.bytes.length; at += OFFSET_BYTES) {
    const base = readU64(entries.value.bytes, at);
    // Sixteen bits until Linux 6.6, 32 since; what stands behind them is of the same CPU's memory.
    const id = await memory.readLinear(BigInt.asUintN(64, base + own), 2);
    if (id.ok && readU16(id.value.bytes, 0) === apicId) return base;
  }
  return null;
};

interface CpuMemory {
  readonly memory: GuestMemory;
  readonly base: bigint;
  readonly by: string | null;
}

/** Where the kernel keeps what is this CPU's own; the reason where that is not known. */
const cpuMemory = async (
  memory: GuestMemory,
  facts: Facts,
  kernel: SymbolTable,
  gs: bigint,
  isKernelMode: boolean,
): Promise<CpuMemory | string> => {
  if (isKernelMode && gs >> 63n !== 0n) return { memory, base: gs, by: null };
  const { control, target } = facts;
  const kernelsOwn = control === null ? memory : memory.under({ ...control, cr3: control.cr3 & ~USER_CR3_BITS });
  for (const [tables, more] of [
    [memory, ''],
    [kernelsOwn, ", through the kernel's own page tables (CR3 without bits 11 and 12)"],
  ] as const) {
    const base = await baseByApicId(tables, kernel, target.vcpu);
    if (base !== null) return { memory: tables, base, by: `by __per_cpu_offset and its APIC id${more}` };
  }
  return 'it is in user mode, or has GS of user mode still, and no CPU in __per_cpu_offset has its APIC id';
};

/**
 * The task that the vCPU executes, by its kernel's symbols and BTF. Nothing read is believed before it looks like a
 * task: a name that ends, a pid in range.
 */
export const currentTask = async (
  guest: GuestMemory,
  facts: Facts,
  kernel: SymbolTable,
  btf: Btf,
): Promise<FoundTask> => {
  const execution = executionOf(facts);
  const gs = facts.segments?.gs_base;
  if (execution === null || gs === undefined) return unknown('its registers could not be read');
  if (execution.mode !== '64-bit') return unknown('it does not execute 64-bit code');
  const at = currentAt(kernel, btf);
  if (at === null) return unknown('the symbols name neither current_task nor pcpu_hot');
  const [comm, pid, tgid] = ['comm', 'pid', 'tgid'].map((name) => btf.offsetOf('task_struct', name));
  if (comm == null || pid == null || tgid == null) return unknown('the BTF has no task_struct with comm, pid and tgid');
  const own = await cpuMemory(guest, facts, kernel, gs, execution.cpl === 0);
  if (typeof own === 'string') return unknown(own);
  const { memory, base, by } = own;
  const pointer = await memory.readLinear(BigInt.asUintN(64, base + at), 8);
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
  const task = { name: textFromUtf8(untilNul(name)), ...found, address };
  return by === null ? { task } : { task, by };
};
