import type { GeneralRegisters } from '../capture/capture.ts';
import type { SymbolTable } from '../disas/symbols/symbol-table.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { type GeneralName, registerRow } from '../register/registers.ts';
import { parseNumber } from '../value/number.ts';

/** A number, or a general register or a symbol with a number added. */
export interface MemoryAddress {
  readonly register: GeneralName | null;
  readonly symbol: string | null;
  /** Modulo 2^64. */
  readonly offset: bigint;
}

const isGeneral = (name: string): name is GeneralName => registerRow(name)?.source.kind === 'general';

const NAME = /^\$?([a-z_.][\w.$@]*?)(?:([+-])(\w+))?$/i;

/** @param withSymbols names that are no register are symbols */
export const parseAddress = (text: string, withSymbols: boolean): MemoryAddress | null => {
  const number = parseNumber(text);
  if (number !== null) {
    const isAddress = number.value >= 0n && number.value < 1n << 64n;
    return isAddress ? { register: null, symbol: null, offset: number.value } : null;
  }
  const [, name, sign = '', added] = NAME.exec(text) ?? [];
  if (name === undefined) return null;
  const lower = name.toLowerCase();
  const register = isGeneral(lower) ? lower : null;
  if (register === null && !withSymbols) return null;
  const offset = added === undefined ? 0n : (parseNumber(added)?.value ?? null);
  if (offset === null) return null;
  const signed = BigInt.asUintN(64, sign === '-' ? -offset : offset);
  return { register, symbol: register === null ? name : null, offset: signed };
};

/** The number that an address is now. */
export const valueOfAddress = (
  { register, symbol, offset }: MemoryAddress,
  general: GeneralRegisters | null,
  symbols: SymbolTable | null,
): Answer<bigint> => {
  const base =
    symbol !== null ? (symbols?.addressOf(symbol) ?? null) : register === null ? 0n : (general?.[register] ?? null);
  if (base === null) {
    return symbol === null
      ? refuse('memory-unknown', 'the general registers could not be read')
      : refuse('usage', `there is no symbol ${symbol}`);
  }
  return answer(BigInt.asUintN(64, base + offset));
};
