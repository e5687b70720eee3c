import { fromHexInOrder, hexByte } from '../bits/bytes.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import { disassemble, instructionAt } from '../disas/disassemble.ts';
import {
  type Instruction,
  type InstructionDecoder,
  MOST_INSTRUCTION_BYTES,
  type Syntax,
} from '../disas/instruction.ts';
import { isOfClass } from '../disas/instruction-class.ts';
import { movesTile, operandAddress, type RegisterValue } from '../disas/operands.ts';
import { namedText, type SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { describeFault, nameSteps, protectionKey, type WalkStep } from '../memory/paging.ts';
import { readUpTo } from '../memory/read-up-to.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { describeExecution, type Execution, executionOf } from '../session/execution.ts';
import { parseAddress, valueOfAddress } from './address.ts';
import type {
  CodeView,
  KnownBytes,
  MemoryPage,
  MemoryRequest,
  MemoryRow,
  MemoryView,
  MemoryWalkStep,
  NamedCode,
  OperandUse,
} from './guest-words.ts';
import { placeSymbols, type SymbolFile } from './place-symbols.ts';
import type { Session } from './session.ts';
import { tileConfigLoad, tileMove } from './tile-operand.ts';
import type { TileConfigLoad, TileMove } from './tile-words.ts';

/** Guest code and guest memory, read in one stop. */

const hex = (value: bigint): string => `0x${value.toString(16)}`;
const hexOf = (bytes: Uint8Array, between = ''): string => Array.from(bytes, hexByte).join(between);

/** A general or segment register by its name in small letters; null: no such register, or it could not be read. */
export const registersOf =
  ({ general, segments }: Facts): RegisterValue =>
  (name) =>
    (general as Readonly<Record<string, bigint>> | null)?.[name] ??
    (segments as Readonly<Record<string, bigint>> | null)?.[name] ??
    null;

/** Code in one stop: who executes it, its instructions, and what the next one will do. */
export interface Code {
  readonly facts: Facts;
  readonly execution: Execution;
  readonly start: bigint;
  readonly instructions: readonly Instruction[];
  readonly symbols: SymbolTable | null;
  readonly tile: TileMove | null;
  readonly tileConfig: TileConfigLoad | null;
  readonly translations: number;
}

export interface CodeRequest {
  /** '': RIP. */
  readonly address: string;
  readonly count: number;
  readonly syntax: Syntax;
  readonly symbols: SymbolFile | null;
  readonly loadAddress: bigint | null;
}

const startOf = (text: string, next: bigint, facts: Facts, symbols: SymbolTable | null): Answer<bigint> => {
  if (text === '') return answer(next);
  const address = parseAddress(text, symbols !== null);
  return address === null ? refuse('usage', `${text} is no address`) : valueOfAddress(address, facts.general, symbols);
};

/** What is known of whoever executes code that is read, beside its memory. */
export interface CodeState {
  readonly facts: Facts;
  readonly execution: Execution | null;
  /** Its extended state, by which a tile has its shape; null: not known. */
  readonly capture: Capture | null;
}

/** Instructions from RIP or an address on. Refused where the address is not mapped, or it is not known who executes. */
export const codeIn = async (
  memory: GuestMemory,
  { facts, execution, capture }: CodeState,
  decoder: InstructionDecoder,
  request: CodeRequest,
): Promise<Answer<Code>> => {
  const { count, syntax, symbols: file, loadAddress } = request;
  const placed = file === null ? answer(null) : await placeSymbols(file, loadAddress, memory, facts);
  if (!placed.ok) return placed;
  const symbols = placed.value;
  if (execution === null || execution.next === null) {
    return refuse('memory-unknown', 'the registers that say what the vCPU executes could not be read');
  }
  const start = startOf(request.address, execution.next, facts, symbols);
  if (!start.ok) return start;
  const bytes = await readUpTo(memory, start.value, count * MOST_INSTRUCTION_BYTES);
  if (!bytes.ok) return bytes;
  const reading = { bitness: execution.codeBits, syntax };
  const instructions = disassemble(decoder, bytes.value.bytes, start.value, count, reading);
  const next = instructions.find(({ address }) => address === execution.next);
  const register = registersOf(facts);
  return answer({
    ...{ facts, execution, start: start.value, instructions, symbols, translations: memory.proof.translations },
    tile: next === undefined || capture === null ? null : await tileMove(next, capture, memory, register),
    tileConfig: next === undefined ? null : await tileConfigLoad(next, memory, register),
  });
};

/**
 * Instructions from RIP or an address on, with symbols where a file of them is given. The vCPU stands still meanwhile.
 * Refused where memory is not proved or the address is not mapped.
 */
export const readCode = (session: Session, decoder: InstructionDecoder, request: CodeRequest): Promise<Answer<Code>> =>
  session.withMemory<Code>((memory, capture) => {
    const { facts } = capture;
    return codeIn(memory, { facts, execution: executionOf(facts), capture }, decoder, request);
  });

/** Where the operands of the next instruction lie, those of a register's unknown value left out. */
const usesOf = (instruction: Instruction, facts: Facts): readonly OperandUse[] =>
  instruction.memory.flatMap((access) => {
    const address = operandAddress(access, registersOf(facts), !movesTile(instruction));
    const { bytes, reads, writes } = access;
    return address === null ? [] : [{ address: hex(address), bytes, reads, writes }];
  });

const named = (symbols: SymbolTable | null, address: bigint): string | null => {
  const found = symbols?.at(address) ?? null;
  return found === null ? null : namedText(found);
};

/** An instruction of which the bytes are known. */
export const nameCode = (
  { address, code, bits }: KnownBytes,
  syntax: Syntax,
  decoder: InstructionDecoder,
  symbols: SymbolTable | null,
): NamedCode => {
  const at = BigInt(address);
  const bytes = fromHexInOrder(code) ?? new Uint8Array();
  return { text: instructionAt(decoder, bytes, at, { bitness: bits, syntax }).text, symbol: named(symbols, at) };
};

/** What was read, as text for the page. */
export const codeView = (code: Code): CodeView => {
  const { facts, execution, instructions, symbols, tile, tileConfig, translations } = code;
  const next = instructions.find(({ address }) => address === execution.next);
  const uses = next === undefined ? [] : usesOf(next, facts);
  const isXsave = next !== undefined && isOfClass(next.bytes, execution.codeBits, 'xsave');
  return {
    ...{ rip: hex(execution.next ?? 0n), who: describeExecution(execution), tile, tileConfig, translations },
    ...{ uses, area: isXsave ? (uses[0]?.address ?? null) : null },
    lines: instructions.map((one) => ({
      ...{ address: hex(one.address), bytes: hexOf(one.bytes, ' '), text: one.text },
      next: one.address === execution.next,
      symbol: named(symbols, one.address),
      target: one.target === null ? null : (named(symbols, one.target) ?? hex(one.target)),
      ...{ reads: one.reads, writes: one.writes },
    })),
  };
};

const PAGE = 4096n;
const MOST_PAGES = 64;

const pageOf = async (memory: GuestMemory, { control }: Facts, linear: bigint): Promise<MemoryPage> => {
  const found = await memory.translate(linear);
  const named = (steps: readonly WalkStep[]): readonly MemoryWalkStep[] =>
    control === null ? [] : nameSteps(control, linear, steps).map((step) => ({ ...step, entry: hex(step.entry) }));
  const walk = named(found.steps);
  if (!found.ok) {
    const why = describeFault(found);
    return { linear: hex(linear), physical: null, pageBytes: null, rights: '', flags: '', key: null, walk, why };
  }
  const rights = ['read', found.writable ? 'write' : '', found.executable ? 'execute' : ''].filter((one) => one !== '');
  return {
    ...{ linear: hex(linear), physical: hex(found.physical), pageBytes: found.pageBytes, walk, why: null },
    key: control === null ? null : protectionKey(control, found),
    rights: [found.user ? 'user' : 'supervisor', ...rights].join(' '),
    flags: [found.accessed ? 'A' : '', found.dirty ? 'D' : ''].filter((one) => one !== '').join(' '),
  };
};

const signedText = (value: bigint): string => BigInt.asIntN(64, value).toString();

/**
 * Rows of memory from an address on, each read or said to be not mapped. Refused where the address does not parse or
 * memory is not proved.
 */
export const readRows = (session: Session, request: MemoryRequest): Promise<Answer<MemoryView>> =>
  session.withMemory<MemoryView>(async (memory, { facts }) => {
    const { rows, rowBytes, isPhysical } = request;
    const numberOf = (text: string): Answer<bigint> => {
      const isNegative = text.startsWith('-');
      const address = parseAddress(isNegative ? text.slice(1) : text, false);
      if (address === null) return refuse('usage', `${text} is no address: a number, or a register such as rsi+0x40`);
      const value = valueOfAddress(address, facts.general, null);
      return value.ok && isNegative ? answer(BigInt.asUintN(64, -value.value)) : value;
    };
    const base = numberOf(request.address);
    if (!base.ok) return base;
    const stride = request.stride === '' ? answer(BigInt(rowBytes)) : numberOf(request.stride);
    if (!stride.ok) return stride;
    const found: MemoryRow[] = [];
    const pages = new Set<bigint>();
    for (let row = 0; row < rows; row += 1) {
      const at = BigInt.asUintN(64, base.value + BigInt(row) * stride.value);
      const read = isPhysical ? await memory.readPhysical(at, rowBytes) : await readUpTo(memory, at, rowBytes);
      const bytes = read.ok ? read.value.bytes : new Uint8Array();
      const last = BigInt.asUintN(64, at + BigInt(rowBytes - 1));
      for (const each of [at, last]) pages.add(each - (each % PAGE));
      const cut = read.ok && bytes.length < rowBytes ? await memory.readLinear(at + BigInt(bytes.length), 1) : read;
      found.push({ address: hex(at), hex: hexOf(bytes), why: cut.ok ? null : cut.refusal.what });
    }
    const shown = isPhysical ? [] : [...pages].slice(0, MOST_PAGES);
    return answer({
      ...{ address: hex(base.value), stride: signedText(stride.value), rows: found, isPhysical },
      pages: await Promise.all(shown.map((linear) => pageOf(memory, facts, linear))),
      translations: memory.proof.translations,
    });
  });
