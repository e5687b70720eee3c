import type { Answer } from '../../../app/bridge.ts';
import { parseAddress } from '../../../app/debug/address.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import type { SymbolsChoice } from './symbols.ts';

/** What --symbols and --load-address say; null: neither was given. */
export const symbolsChoice = (given: {
  readonly symbols?: string | undefined;
  readonly 'load-address'?: string | undefined;
}): Answer<SymbolsChoice | null> => {
  const load = given['load-address'];
  if (given.symbols === undefined) {
    return load === undefined ? answer(null) : refuse('usage', '--load-address goes with --symbols FILE');
  }
  const address = load === undefined ? null : parseAddress(load, false);
  if (load !== undefined && (address === null || address.register !== null)) {
    return refuse('usage', `--load-address is an address, not ${load}`);
  }
  return answer({ path: given.symbols, loadAddress: address?.offset ?? null });
};

/** Why a word is no address, and what would be one. */
export const notAnAddress = (word: string, symbols: SymbolsChoice | null): string =>
  `${word} is no address: a number, or a general register${symbols === null ? '' : ' or symbol'} such as rsp+0x10${
    symbols === null ? '; a symbol needs --symbols FILE' : ''
  }`;
