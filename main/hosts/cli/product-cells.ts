import { readU32 } from '../../../app/bits/bytes.ts';
import type { SumType } from '../../../app/debug/traced-products.ts';
import type { ProductComparison, ProductDifference } from '../../../app/tile/product-compare.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { table } from './output.ts';

/** Cells of a product that are not what the reference says, in words and as JSON. */

/** The sums that a product should give, and those that are there. */
export interface Compared {
  readonly type: SumType;
  readonly expected: Uint8Array;
  readonly found: Uint8Array;
  readonly comparison: ProductComparison;
}

const hex = (bits: number): string => `0x${bits.toString(16).padStart(8, '0')}`;

/** An element that differs, both values as text. */
export const cellOf = (
  { type, expected, found }: Compared,
  { row, column, offsetBytes, distance }: ProductDifference,
) => ({
  row,
  column,
  expected: printTileElement(type, expected, offsetBytes),
  found: printTileElement(type, found, offsetBytes),
  expectedBits: hex(readU32(expected, offsetBytes)),
  foundBits: hex(readU32(found, offsetBytes)),
  distance,
});

/** @param most so many cells; how many more there are is said */
export const cellTable = (compared: Compared, most = Number.POSITIVE_INFINITY): string => {
  const { differences } = compared.comparison;
  const rows = differences.slice(0, most).map((one) => {
    const cell = cellOf(compared, one);
    const steps = cell.distance === null ? '' : String(cell.distance);
    return [`  [${cell.row}][${cell.column}]`, cell.expected, cell.found, cell.expectedBits, cell.foundBits, steps];
  });
  const more = differences.length > most ? `  and ${differences.length - most} more\n` : '';
  return table([['  CELL', 'EXPECTED', 'FOUND', 'BITS', 'BITS FOUND', 'APART'], ...rows]) + more;
};

/** What stands outside of the configured part; empty where nothing does. */
export const outsideWords = ({ nonZeroOutside }: ProductComparison): string =>
  nonZeroOutside === 0
    ? ''
    : `${nonZeroOutside} bytes outside the configured shape are not zero; the instruction leaves them zero\n`;
