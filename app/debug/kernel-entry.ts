import { readU64 } from '../bits/bytes.ts';
import type { Facts } from '../capture/capture.ts';
import type { Btf } from '../disas/symbols/btf.ts';
import type { SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { perCpu } from './linux-task.ts';
import { PT_REGS, PT_REGS_BYTES } from './orc.ts';

/** How a Linux guest's kernel was entered from user mode, by the registers that the entry has stored. */

/** What led from user mode into the kernel. */
export type KernelEntry =
  | { readonly kind: 'system call'; readonly number: number }
  /** The vector, where the kernel keeps it (to 5.7); null: it does not. */
  | { readonly kind: 'interrupt or exception'; readonly vector: number | null };

/** Or why it is not known: a phrase without a full stop. */
export type FoundEntry = { readonly entry: KernelEntry } | { readonly entry: null; readonly why: string };

const unknown = (why: string): FoundEntry => ({ entry: null, why });

/** THREAD_SIZE, and IRQ_STACK_SIZE; with KASAN the stacks are larger. (Linux arch/x86/include/asm/page_64_types.h) */
const STACK_BYTES = 16_384n;

/** A per-CPU variable by itself, or in pcpu_hot (Linux 6.2 to 6.13). */
const ownOrHot = (kernel: SymbolTable, btf: Btf | null, alone: string, inside: string): bigint | null => {
  const hot = perCpu(kernel, 'pcpu_hot');
  const offset = btf?.offsetOf('pcpu_hot', inside) ?? null;
  return perCpu(kernel, alone) ?? (hot === null || offset === null ? null : hot + BigInt(offset));
};

/**
 * RSP of the task: on the stack of interrupts it lies at that stack's top, where the kernel has left it. (call_on_stack in Linux
 * arch/x86/include/asm/irq_stack.h)
 */
const taskRsp = async (memory: GuestMemory, rsp: bigint, base: bigint, irqAt: bigint | null): Promise<bigint> => {
  const top = irqAt === null ? null : await memory.readLinear(BigInt.asUintN(64, base + irqAt), 8);
  if (!top?.ok) return rsp;
  const end = readU64(top.value.bytes, 0);
  if (rsp > end || rsp <= end - STACK_BYTES) return rsp;
  const left = await memory.readLinear(end, 8);
  return left.ok ? readU64(left.value.bytes, 0) : rsp;
};

/**
 * Where a task's entry has stored the registers of user mode: below the top of its stack. Nothing is there yet, or something of an
 * earlier entry, unless the stack is in use below it.
 */
const onTaskStack = async (
  memory: GuestMemory,
  { general, segments }: Facts,
  kernel: SymbolTable,
  btf: Btf | null,
): Promise<bigint | string> => {
  const at = ownOrHot(kernel, btf, 'cpu_current_top_of_stack', 'top_of_stack');
  if (at === null) return 'the symbols name neither cpu_current_top_of_stack nor, with BTF, pcpu_hot';
  const gs = segments?.gs_base ?? 0n;
  if (gs >> 63n === 0n || general === null) return 'GS is that of user mode still';
  const top = await memory.readLinear(BigInt.asUintN(64, gs + at), 8);
  if (!top.ok) return `its per-CPU memory cannot be read: ${top.refusal.what}`;
  const end = readU64(top.value.bytes, 0);
  const regs = end - BigInt(PT_REGS_BYTES);
  const rsp = await taskRsp(memory, general.rsp, gs, ownOrHot(kernel, btf, 'hardirq_stack_ptr', 'hardirq_stack_ptr'));
  const isBelow = rsp <= regs && rsp > end - STACK_BYTES;
  return isBelow ? regs : "RSP is not on the task's stack below the registers of an entry";
};

/** What the entry has stored as orig_ax: a number, or −1; to Linux 5.7 an interrupt's vector, inverted. (arch/x86/entry/entry_64.S) */
const entryOf = (origAx: bigint): KernelEntry => {
  const signed = BigInt.asIntN(64, origAx);
  if (signed >= 0n) return { kind: 'system call', number: Number(signed & 0xffff_ffffn) };
  const isVector = signed < -1n && signed >= -256n;
  return { kind: 'interrupt or exception', vector: isVector ? Number(-1n - signed) : null };
};

/**
 * How a vCPU at CPL 0 came there out of user mode. It is not said of a system call with the number −1, which no kernel has, that it is none.
 * @param userRegs where ORC has found the registers of user mode; null: it has not
 */
export const kernelEntry = async (
  memory: GuestMemory,
  facts: Facts,
  kernel: SymbolTable,
  btf: Btf | null,
  userRegs: bigint | null,
): Promise<FoundEntry> => {
  const at = userRegs ?? (await onTaskStack(memory, facts, kernel, btf));
  if (typeof at === 'string') return unknown(at);
  const read = await memory.readLinear(BigInt.asUintN(64, at), PT_REGS_BYTES);
  if (!read.ok) return unknown(`the top of its stack cannot be read: ${read.refusal.what}`);
  const field = (offset: number): bigint => readU64(read.value.bytes, offset);
  const isUser = (selector: bigint): boolean => (selector & 3n) === 3n;
  // Bit 1 of RFLAGS is always set. A kernel's own thread has never been in user mode.
  const isStored = isUser(field(PT_REGS.cs)) && isUser(field(PT_REGS.ss)) && (field(PT_REGS.flags) & 2n) !== 0n;
  return isStored
    ? { entry: entryOf(field(PT_REGS.origAx)) }
    : unknown('no registers of user mode are at the top of its stack');
};

/** "system call 0", "an interrupt or exception, vector 236" */
export const describeEntry = (entry: KernelEntry): string =>
  entry.kind === 'system call'
    ? `system call ${entry.number}`
    : `an interrupt or exception${entry.vector === null ? '' : `, vector ${entry.vector}`}`;
