import { concat, fromHexInOrder } from '../../../app/bits/bytes.ts';
import type { Answer } from '../../../app/bridge.ts';
import { type MemoryAddress, parseAddress } from '../../../app/debug/address.ts';
import { MOST_BYTES } from '../../../app/memory/guest-memory.ts';
import { MOST_WRITTEN_BYTES } from '../../../app/memory/write-places.ts';
import { answer, refuseProblem } from '../../../app/refusals/refusal.ts';
import { type ElementType, elementBytes, isElementType } from '../../../app/value/element-type.ts';
import { parseCount } from '../../../app/value/number.ts';
import { parseElement } from '../../../app/value/parse.ts';
import type { VcpuChoice } from './choices.ts';
import { notAnAddress, symbolsChoice } from './symbol-words.ts';
import type { SymbolsChoice } from './symbols.ts';
import { wrongUsage } from './usage.ts';

/** The words of `tilescope mem`. */

/** A vCPU that runs, or a file and the number of a CPU in it. */
export type MemSource =
  | { readonly kind: 'live'; readonly vcpu: VcpuChoice }
  | {
      readonly kind: 'file';
      readonly path: string;
      readonly cpu: number;
      /** The state beside a file of memory alone; null: the file has its own. */
      readonly snapshot: string | null;
    };

export interface MemCommand {
  readonly verb: 'mem';
  readonly from: MemSource;
  readonly address: MemoryAddress;
  readonly type: ElementType | null;
  readonly bytes: number;
  readonly physical: boolean;
  readonly symbols: SymbolsChoice | null;
  readonly out: string | null;
  /** What is to stand there, in memory order; null: it is read alone. */
  readonly write: Uint8Array | null;
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
  readonly write?: string | undefined;
  readonly json: boolean;
}

const wrong = (what: string) => wrongUsage(what, 'mem');

/** ADDR[:TYPE][×N], `x` and `*` too. */
const ADDRESS = /^([^:×*]+?)(?::([a-z0-9]+?))?(?:[×x*](\d[\d_]*))?$/i;

/** Bytes in hex, in memory order, or with a type its elements, divided by commas. */
const written = (text: string, type: ElementType | null): Answer<Uint8Array> => {
  if (type === null) {
    const bytes = fromHexInOrder(text.replace(/^0x/i, '').replaceAll(/[\s_]/g, ''));
    return bytes === null
      ? wrong(`--write is bytes in hex, in memory order, or with a TYPE its elements, not ${text}`)
      : answer(bytes);
  }
  const parts: Uint8Array[] = [];
  for (const one of text.split(',')) {
    const element = parseElement(type, one.trim());
    if (!element.ok) return refuseProblem('usage', element.problem, { where: `--write ${text}` });
    parts.push(element.value);
  }
  return answer(concat(parts));
};

/** The words of `mem`. Refused with 'usage' where they do not parse. */
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
  const asWritten = given.write === undefined ? answer(null) : written(given.write, type ?? null);
  if (!asWritten.ok) return asWritten;
  const write = asWritten.value;
  if (write !== null) {
    if (from.kind === 'file') return wrong('--write goes with --pid: files are not changed');
    if (asked !== null || count !== null || out !== null)
      return wrong('--write says itself how much: no --bytes, ×N or --out');
    if (write.length > MOST_WRITTEN_BYTES) return wrong(`at most ${MOST_WRITTEN_BYTES} bytes are written at a time`);
  }
  const about = { type: type ?? null, bytes: write?.length ?? bytes, physical, symbols: symbols.value };
  return answer({ verb: 'mem', from, address, ...about, out, write, json });
};
