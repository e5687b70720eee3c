import { concat } from '../../../app/bits/bytes.ts';
import { textFromUtf8 } from '../../../app/bits/text.ts';
import { VALUE_EXPORTS } from '../../../app/formats/export/exports.ts';
import { isTileType } from '../../store/select/memory-cells.ts';
import { elementTexts, type MemoryRowShown, pathTypeOf } from '../../store/select/memory-edits.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import type { MemoryType } from '../../store/state/memory-cells.ts';
import { shortType } from '../tiles/TileReadingControls.tsx';
import type { Block, CopyFormat } from '../tiles/tile-clipboard.ts';

/** As the tiles call their types: int8, fp32. */
export const memoryTypeLabel = (type: MemoryType): string =>
  isTileType(type)
    ? shortType(type)
    : type.replace(/^([iuf])(?=\d)/, (letter) => ({ i: 'int', u: 'uint', f: 'fp' })[letter] ?? letter);

/** A block of elements, with the bytes of one. */
export interface MemoryBlock extends Block {
  readonly size: number;
}

const rowsIn = (rows: readonly MemoryRowShown[], { row, rows: count, column, columns, size }: MemoryBlock) =>
  rows.slice(row, row + count).map(({ bytes }) => bytes.subarray(column * size, (column + columns) * size));

/** A block for the clipboard. Types that NumPy and C do not have go as the patterns of their width. */
export const memoryText = (
  rows: readonly MemoryRowShown[],
  block: MemoryBlock,
  form: Pick<MemoryForm, 'look' | 'type'>,
  format: CopyFormat,
): string => {
  const parts = rowsIn(rows, block);
  if (format === 'tsv' || format === 'csv') {
    const between = format === 'csv' ? ',' : form.look === 'hex' ? ' ' : '\t';
    return parts.map((part) => `${elementTexts(part, form).join(between)}\n`).join('');
  }
  const address = (rows[block.row]?.address ?? 0n) + BigInt(block.column * block.size);
  const made = VALUE_EXPORTS.find(({ id }) => id === format)?.make({
    path: `memory_${address.toString(16)}`,
    type: form.look === 'hex' ? 'u8' : pathTypeOf(form.type),
    shape: [block.rows, block.columns],
    bytes: concat(parts),
    isInit: false,
  });
  return made?.ok === true ? textFromUtf8(made.value) : '';
};
