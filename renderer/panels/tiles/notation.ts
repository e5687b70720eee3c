import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { memoizeKeyed } from '../../store/base/memoize.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';

/**
 * How the numbers of one matrix are written: all integers, all with the same digits behind the point, or all with an
 * exponent. The widest element decides for the whole matrix, so that two numbers in it can be compared by eye.
 */
export type Notation =
  | { readonly kind: 'integer' }
  | { readonly kind: 'fixed'; readonly decimals: number }
  | { readonly kind: 'exponent'; readonly digits: number }
  /** Each element for itself: complex numbers, which are two. */
  | { readonly kind: 'each' };

const MOST_DECIMALS = 6;
const MOST_DIGITS = 6;

const exponentText = (value: number, digits: number): string => value.toExponential(digits).replace('e+', 'e');

/** A finite value in the notation of its matrix, with a hyphen as minus; zero has no digits to compare. */
export const notationText = (value: number, notation: Exclude<Notation, { kind: 'each' }>): string => {
  if (value === 0) return '0';
  switch (notation.kind) {
    case 'integer':
      return String(value);
    case 'fixed':
      return value.toFixed(notation.decimals);
    case 'exponent':
      return exponentText(value, notation.digits);
  }
};

const widest = (values: readonly number[], text: (value: number) => string): number =>
  values.reduce((most, value) => Math.max(most, text(value).length), 1);

const exponents = (values: readonly number[], characters: number): Notation | null => {
  for (let digits = MOST_DIGITS; digits >= 0; digits -= 1) {
    if (widest(values, (value) => exponentText(value, digits)) <= characters) return { kind: 'exponent', digits };
  }
  return null;
};

const fixed = (values: readonly number[], characters: number): Notation | null => {
  const least = values.reduce((most, value) => Math.min(most, Math.abs(value)), Number.POSITIVE_INFINITY);
  for (let decimals = MOST_DECIMALS; decimals >= 0; decimals -= 1) {
    if (widest(values, (value) => value.toFixed(decimals)) > characters) continue;
    // A value that would read 0 is not written that way.
    if (Number(least.toFixed(decimals)) === 0) return null;
    let needed = decimals;
    while (needed > 0 && values.every((value) => Number(value.toFixed(needed - 1)) === Number(value.toFixed(decimals))))
      needed -= 1;
    return { kind: 'fixed', decimals: needed };
  }
  return null;
};

const finite = (scene: TileScene): readonly number[] =>
  Array.from(scene.values).filter((value) => Number.isFinite(value) && value !== 0);

export const isInteger = (scene: TileScene): boolean => {
  const { text } = tileTypeRow(scene.reading.type);
  return text.kind === 'element' && /^[iu]/.test(text.type);
};

/** The widest integer of a matrix in characters, its minus counted. */
export const integerCharacters = memoizeKeyed((scene: TileScene, _: 'integers'): number =>
  widest(finite(scene), String),
);

/** The same of values that are no tile's, none of them 0 or without end. */
export const realNotation = (values: readonly number[], characters: number): Notation | null =>
  fixed(values, characters) ?? exponents(values, characters);

/** The notation of a matrix in cells of so many characters; null: no number fits, and the cells show heat alone. */
export const notationOf = memoizeKeyed((scene: TileScene, characters: number): Notation | null => {
  if (tileTypeRow(scene.reading.type).text.kind === 'complex') return characters < 8 ? null : { kind: 'each' };
  const values = finite(scene);
  if (isInteger(scene))
    return integerCharacters(scene, 'integers') <= characters ? { kind: 'integer' } : exponents(values, characters);
  return realNotation(values, characters);
});
