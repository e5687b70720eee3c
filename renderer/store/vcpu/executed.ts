import type { DisassemblyLine, ModelPosition } from '../../../app/bridge.ts';
import { PRODUCTS } from '../../../app/tile/product-instruction.ts';
import { memoizePair } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { ProductChoice } from '../state/tiles.ts';

const TEXT = /^\s*(t[a-z0-9]+)\s+tmm([0-7]),\s*tmm([0-7]),\s*tmm([0-7])\s*$/i;

/** The product that a line of a program is, reading C from the stop before; null: it is none. */
export const productOfLine = ({ text }: Pick<DisassemblyLine, 'text'>): ProductChoice | null => {
  const match = TEXT.exec(text);
  const row = PRODUCTS.find(({ name }) => name === match?.[1]?.toUpperCase());
  if (match === null || row === undefined) return null;
  const [c, a, b] = match.slice(2).map(Number);
  return { operands: { c: c ?? 0, a: a ?? 0, b: b ?? 0 }, instruction: row.name, accumulator: { kind: 'previous' } };
};

/** The products of a program: which tiles each reads, and so how they are to be shown. */
export const productsOfProgram = (position: ModelPosition): readonly ProductChoice[] =>
  position.disassembly.flatMap((line) => productOfLine(line) ?? []);

type Shown = Pick<State, 'stops' | 'at' | 'position'>;

/** The instruction that led to a stop: where RIP stood at the one before. Null: no step of a known program led there. */
export const executedAt = ({ stops, position }: Shown, at: number): DisassemblyLine | null => {
  const [before, stop] = [stops[at - 1], stops[at]];
  if (position === null || before === undefined || stop?.cause !== 'step') return null;
  const rip = before.capture.facts.general?.rip;
  return rip === undefined ? null : (position.disassembly.find(({ address }) => BigInt(address) === rip) ?? null);
};

const lastProducts = memoizePair((_: State['stops'], __: ModelPosition) => new Map<string, ProductChoice | null>());

const findProduct = (state: Shown, tile: number | null): ProductChoice | null => {
  for (let at = state.at; at > 0; at -= 1) {
    const line = executedAt(state, at);
    const product = line === null ? null : productOfLine(line);
    if (product === null || (tile !== null && product.operands.c !== tile)) continue;
    const number = state.stops[at - 1]?.number ?? 1;
    return at === state.at ? product : { ...product, accumulator: { kind: 'stop', number } };
  }
  return null;
};

/** The product executed last at or before the stop on screen; what it added to stood at the stop before it. */
export const lastProduct = (state: Shown, tile: number | null = null): ProductChoice | null => {
  if (state.position === null) return null;
  const table = lastProducts(state.stops, state.position);
  const key = `${state.at} ${tile}`;
  const known = table.get(key);
  if (known !== undefined) return known;
  const found = findProduct(state, tile);
  table.set(key, found);
  return found;
};
