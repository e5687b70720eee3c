import type { Answer } from '../../../app/bridge.ts';
import { type MemoryAddress, parseAddress } from '../../../app/debug/address.ts';
import { MOST_BYTES } from '../../../app/memory/guest-memory.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { type ElementType, elementBytes, isElementType } from '../../../app/value/element-type.ts';
import { parseCount } from '../../../app/value/number.ts';
import type { VcpuChoice } from './choices.ts';
import { notAnAddress, symbolsChoice } from './symbol-words.ts';
import type { SymbolsChoice } from './symbols.ts';

/** The words of `tilescope mem`. */

/** A vCPU that runs, or a file and the number of a CPU in it. */
export type MemSource =
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice }
  | { readonly kind: 'file'; readonly path: string; readonly cpu: number };

export interface MemCommand {
  readonly verb: 'mem';
  readonly from: MemSource;
  readonly address: MemoryAddress;
  readonly type: ElementType | null;
  readonly bytes: number;
  readonly physical: boolean;
  readonly symbols: SymbolsChoice | null;
  readonly out: string | null;
  readonly json: boolean;
}

const LINES = 4;
const DEFAULT_BYTES = 16 * LINES;

interface MemWords {
  readonly physical?: boolean;
  readonly symbols?: string | undefined;
  readonly 'load-address'?: string | undefined;
  readonly bytes?: string | undefined;
  readonly out?: string | undefined;
  readonly json: boolean;
}

const wrong = (what: string): Answer<never> =>
  refuse('usage', what, { remedy: 'tilescope mem --help shows how it is used' });

/** ADDR[:TYPE][×N], `x` and `*` too. */
const ADDRESS = /^([^:×*]+?)(?::([a-z0-9]+?))?(?:[×x*](\d[\d_]*))?$/i;

export const memCommand = (from: MemSource, given: MemWords, words: readonly string[]): Answer<MemCommand> => {
  const [word] = words;
  if (word === undefined || words.length > 1)
    return wrong(`mem takes one ADDR[:TYPE][×N], got ${words.join(' ') || 'none'}`);
  // "0x10" is an address, and its x divides nothing.
  const symbols = symbolsChoice(given);
  if (!symbols.ok) return symbols;
  if (symbols.value !== null && from.kind === 'file') return wrong('--symbols goes with --pid');
  const addressOf = (text: string) => parseAddress(text, symbols.value !== null);
  const whole = addressOf(word);
  const [, place = '', type, times] = whole === null ? (ADDRESS.exec(word) ?? []) : [word, word];
  const address = whole ?? addressOf(place);
  if (address === null) return wrong(notAnAddress(word, symbols.value));
  if (type !== undefined && !isElementType(type)) return wrong(`there is no type ${type}`);
  const count = times === undefined ? null : parseCount(times, MOST_BYTES);
  if (times !== undefined && (count === null || count === 0)) return wrong(`×${times} is no number of elements`);
  const size = type === undefined ? 1 : elementBytes(type);
  const asked = given.bytes === undefined ? null : parseCount(given.bytes, MOST_BYTES);
  if (given.bytes !== undefined && (asked === null || asked === 0)) {
    return wrong(`--bytes is a number from 1 to ${MOST_BYTES}, not ${given.bytes}`);
  }
  if (asked !== null && count !== null) return wrong('--bytes and ×N both say how much is read: one is enough');
  const bytes = asked ?? (count === null ? (type === undefined ? DEFAULT_BYTES : size) : count * size);
  if (bytes > MOST_BYTES) return wrong(`at most ${MOST_BYTES} bytes are read at a time, not ${bytes}`);
  const { physical = false, out = null, json } = given;
  return answer({ verb: 'mem', from, address, type: type ?? null, bytes, physical, symbols: symbols.value, out, json });
};
