import { describeProblem } from '../../../app/bits/decoded.ts';
import type { Assignment } from '../../../app/bridge.ts';
import { parseElement } from '../../../app/value/parse.ts';
import { markedPart, type Provenance } from '../../store/select/provenance.ts';
import { elementPath, elementTypeOf, type VectorFile } from '../../store/select/vector.ts';
import type { LaneType } from '../../store/state/view.ts';
import { exactText, sizeOf } from './element-text.ts';

/** An element of a vector register. */
export interface VectorPlace {
  readonly index: number;
  readonly element: number;
}

/** Registers and elements as they stand on screen, in rows and columns: what is copied lies as it is seen. */
export interface VectorBlock {
  readonly rows: readonly number[];
  readonly elements: readonly number[];
}

const between = (order: readonly number[], a: number, b: number): readonly number[] => {
  const [from, to] = [order.indexOf(a), order.indexOf(b)].sort((x, y) => x - y);
  return from === undefined || to === undefined || from < 0 ? [] : order.slice(from, to + 1);
};

/** The rectangle between two corners; null: one of them is not on screen. */
export const vectorBlock = (
  rows: readonly number[],
  order: readonly number[],
  from: VectorPlace,
  to: VectorPlace,
): VectorBlock | null => {
  const block = { rows: between(rows, from.index, to.index), elements: between(order, from.element, to.element) };
  return block.rows.length === 0 || block.elements.length === 0 ? null : block;
};

/** "zmm4–zmm7, elements 4–7". */
export const blockName = ({ kind }: VectorFile, { rows, elements }: VectorBlock): string => {
  const ends = (list: readonly number[], name: string): string => {
    const [low, high] = [Math.min(...list), Math.max(...list)];
    return low === high ? `${name}${low}` : `${name}${low}–${name}${high}`;
  };
  const places = ends(elements, '');
  return `${ends(rows, kind)}, ${elements.length === 1 ? 'element' : 'elements'} ${places}`;
};

const bytesAt = (provenance: Provenance, file: VectorFile, type: LaneType, row: number, element: number) =>
  markedPart(provenance, `${file.kind}${row}`, element * sizeOf(type), sizeOf(type));

/** As a spreadsheet takes it: tabs between elements, a line a register. What was not read is left empty. */
export const vectorText = (
  provenance: Provenance,
  file: VectorFile,
  type: LaneType,
  { rows, elements }: VectorBlock,
): string =>
  rows
    .map((row) =>
      elements
        .map((element) => {
          const part = bytesAt(provenance, file, type, row, element);
          return part === null ? '' : exactText(type, part.bytes, 0);
        })
        .join('\t'),
    )
    .map((line) => `${line}\n`)
    .join('');

/** A block of text laid down with its upper left corner here; a sentence where it does not fit or a value is wrong. */
export const pastedVector = (
  file: VectorFile,
  type: LaneType,
  shown: { readonly rows: readonly number[]; readonly order: readonly number[] },
  at: VectorPlace,
  text: string,
): readonly Assignment[] | string => {
  if (text.trim() === '') return 'the clipboard holds no text';
  const lines = text.replaceAll('\r', '').replace(/\n+$/, '').split('\n');
  const cells = lines.map((line) => line.split(/\t|,|;/));
  const widest = Math.max(...cells.map((row) => row.length));
  const [top, left] = [shown.rows.indexOf(at.index), shown.order.indexOf(at.element)];
  if (top + cells.length > shown.rows.length || left + widest > shown.order.length) {
    return `${cells.length} × ${widest} elements do not fit from ${file.kind}${at.index}, element ${at.element}`;
  }
  const assignments: Assignment[] = [];
  for (const [down, line] of cells.entries()) {
    for (const [across, cell] of line.entries()) {
      const value = cell.trim();
      // An empty cell leaves the element as it is.
      if (value === '') continue;
      const parsed = parseElement(elementTypeOf(type), value);
      if (!parsed.ok) return `row ${down + 1}, column ${across + 1} of the block: ${describeProblem(parsed.problem)}`;
      const [index, element] = [shown.rows[top + down] ?? 0, shown.order[left + across] ?? 0];
      assignments.push({ path: elementPath(file, index, type, element), value });
    }
  }
  return assignments;
};

/** One value in every element of the block. */
export const filledVector = (
  file: VectorFile,
  type: LaneType,
  { rows, elements }: VectorBlock,
  value: string,
): readonly Assignment[] =>
  rows.flatMap((index) => elements.map((element) => ({ path: elementPath(file, index, type, element), value })));

export interface BlockSums {
  /** null: the elements are no numbers, as in hex, or one of them is none. */
  readonly sum: number | null;
  readonly least: number | null;
  readonly greatest: number | null;
  readonly changed: number;
  readonly staged: number;
}

export const blockSums = (provenance: Provenance, file: VectorFile, type: LaneType, block: VectorBlock): BlockSums => {
  const parts = block.rows.flatMap((row) => block.elements.map((at) => bytesAt(provenance, file, type, row, at)));
  const numbers = parts.map((part) => (part === null ? Number.NaN : Number(exactText(type, part.bytes, 0))));
  const are = type !== 'hex' && numbers.every((number) => Number.isFinite(number));
  return {
    sum: are ? numbers.reduce((sum, number) => sum + number, 0) : null,
    least: are ? Math.min(...numbers) : null,
    greatest: are ? Math.max(...numbers) : null,
    changed: parts.filter((part) => part?.mark === 'changed').length,
    staged: parts.filter((part) => part?.mark === 'staged').length,
  };
};
