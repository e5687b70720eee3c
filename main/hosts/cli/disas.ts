import type { Answer } from '../../../app/bridge.ts';
import { type Code, type CodeRequest, codeIn, readCode, registersOf } from '../../../app/debug/guest-view.ts';
import type { Session } from '../../../app/debug/session.ts';
import { describeTileConfig, describeTileMove } from '../../../app/debug/tile-operand.ts';
import type { TileConfigLoad, TileMove } from '../../../app/debug/tile-words.ts';
import type { Instruction } from '../../../app/disas/instruction.ts';
import { movesTile, operandAddress } from '../../../app/disas/operands.ts';
import { type Named, namedText } from '../../../app/disas/symbols/symbol-table.ts';
import { EXIT } from '../../../app/refusals/exit.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { describeExecution } from '../../../app/session/execution.ts';
import type { DisasCommand } from './disas-words.ts';
import { inMemoryFile } from './mem-file.ts';
import { jsonText, type Output } from './output.ts';
import { stateNote } from './states.ts';
import { readSymbols } from './symbols.ts';

/** `tilescope disas`: the code that a guest executes next, or that stands at an address. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const bytesText = (bytes: Uint8Array): string =>
  Buffer.from(bytes)
    .toString('hex')
    .replace(/..(?=.)/g, '$& ');

const instructionJson = (one: Instruction, { facts, execution, symbols, tile: moves, tileConfig }: Code) => {
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
    ...(isNext && moves !== null ? { tileMove: moves } : {}),
    ...(isNext && tileConfig !== null ? { tileConfig } : {}),
  };
};

const asJson = (code: Code, command: DisasCommand): string => {
  const { mode, codeBits, cpl, pcid, table } = code.execution;
  return jsonText({
    ...{ address: hex(code.start), syntax: command.syntax },
    who: { mode, codeBits, cpl, pageTables: table === null ? null : hex(table), pcid },
    instructions: code.instructions.map((one) => instructionJson(one, code)),
  });
};

const tileLines = (tile: TileMove): readonly string[] => [
  describeTileMove(tile),
  ...tile.pages.map(({ linear, physical, pageBytes, why, firstRow, lastRow }) => {
    const rows = firstRow === lastRow ? `row ${firstRow}` : `rows ${firstRow} to ${lastRow}`;
    return `${rows}: page ${linear} ${why === null ? `→ ${physical}, ${pageBytes} bytes` : `faults, ${why}`}`;
  }),
];

const configLines = (load: TileConfigLoad): readonly string[] => [
  describeTileConfig(load),
  ...load.broken.map((why) => `raises #GP: ${why}`),
];

/** What the next instruction is about to read and write, with what stands there. */
const usesText = (one: Instruction, { facts, tile, tileConfig }: Code): string => {
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
    ...(tile === null ? [] : tileLines(tile)),
    ...(tileConfig === null ? [] : configLines(tileConfig)),
  ];
  return lines
    .filter((line) => line !== '')
    .map((line) => `      ${line}\n`)
    .join('');
};

const asText = (code: Code): string => {
  const { execution, symbols, instructions: all } = code;
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
    return head + text + (isNext ? usesText(one, code) : '');
  });
  return `${describeExecution(execution)}\n${lines.join('')}`;
};

/** `disas`: the instructions, and what the next one reads and writes. */
export const disas = async (
  withSession: (work: (session: Session) => Promise<Answer<Output>>) => Promise<Answer<Output>>,
  command: DisasCommand,
): Promise<Answer<Output>> => {
  const { from, address, count, syntax, symbols, json } = command;
  // Whatever takes its time comes before the vCPU stands still for it.
  const file = symbols === null ? answer(null) : readSymbols(symbols.path);
  if (!file.ok) return file;
  const { icedDecoder } = await import('../../disas/iced.ts');
  const loadAddress = symbols?.loadAddress ?? null;
  const request: CodeRequest = { address, count, syntax, symbols: file.value, loadAddress };
  const told = (code: Code, note: string) =>
    answer({ text: json ? asJson(code, command) : asText(code), code: EXIT.done, note });
  if (from.kind === 'file') {
    const read = await inMemoryFile(from, (memory, state) => codeIn(memory, state, icedDecoder, request));
    return read.ok ? told(read.value, '') : read;
  }
  return withSession(async (session) => {
    const read = await readCode(session, icedDecoder, request);
    return read.ok ? told(read.value, stateNote(session.attached)) : read;
  });
};
