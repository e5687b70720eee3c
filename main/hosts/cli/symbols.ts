import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Decoded, decoded, describeProblem, undecodable } from '../../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../../app/bits/text.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { Facts } from '../../../app/capture/capture.ts';
import { elfSymbols, isElf, type PartReader } from '../../../app/disas/symbols/elf-symbols.ts';
import { anchorOfLstar, anchorsOfIdt, IDT_BYTES, solveKaslr } from '../../../app/disas/symbols/kaslr.ts';
import { mapSymbols } from '../../../app/disas/symbols/map-symbols.ts';
import { type SymbolTable, symbolTable } from '../../../app/disas/symbols/symbol-table.ts';
import type { GuestMemory } from '../../../app/memory/guest-memory.ts';
import { readUpTo } from '../../../app/memory/read-up-to.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';

/** A file of symbols, and where what it names lies in the guest. */

export interface SymbolsChoice {
  readonly path: string;
  /** Where the program was loaded; null: a kernel is looked for by its own handlers, and a program lies where it says. */
  readonly loadAddress: bigint | null;
}

export interface SymbolFile {
  readonly path: string;
  readonly table: SymbolTable;
  /** The lowest address of a program as it stands in its file. */
  readonly base: bigint;
}

/** A System.map or /proc/kallsyms is a few megabytes. */
const MOST_MAP_BYTES = 1 << 28;
const CHUNK_BYTES = 1 << 20;
const HEAD_BYTES = 16;
const MOST_ADDRESS = (1n << 64n) - 1n;

const wholeText = (fd: number): Decoded<string> => {
  // /proc/kallsyms says that it has no bytes: it is read to its end.
  const parts: Buffer[] = [];
  for (let total = 0; ; ) {
    const part = Buffer.alloc(CHUNK_BYTES);
    const got = readSync(fd, part, 0, CHUNK_BYTES, total);
    if (got === 0) break;
    total += got;
    if (total > MOST_MAP_BYTES) {
      return undecodable({ kind: 'not-allowed', what: 'symbols', why: `more than ${MOST_MAP_BYTES} bytes of text` });
    }
    parts.push(part.subarray(0, got));
  }
  return decoded(textFromUtf8(Buffer.concat(parts)));
};

const readIn = (fd: number): Decoded<Omit<SymbolFile, 'path'>> => {
  const { size } = fstatSync(fd);
  const reader: PartReader = {
    bytes: size,
    read: (offsetBytes, bytes) => {
      const part = Buffer.alloc(bytes);
      return readSync(fd, part, 0, bytes, offsetBytes) === bytes ? part : null;
    },
  };
  const head = Buffer.alloc(HEAD_BYTES);
  const got = readSync(fd, head, 0, HEAD_BYTES, 0);
  if (isElf(head.subarray(0, got))) {
    const read = elfSymbols(reader);
    return read.ok ? decoded({ table: symbolTable(read.value.symbols), base: read.value.base }) : read;
  }
  const text = wholeText(fd);
  if (!text.ok) return text;
  const symbols = mapSymbols(text.value);
  if (!symbols.ok) return symbols;
  let base = MOST_ADDRESS;
  for (const { address } of symbols.value) if (address < base) base = address;
  return decoded({ table: symbolTable(symbols.value), base });
};

export const readSymbols = (path: string): Answer<SymbolFile> => {
  let fd: number | null = null;
  try {
    fd = openSync(path, 'r');
    const read = readIn(fd);
    if (read.ok) return answer({ path, ...read.value });
    return refuse('file', `${path} gives no symbols: ${describeProblem(read.problem)}`, {
      mend: 'a vmlinux, a program with its symbols, a System.map, or a copy of /proc/kallsyms',
    });
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  } finally {
    if (fd !== null) closeSync(fd);
  }
};

const IA32_LSTAR = 0xc0000082;

/**
 * The symbols where the guest has them. A kernel's are taken only where the handlers that the vCPU's IDT names are those of the
 * file, moved alike: other names would be wrong ones.
 */
export const placeSymbols = async (
  { path, table, base }: SymbolFile,
  { loadAddress }: SymbolsChoice,
  memory: GuestMemory,
  { descriptors, msrs }: Facts,
): Promise<Answer<SymbolTable>> => {
  if (loadAddress !== null) return answer(table.moved(loadAddress - base));
  const idt = descriptors === null ? null : await readUpTo(memory, descriptors.idt_base, IDT_BYTES);
  const lstar = msrs.find(({ index }) => index === IA32_LSTAR)?.value ?? null;
  const anchors = [
    ...(idt?.ok === true ? anchorsOfIdt(idt.value.bytes) : []),
    ...(lstar === null ? [] : [anchorOfLstar(lstar)]),
  ];
  const { isKernel, shift, agreeing } = solveKaslr(table, anchors);
  if (!isKernel) return answer(table);
  if (shift !== null) return answer(table.moved(shift));
  return refuse('file', `${path} is of another kernel than the one that this vCPU runs`, {
    where: `${agreeing} of ${anchors.length} exception handlers stand where it says, moved alike`,
    mend: '--load-address ADDR takes it all the same, with its lowest address at ADDR',
  });
};
