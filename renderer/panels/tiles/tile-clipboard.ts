import { concat } from '../../../app/bits/bytes.ts';
import { describeProblem } from '../../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../../app/bits/text.ts';
import type { Assignment } from '../../../app/bridge.ts';
import { VALUE_EXPORTS } from '../../../app/formats/export/exports.ts';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementOffset, type Place } from '../../../app/tile/vnni.ts';
import { type ElementType, isElementType } from '../../../app/value/element-type.ts';
import { elementAssignment } from '../../store/tiles/tile-edits.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';

export interface Block extends Place {
  readonly rows: number;
  readonly columns: number;
}

/** The rectangle between two corners, in any order; without a second corner one element. */
export const blockOf = (to: Place, from: Place | null): Block => {
  const other = from ?? to;
  return {
    row: Math.min(to.row, other.row),
    column: Math.min(to.column, other.column),
    rows: Math.abs(to.row - other.row) + 1,
    columns: Math.abs(to.column - other.column) + 1,
  };
};

export const wholeBlock = ({ matrix }: TileScene): Block => ({
  row: 0,
  column: 0,
  rows: matrix.rows,
  columns: matrix.columns,
});

const offsetsOf = ({ matrix }: TileScene, block: Block): number[][] =>
  Array.from({ length: block.rows }, (_, row) =>
    Array.from({ length: block.columns }, (_, column) =>
      elementOffset(matrix.type, matrix.interpretation, { row: block.row + row, column: block.column + column }),
    ),
  );

const joined = (scene: TileScene, block: Block, separator: string): string =>
  offsetsOf(scene, block)
    .map((row) => row.map((at) => printTileElement(scene.matrix.type, scene.matrix.bytes, at)).join(separator))
    .map((line) => `${line}\n`)
    .join('');

/** As a spreadsheet takes it: tabs between elements, a line a row. */
export const blockText = (scene: TileScene, block: Block): string => joined(scene, block, '\t');

export const COPY_FORMATS = [
  { id: 'tsv', label: 'Spreadsheet (TSV)' },
  { id: 'numpy', label: 'NumPy' },
  { id: 'c', label: 'C' },
  { id: 'csv', label: 'CSV' },
] as const;
export type CopyFormat = (typeof COPY_FORMATS)[number]['id'];

/** The matrix as it is shown. Types that NumPy and C do not have go as the patterns of their width. */
export const copiedText = (scene: TileScene, block: Block, format: CopyFormat): string => {
  const { matrix, tile } = scene;
  if (format === 'tsv') return blockText(scene, block);
  if (format === 'csv') return joined(scene, block, ',');
  const { bytes: size } = tileTypeRow(matrix.type);
  const type: ElementType = isElementType(matrix.type) ? matrix.type : ({ 1: 'u8', 2: 'u16', 4: 'u32' } as const)[size];
  const parts = offsetsOf(scene, block).flatMap((row) => row.map((at) => matrix.bytes.subarray(at, at + size)));
  const made = VALUE_EXPORTS.find(({ id }) => id === format)?.make({
    path: `tmm${tile}:${matrix.type}`,
    type,
    shape: [block.rows, block.columns],
    bytes: concat(parts),
    isInit: false,
  });
  return made?.ok === true ? textFromUtf8(made.value) : '';
};

/** A block of text from a spreadsheet, laid down from this place; a sentence where it does not fit or a value is wrong. */
export const pastedAssignments = (scene: TileScene, at: Place, text: string): readonly Assignment[] | string => {
  const { matrix, tile, reading } = scene;
  const lines = text.replace(/\r/g, '').replace(/\n+$/, '').split('\n');
  const cells = lines.map((line) => line.split(/\t|,|;/));
  const widest = Math.max(...cells.map((row) => row.length));
  if (text.trim() === '') return 'the clipboard holds no text';
  if (at.row + cells.length > matrix.rows || at.column + widest > matrix.columns) {
    return `${cells.length} × ${widest} elements do not fit at ${at.row},${at.column} of ${matrix.rows} × ${matrix.columns}`;
  }
  const assignments: Assignment[] = [];
  for (const [row, line] of cells.entries()) {
    for (const [column, value] of line.entries()) {
      // An empty cell leaves the element as it is.
      if (value.trim() === '') continue;
      const place = { row: at.row + row, column: at.column + column };
      const made = elementAssignment(tile, reading, place, value);
      if (!made.ok) return `row ${row + 1}, column ${column + 1} of the block: ${describeProblem(made.problem)}`;
      assignments.push(made.value);
    }
  }
  return assignments;
};
