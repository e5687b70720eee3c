// biome-ignore-all lint/a11y/noNoninteractiveElementToInteractiveRole: the WAI-ARIA grid pattern over a table.
import type { CSSProperties, ReactElement } from 'react';
import type { Capture } from '../../../app/capture/capture.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { useDebugger } from '../../store/context.ts';
import { cellsOf, differingElements, type MemoryCell, scaleOf } from '../../store/select/memory-cells.ts';
import { type MemoryRowShown, markOf } from '../../store/select/memory-edits.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { type HeatScale, heatStep, tileColours } from '../tiles/heat.ts';
import { useShownTheme } from '../tiles/use-theme.ts';
import { MemoryElement } from './MemoryElement.tsx';
import type { MemoryGrid } from './use-memory-grid.ts';

/** The bytes of all tiles; null: they are in init. */
const tileBytes = ({ image }: Capture): Uint8Array | null => {
  const view = viewComponent(image, BIT.XTILEDATA);
  return view.state === 'inUse' ? view.bytes : null;
};

const PAGE_BITS = 12n;

interface RowData {
  readonly row: MemoryRowShown;
  readonly beside: Uint8Array | null;
  readonly differing: readonly number[];
  /** A page begins between this row and the one before. */
  readonly isNewPage: boolean;
}

const rowsOf = (rows: readonly MemoryRowShown[], form: MemoryForm, tiles: Uint8Array | null): readonly RowData[] =>
  rows.map((row, index) => {
    const from = (form.tile ?? 0) * TILE_STRIDE_BYTES + index * ROW_STRIDE_BYTES;
    const beside = tiles === null ? null : tiles.subarray(from, from + form.rowBytes);
    const previous = rows[index - 1];
    return {
      ...{ row, beside },
      differing: beside === null ? [] : differingElements(row.bytes, beside, form.type),
      isNewPage: previous !== undefined && previous.address >> PAGE_BITS !== row.address >> PAGE_BITS,
    };
  });

interface MatrixProps {
  readonly rows: readonly MemoryRowShown[];
  readonly form: MemoryForm;
  readonly grid: MemoryGrid;
}

/** Memory as a matrix, and the tile that is loaded from there or stored to there; what differs is marked. */
export function MatrixRows({ rows: shown, form, grid }: MatrixProps): ReactElement {
  const capture = useDebugger(selectCapture);
  const tiles = form.tile === null || capture === null ? null : tileBytes(capture);
  const theme = useShownTheme();
  const rows = rowsOf(shown, form, tiles);
  const { size } = grid.block;
  const scale = scaleOf(form.type);
  const cells = rows.map(({ row, beside }) => ({
    memory: cellsOf(row.bytes, form.type),
    tile: beside === null ? null : cellsOf(beside, form.type),
  }));
  const finite = cells
    .flatMap((row) => [...row.memory, ...(row.tile ?? [])])
    .map(({ value }) => Math.abs(value))
    .filter(Number.isFinite);
  const end = finite.reduce((most, value) => Math.max(most, value), 0);
  const colours = tileColours(theme)[scale];
  const differ = rows.reduce((sum, { differing }) => sum + differing.length, 0);
  const style = (cell: MemoryCell) => heatStyle(cell, end, scale, colours);
  return (
    <>
      {form.tile === null ? null : (
        <p className="small" data-testid="memory-verdict">
          {tiles === null ? (
            <span className="text-3">tile data is in init: there is nothing to compare with</span>
          ) : differ === 0 ? (
            <span className="line tight is-written">
              <Glyph name="check" className="g12" />
              memory holds what tmm{form.tile} holds
            </span>
          ) : (
            <span className="line tight is-refused">
              <Glyph name="differs" className="g12" />
              {differ} elements differ from tmm{form.tile}
            </span>
          )}
        </p>
      )}
      <table ref={grid.table} role="grid" className="memory-matrix val" aria-label="Matrix" {...grid.events}>
        <tbody>
          {rows.map(({ row, beside, differing, isNewPage }, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place: the focus stays where it is when it is read anew.
            <tr key={index} className={isNewPage ? 'new-page' : undefined}>
              <th scope="row" className="text-3">
                {index} …{row.address.toString(16).slice(-5)}
              </th>
              {(cells[index]?.memory ?? []).map((cell, at) => (
                <MemoryElement
                  // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
                  key={at}
                  {...{ grid, row: index, column: at, text: cell.text, address: row.address + BigInt(at * size) }}
                  mark={markOf(row, at * size, size)}
                  look={differing.includes(at) ? 'memory-cell differs' : 'memory-cell'}
                  style={style(cell)}
                />
              ))}
              {row.why === null ? null : <td className="is-armed small">{row.why}</td>}
              {beside === null ? null : (
                <>
                  <td className={differing.length === 0 ? 'memory-count text-3' : 'memory-count is-refused'}>
                    {differing.length === 0 ? '=' : `≠ ${differing.length}`}
                  </td>
                  <Cells cells={cells[index]?.tile ?? []} marked={differing} style={style} />
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}

const heatStyle = (
  { value }: MemoryCell,
  end: number,
  scale: 'diverging' | 'sequential',
  colours: HeatScale,
): CSSProperties => {
  if (!Number.isFinite(value)) return {};
  const step = heatStep(value, end, scale);
  return { background: colours.fill[step] ?? '', color: colours.text[step] ?? '' };
};

interface CellsProps {
  readonly cells: readonly MemoryCell[];
  readonly marked: readonly number[];
  readonly style: (cell: MemoryCell) => CSSProperties;
}

function Cells({ cells, marked, style }: CellsProps): ReactElement {
  return (
    <>
      {cells.map((cell, at) => (
        <td
          // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
          key={at}
          className={marked.includes(at) ? 'memory-cell differs' : 'memory-cell'}
          style={style(cell)}
        >
          {minus(cell.text)}
        </td>
      ))}
    </>
  );
}
