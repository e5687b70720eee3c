import type { Answer } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { PRODUCTS, type ProductInstruction } from '../../../app/tile/product-instruction.ts';
import type { ProductOperands } from '../../../app/tile/product-shape.ts';
import { parseNumber } from '../../../app/value/number.ts';
import type { FileChoice, Source } from './choices.ts';
import { wrongUsage } from './usage.ts';

/** The words of `tilescope product`. */

/** One product, whose tiles and instruction are named. */
export interface OneProductCommand {
  readonly verb: 'product';
  readonly kind: 'one';
  readonly from: Source;
  /** The numbers of the three tiles. */
  readonly tiles: ProductOperands;
  readonly instruction: ProductInstruction;
  /** The state that holds C as it was before; null: it was zero. */
  readonly before: FileChoice | null;
  readonly json: boolean;
}

/** The code that a trace executed, where the trace does not hold it. */
export interface CodeChoice {
  readonly path: string;
  /** Where its lowest byte lies; null: where the ELF file says. */
  readonly address: bigint | null;
}

/** Every product between the stops of a saved session. */
export interface TracedProductsCommand {
  readonly verb: 'product';
  readonly kind: 'trace';
  readonly path: string;
  readonly code: CodeChoice | null;
  readonly json: boolean;
}

export type ProductCommand = OneProductCommand | TracedProductsCommand;

interface ProductWords {
  readonly json: boolean;
  readonly instruction?: string | undefined;
  readonly before?: string | undefined;
  readonly code?: string | undefined;
}

const wrong = (what: string) => wrongUsage(what, 'product');

const codeChoice = (text: string | undefined): Answer<CodeChoice | null> => {
  if (text === undefined) return answer(null);
  const [, path = text, place] = /^(.+)@([^@/]+)$/.exec(text) ?? [];
  const address = place === undefined ? null : (parseNumber(place)?.value ?? -1n);
  if (address !== null && (address < 0n || address >= 1n << 64n)) {
    return wrong(`--code is FILE or FILE@ADDR, and ${place} is no address`);
  }
  return answer({ path, address });
};

/** The words of `product`. Refused with 'usage' where they do not parse. */
export const productCommand = (from: Source, given: ProductWords, tiles: readonly string[]): Answer<ProductCommand> => {
  const { json } = given;
  const code = codeChoice(given.code);
  if (!code.ok) return code;
  if (from.kind === 'file' && tiles.length === 0 && given.instruction === undefined) {
    if (given.before !== undefined) return wrong('--before goes with C A B and --instruction');
    return answer({ verb: 'product', kind: 'trace', path: from.file.path, code: code.value, json });
  }
  if (code.value !== null) return wrong('--code goes with a saved session, all of whose products are checked');
  const numbers = tiles.map((tile) => /^\$?tmm([0-7])$/i.exec(tile)?.[1]);
  const [c, a, b] = numbers.map(Number);
  if (tiles.length !== 3 || c === undefined || a === undefined || b === undefined || numbers.includes(undefined)) {
    return wrong(`product takes three tiles, C A B, each tmm0 to tmm7, not ${tiles.join(' ') || 'none'}`);
  }
  const wanted = given.instruction?.toUpperCase();
  const instruction = PRODUCTS.find(({ name }) => name === wanted)?.name;
  if (instruction === undefined) {
    const known = PRODUCTS.map(({ name }) => name).join(', ');
    return wrong(`--instruction is one of ${known}, not ${given.instruction ?? 'left out'}`);
  }
  const before = given.before === undefined ? null : { path: given.before, thread: null, preset: null, strict: false };
  return answer({ verb: 'product', kind: 'one', from, tiles: { c, a, b }, instruction, before, json });
};
