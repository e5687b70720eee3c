import type { DifferingProduct } from '../../../app/debug/traced-products.ts';
import { minus } from '../../wording.ts';

const MOST_PLACES = 3;

/** "4,9 and 11,12"; the rest are counted. */
export const placesText = (places: readonly { readonly row: number; readonly column: number }[]): string => {
  const named = places.slice(0, MOST_PLACES).map(({ row, column }) => `${row},${column}`);
  const more = places.length - named.length;
  if (more > 0) return `${named.join(' ')} and ${more} more`;
  return named.length < 2 ? named.join('') : `${named.slice(0, -1).join(' ')} and ${named.at(-1)}`;
};

/** "tmm0 is not the product: 3 of 16 elements differ" */
export const differsWords = ({ c, comparison }: Pick<DifferingProduct, 'c' | 'comparison'>): string => {
  const { differences, cells } = comparison;
  const what =
    differences.length === 0 ? 'it is not zero around it' : `${differences.length} of ${cells} elements differ`;
  return `tmm${c} is not the product: ${what}`;
};

/** The greatest difference: of integers by how much, with its sign; of fp32 in steps from one number to the next. */
export const mostOff = ({ type, comparison }: Pick<DifferingProduct, 'type' | 'comparison'>): string => {
  const most = comparison.differences.reduce<(typeof comparison.differences)[number] | null>(
    (greatest, one) => ((one.distance ?? -1) > (greatest?.distance ?? -1) ? one : greatest),
    null,
  );
  if (most === null || most.distance === null) return 'NaN';
  if (type === 'f32') return `${most.distance} steps`;
  const signed = type === 'i32' ? (most.foundBits | 0) - (most.expectedBits | 0) : most.foundBits - most.expectedBits;
  return signed > 0 ? `+${signed}` : minus(String(signed));
};
