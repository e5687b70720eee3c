import type { Answer } from '../../../app/bridge.ts';
import { parseAddress } from '../../../app/debug/address.ts';
import { SYNTAXES, type Syntax } from '../../../app/disas/instruction.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseCount } from '../../../app/value/number.ts';
import type { MemoryFileChoice, VcpuChoice } from './choices.ts';
import { notAnAddress, symbolsChoice } from './symbol-words.ts';
import type { SymbolsChoice } from './symbols.ts';
import { wrongUsage } from './usage.ts';

/** The words of `tilescope disas`. */

/** A vCPU that runs, or a file that holds memory. */
export type DisasSource =
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice }
  | ({ readonly kind: 'file' } & MemoryFileChoice);

export interface DisasCommand {
  readonly verb: 'disas';
  readonly from: DisasSource;
  /** '': RIP. */
  readonly address: string;
  readonly count: number;
  readonly syntax: Syntax;
  readonly symbols: SymbolsChoice | null;
  readonly json: boolean;
}

interface DisasWords {
  readonly count?: string | undefined;
  readonly syntax?: string | undefined;
  readonly symbols?: string | undefined;
  readonly 'load-address'?: string | undefined;
  readonly json: boolean;
}

const DEFAULT_COUNT = 16;
/** Instructions of one --count. */
const MOST_INSTRUCTIONS = 10_000;

const wrong = (what: string) => wrongUsage(what, 'disas');

/** The words of `disas`. Refused with 'usage' where they do not parse. */
export const disasCommand = (from: DisasSource, given: DisasWords, words: readonly string[]): Answer<DisasCommand> => {
  if (words.length > 1) return wrong(`disas takes one ADDR, got ${words.join(' ')}`);
  const symbols = symbolsChoice(given);
  if (!symbols.ok) return symbols;
  const [word] = words;
  if (word !== undefined && parseAddress(word, symbols.value !== null) === null)
    return wrong(notAnAddress(word, symbols.value));
  const count = given.count === undefined ? DEFAULT_COUNT : parseCount(given.count, MOST_INSTRUCTIONS);
  if (count === null || count === 0) {
    return wrong(`--count is a number from 1 to ${MOST_INSTRUCTIONS}, not ${given.count}`);
  }
  const syntax = SYNTAXES.find((one) => one === (given.syntax ?? 'intel'));
  if (syntax === undefined) return wrong(`--syntax is intel or att, not ${given.syntax}`);
  return answer({ verb: 'disas', from, address: word ?? '', count, syntax, symbols: symbols.value, json: given.json });
};
