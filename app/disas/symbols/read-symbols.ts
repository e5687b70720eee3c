import { type Decoded, decoded } from '../../bits/decoded.ts';
import type { PartReader } from '../../bits/part-reader.ts';
import { elfSymbols, isElf } from './elf-symbols.ts';
import { mapSymbols } from './map-symbols.ts';
import { type SymbolTable, symbolTable } from './symbol-table.ts';

/** Symbols as they stand in their file. */
export interface Symbols {
  readonly table: SymbolTable;
  /** The lowest address that it loads or names. */
  readonly base: bigint;
}

const HEAD_BYTES = 16;
const MOST_ADDRESS = (1n << 64n) - 1n;

/** @param text all of the file, where it is no ELF file: /proc/kallsyms says that it has no bytes, and is read to its end */
export const readSymbolFile = (reader: PartReader, text: () => Decoded<string>): Decoded<Symbols> => {
  const head = reader.bytes < HEAD_BYTES ? null : reader.read(0, HEAD_BYTES);
  if (head !== null && isElf(head)) {
    const read = elfSymbols(reader);
    return read.ok ? decoded({ table: symbolTable(read.value.symbols), base: read.value.base }) : read;
  }
  const whole = text();
  if (!whole.ok) return whole;
  const symbols = mapSymbols(whole.value);
  if (!symbols.ok) return symbols;
  let base = MOST_ADDRESS;
  for (const { address } of symbols.value) if (address < base) base = address;
  return decoded({ table: symbolTable(symbols.value), base });
};
