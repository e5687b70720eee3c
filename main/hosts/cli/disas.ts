import type { Answer } from '../../../app/bridge.ts';
import type { Facts } from '../../../app/capture/capture.ts';
import type { Session } from '../../../app/debug/session.ts';
import { disassemble } from '../../../app/disas/disassemble.ts';
import { type Instruction, MOST_INSTRUCTION_BYTES } from '../../../app/disas/instruction.ts';
import { movesTile, operandAddress, type RegisterValue } from '../../../app/disas/operands.ts';
import { type Named, namedText, type SymbolTable } from '../../../app/disas/symbols/symbol-table.ts';
import { MOST_BYTES } from '../../../app/memory/guest-memory.ts';
import { readUpTo } from '../../../app/memory/read-up-to.ts';
import { EXIT } from '../../../app/refusals/codes.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { describeExecution, type Execution, executionOf } from '../../../app/session/execution.ts';
import { valueOfAddress } from './address.ts';
import type { DisasCommand } from './disas-words.ts';
import { jsonText, type Output } from './output.ts';
import { stateNote } from './states.ts';
import { placeSymbols, readSymbols } from './symbols.ts';

/** `tilescope disas`: the code that a guest executes next, or that stands at an address. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const bytesText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');

interface Code {
  readonly facts: Facts;
  readonly execution: Execution;
  readonly start: bigint;
  readonly bytes: Uint8Array;
  readonly symbols: SymbolTable | null;
}

const registersOf =
  ({ general, segments }: Facts): RegisterValue =>
  (name) =>
    (general as Readonly<Record<string, bigint>> | null)?.[name] ??
    (segments as Readonly<Record<string, bigint>> | null)?.[name] ??
    null;

const instructionJson = (one: Instruction, { facts, execution, symbols }: Code) => {
  const symbol = symbols?.at(one.address) ?? null;
  const target = one.target === null ? null : (symbols?.at(one.target) ?? null);
  const named = (found: Named | null) => (found === null ? null : { name: found.name, offset: hex(found.offset) });
  const isNext = one.address === execution.next;
  return {
    ...{ address: hex(one.address), bytes: Buffer.from(one.bytes).toString('hex'), text: one.text },
    ...{ next: isNext, symbol: named(symbol) },
    ...{ target: one.target === null ? null : hex(one.target), targetSymbol: named(target) },
    ...{ reads: one.reads, writes: one.writes },
    memory: one.memory.map((access) => {
      // Where an operand lies is known of the instruction alone that the registers are of.
      const at = isNext ? operandAddress(access, registersOf(facts), !movesTile(one)) : null;
      return { address: at === null ? null : hex(at), bytes: access.bytes, read: access.reads, write: access.writes };
    }),
  };
};

const asJson = (code: Code, all: readonly Instruction[], command: DisasCommand): string => {
  const { mode, codeBits, cpl, pcid, table } = code.execution;
  return jsonText({
    ...{ address: hex(code.start), syntax: command.syntax },
    who: { mode, codeBits, cpl, pageTables: hex(table), pcid },
    instructions: all.map((one) => instructionJson(one, code)),
  });
};

/** What the next instruction is about to read and write, with what stands there. */
const usesText = (one: Instruction, facts: Facts): string => {
  const register = registersOf(facts);
  const shown = (name: string) => {
    const value = register(name);
    return value === null ? name : `${name}=${hex(value)}`;
  };
  const at = one.memory.map((access) => {
    const address = operandAddress(access, register, !movesTile(one));
    const word = access.reads && access.writes ? 'reads and writes' : access.writes ? 'writes' : 'reads';
    const size = access.bytes === null ? '' : `${access.bytes} bytes `;
    return address === null ? '' : `${word} ${size}at ${hex(address)}`;
  });
  const lines = [
    one.reads.length === 0 ? '' : `reads ${one.reads.map(shown).join(' ')}`,
    one.writes.length === 0 ? '' : `writes ${one.writes.join(' ')}`,
    ...at,
  ];
  return lines
    .filter((line) => line !== '')
    .map((line) => `      ${line}\n`)
    .join('');
};

const asText = (code: Code, all: readonly Instruction[]): string => {
  const { execution, symbols, facts } = code;
  const most = Math.max(8, ...all.map(({ bytes }) => bytes.length));
  let last: string | null = null;
  const lines = all.map((one) => {
    const symbol = symbols?.at(one.address) ?? null;
    const head = symbol !== null && symbol.name !== last ? `${namedText(symbol)}:\n` : '';
    last = symbol?.name ?? null;
    const target = one.target === null ? null : (symbols?.at(one.target) ?? null);
    const behind =
      target !== null
        ? `  <${namedText(target)}>`
        : one.memory.some(({ base }) => base === 'rip') && one.target !== null
          ? `  # ${hex(one.target)}`
          : '';
    const isNext = one.address === execution.next;
    const text = `${isNext ? '=> ' : '   '}${hex(one.address)}  ${bytesText(one.bytes).padEnd(most * 3 - 1)}  ${one.text}${behind}\n`;
    return head + text + (isNext ? usesText(one, facts) : '');
  });
  return `${describeExecution(execution)}\n${lines.join('')}`;
};

export const disas = async (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  command: DisasCommand,
): Promise<Answer<Output>> => {
  const { address, count, syntax, symbols, json } = command;
  // Whatever takes its time comes before the vCPU stands still for it.
  const file = symbols === null ? null : readSymbols(symbols.path);
  if (file !== null && !file.ok) return file;
  const { icedDecoder } = await import('../../disas/iced.ts');
  return withSession(async (session) => {
    const read = await session.withMemory<Code>(async (memory, facts) => {
      const placed = file === null || symbols === null ? null : await placeSymbols(file.value, symbols, memory, facts);
      if (placed !== null && !placed.ok) return placed;
      const execution = executionOf(facts);
      if (execution?.next === undefined || execution.next === null) {
        return refuse('memory-unknown', 'the registers that say what the vCPU executes could not be read');
      }
      const at =
        address === null ? answer(execution.next) : valueOfAddress(address, facts.general, placed?.value ?? null);
      if (!at.ok) return at;
      const most = Math.min(MOST_BYTES, count * MOST_INSTRUCTION_BYTES);
      const code = await readUpTo(memory, at.value, most);
      if (!code.ok) return code;
      return answer({ facts, execution, start: at.value, bytes: code.value.bytes, symbols: placed?.value ?? null });
    });
    if (!read.ok) return read;
    const { start, bytes, execution } = read.value;
    const all = disassemble(icedDecoder, bytes, start, count, { bitness: execution.codeBits, syntax });
    const text = json ? asJson(read.value, all, command) : asText(read.value, all);
    return answer({ text, code: EXIT.done, note: stateNote(session.attached) });
  });
};
