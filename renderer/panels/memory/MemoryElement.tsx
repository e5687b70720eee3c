import type { CSSProperties, ReactElement } from 'react';
import type { Mark } from '../../store/select/provenance.ts';
import { minus } from '../../wording.ts';
import { MARK_WORDS } from '../registers/MarkLegend.tsx';
import { ValueEditor } from '../registers/ValueEditor.tsx';
import { basedCell, basedMemory } from './memory-base.ts';
import type { MemoryGrid } from './use-memory-grid.ts';

interface MemoryElementProps {
  readonly grid: MemoryGrid;
  readonly row: number;
  readonly column: number;
  readonly address: bigint;
  readonly text: string;
  /** With all its digits, where the cell has fewer. */
  readonly full?: string;
  /** What the cell has room for. */
  readonly characters: number;
  readonly mark: Mark;
  readonly look: string;
  readonly style?: CSSProperties;
}

/** One element of memory: focused, read, edited where it stands. */
export function MemoryElement(props: MemoryElementProps): ReactElement {
  const { grid, row, column, address, text, full = text, characters, mark, look, style } = props;
  const { active, block } = grid;
  const based = basedMemory(grid, address, full);
  const digits = basedCell(based, characters);
  const isActive = active.row === row && active.column === column;
  const isIn = (at: number, first: number, count: number): boolean => at >= first && at < first + count;
  const isBlock = block.rows * block.columns > 1;
  const isSelected = isBlock && isIn(row, block.row, block.rows) && isIn(column, block.column, block.columns);
  return (
    <td
      // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the WAI-ARIA grid pattern over a table.
      role="gridcell"
      data-memory={`${row} ${column}`}
      data-mark={mark}
      data-region-start={isActive ? '' : undefined}
      className={`memory-element inset-focus ${look} ${mark === 'none' ? '' : mark} ${isSelected ? 'in-block' : ''}`}
      aria-label={`${address.toString(16)} ${based ?? full}${MARK_WORDS[mark]}`}
      aria-selected={isSelected || undefined}
      tabIndex={isActive ? 0 : -1}
      style={mark === 'none' ? style : undefined}
    >
      {digits === null ? minus(text) : <span className="memory-based">{digits}</span>}
      {isActive && grid.editing ? <ValueEditor path={grid.path} stage={grid.stage} onDone={grid.onDone} /> : null}
    </td>
  );
}
