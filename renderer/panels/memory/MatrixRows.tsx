// biome-ignore-all lint/a11y/noNoninteractiveElementToInteractiveRole: the WAI-ARIA grid pattern over a table.
import { type CSSProperties, type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import type { MemoryPage } from '../../../app/bridge.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { cellsOf, type MemoryCell, scaleOf } from '../../store/select/memory-cells.ts';
import { markOf } from '../../store/select/memory-edits.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import { type ComparedRow, startRowOf } from '../../store/vcpu/memory-matrix.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { heatStep, type TileColours, tileColours } from '../tiles/heat.ts';
import { useShownTheme } from '../tiles/use-theme.ts';
import { MatrixOverview } from './MatrixOverview.tsx';
import { MemoryElement } from './MemoryElement.tsx';
import { cellText, type MatrixFit, matrixFit, ROW_HEAD_PX } from './matrix-fit.ts';
import { memoryTypeLabel } from './memory-text.ts';
import { PageWords } from './PageWords.tsx';
import { pageAt } from './page-text.ts';
import type { MemoryGrid } from './use-memory-grid.ts';

interface Drawn {
  readonly memory: readonly MemoryCell[];
  readonly tile: readonly MemoryCell[] | null;
}

interface MatrixProps {
  readonly rows: readonly ComparedRow[];
  readonly pages: readonly MemoryPage[];
  readonly form: MemoryForm;
  readonly grid: MemoryGrid;
}

/** Where more pages than this are touched each has a dashed line alone; what they are stands in the table below. */
const MOST_NAMED_PAGES = 4;

/** Memory as a matrix, and the tile that is loaded from there or stored to there: same cells, same scale, same columns. */
export function MatrixRows({ rows, pages, form, grid }: MatrixProps): ReactElement {
  const store = useDebuggerStore();
  const capture = useDebugger(selectCapture);
  const colours = tileColours(useShownTheme());
  const box = useRef<HTMLDivElement>(null);
  const roomPx = useWidth(box);
  const { size } = grid.block;
  const total = Math.floor(form.rowBytes / size);
  const scale = scaleOf(form.type);
  const cells: readonly Drawn[] = rows.map(({ row, beside }) => ({
    memory: cellsOf(row.bytes, form.type),
    tile: beside === null ? null : cellsOf(beside, form.type),
  }));
  const all = cells.flatMap(({ memory, tile }) => [...memory, ...(tile ?? [])]);
  const end = all.reduce((most, { value }) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  const isBeside = form.tile !== null && rows.some(({ beside }) => beside !== null);
  const fit = matrixFit(all, form.type, total, isBeside, roomPx);
  const first = Math.floor(grid.active.column / fit.columns) * fit.columns;
  const shown = { first, columns: fit.columns };
  const widthPx = Math.min(fit.columns, total - first) * fit.cellPx;
  const overviewPx = Math.min(fit.columns, total) * fit.cellPx;
  const look: Look = { fit, end, scale, colours };
  const startRow = isBeside && capture !== null ? startRowOf(capture) : 0;
  const choose = (column: number): void => store.getState().goToMemory({ row: grid.active.row, column });
  const overview = (what: string, side: readonly (readonly MemoryCell[])[]): ReactElement => (
    <MatrixOverview
      {...{ what, total, end, scale, colours, shown, rows: side, widthPx: overviewPx, onChoose: choose }}
    />
  );
  const across = Math.min(fit.columns, total - first);
  return (
    <div ref={box} className="memory-sheet">
      <table
        ref={grid.table}
        role="grid"
        className="memory-matrix val"
        aria-label="Matrix"
        style={{ '--cell': `${fit.cellPx}px` } as CSSProperties}
        {...grid.events}
      >
        <colgroup>
          <col style={{ width: ROW_HEAD_PX }} />
          <col span={across} style={{ width: fit.cellPx }} />
        </colgroup>
        <thead>
          <tr className="memory-sides small">
            <td />
            <td colSpan={across}>
              <span className="line tight nowrap">
                <strong>Memory</strong>
                <span className="tag val">
                  {form.address.trim()}
                  {form.stride.trim() === '' ? '' : ` + ${form.stride.trim()} × row`}
                </span>
              </span>
            </td>
            {isBeside ? (
              <>
                <td colSpan={2} />
                <td colSpan={across}>
                  <span className="line tight nowrap">
                    <strong className="val">tmm{form.tile}</strong>
                    <span className="tag val">
                      {rows.length}×{total} {memoryTypeLabel(form.type)}
                    </span>
                    <span className="text-3">what the tile holds</span>
                  </span>
                </td>
              </>
            ) : null}
          </tr>
          {total > fit.columns ? (
            <tr>
              <td className="small text-3 memory-all">all {total}</td>
              <td colSpan={across} style={{ width: widthPx }}>
                {overview(
                  'memory',
                  cells.map(({ memory }) => memory),
                )}
              </td>
              {isBeside ? (
                <>
                  <td colSpan={2} />
                  <td colSpan={across}>
                    {overview(
                      `tmm${form.tile}`,
                      cells.map(({ tile }) => tile ?? []),
                    )}
                  </td>
                </>
              ) : null}
            </tr>
          ) : null}
          <tr className="small text-3">
            <th scope="col">row, address</th>
            <Numbers {...{ first, across }} active={grid.active.column} />
            {isBeside ? (
              <>
                <th scope="col" className="memory-count">
                  of {total}
                </th>
                <td />
                <Numbers {...{ first, across }} active={grid.active.column} />
              </>
            ) : null}
          </tr>
        </thead>
        <tbody>
          {rows.map((compared, index) => (
            <MatrixRow
              // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place: the focus stays where it is when it is read anew.
              key={index}
              {...{ compared, index, grid, look, first, across, pages, startRow, isBeside }}
              cells={cells[index] ?? { memory: [], tile: null }}
              previous={rows[index - 1]?.row.address ?? null}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

const useWidth = (box: { readonly current: HTMLElement | null }): number => {
  const [px, setPx] = useState(760);
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const measure = (): void => setPx(node.clientWidth);
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, [box]);
  return px;
};

function Numbers({ first, across, active }: { first: number; across: number; active: number }): ReactElement {
  return (
    <>
      {Array.from({ length: across }, (_, at) => first + at).map((column) => (
        <th key={column} scope="col" className={`memory-column val ${column === active ? 'on' : ''}`}>
          {column}
        </th>
      ))}
    </>
  );
}

interface Look {
  readonly fit: MatrixFit;
  readonly end: number;
  readonly scale: 'diverging' | 'sequential';
  readonly colours: TileColours;
}

const heatStyle = ({ value }: MemoryCell, { end, scale, colours }: Look): CSSProperties => {
  if (!Number.isFinite(value)) return {};
  const step = heatStep(value, end, scale);
  const { fill, text } = colours[scale];
  return { background: fill[step] ?? '', color: text[step] ?? '' };
};

interface MatrixRowProps {
  readonly compared: ComparedRow;
  readonly index: number;
  readonly cells: Drawn;
  readonly grid: MemoryGrid;
  readonly look: Look;
  readonly first: number;
  readonly across: number;
  readonly pages: readonly MemoryPage[];
  readonly startRow: number;
  readonly isBeside: boolean;
  readonly previous: bigint | null;
}

const PAGE_BITS = 12n;

function MatrixRow(props: MatrixRowProps): ReactElement {
  const { compared, index, cells, grid, look, first, across, pages, startRow, isBeside, previous } = props;
  const { row, differing } = compared;
  const { size } = grid.block;
  const isNewPage = previous === null || previous >> PAGE_BITS !== row.address >> PAGE_BITS;
  const isNamed = isNewPage && pages.length > 0 && pages.length <= MOST_NAMED_PAGES;
  const isStart = startRow > 0 && (index === 0 || index === startRow);
  const edge = isNewPage && previous !== null;
  const missing = across - Math.max(0, Math.min(across, cells.memory.length - first));
  return (
    <>
      {isNamed || isStart ? (
        <tr className={`memory-page small ${edge ? 'edge' : ''}`}>
          <td colSpan={1 + across}>{isNamed ? <PageWords page={pageAt(pages, row.address)} /> : null}</td>
          {isBeside ? (
            <>
              <td />
              <td colSpan={1 + across}>
                {isStart ? <StartRow index={index} startRow={startRow} rows={grid.rowCount} /> : null}
              </td>
            </>
          ) : null}
        </tr>
      ) : null}
      <tr className={edge && !isNamed ? 'edge' : undefined}>
        <th scope="row" className={grid.active.row === index ? 'text-1' : 'text-3'}>
          {index} …{row.address.toString(16).slice(-5)}
        </th>
        {cells.memory.slice(first, first + across).map((cell, at) => (
          <MemoryElement
            // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
            key={at}
            {...{ grid, row: index, column: first + at, text: cellText(cell, look.fit), full: cell.text }}
            characters={look.fit.characters}
            address={row.address + BigInt((first + at) * size)}
            mark={markOf(row, (first + at) * size, size)}
            look={differing.includes(first + at) ? 'memory-cell differs' : 'memory-cell'}
            style={heatStyle(cell, look)}
          />
        ))}
        {missing === 0 ? null : (
          <td colSpan={missing} className="memory-missing small text-3">
            not mapped
          </td>
        )}
        {isBeside ? (
          <>
            <td className={differing.length === 0 ? 'memory-count text-3' : 'memory-count is-refused'}>
              {differing.length === 0 ? (
                '='
              ) : (
                <>
                  <Glyph name="differs" className="g10" /> {differing.length}
                </>
              )}
            </td>
            <td className={`memory-number ${grid.active.row === index ? 'text-1' : 'text-3'}`}>{index}</td>
            {(cells.tile ?? []).slice(first, first + across).map((cell, at) => (
              <td
                // biome-ignore lint/suspicious/noArrayIndexKey: an element is its place.
                key={at}
                className={differing.includes(first + at) ? 'memory-cell differs' : 'memory-cell'}
                style={heatStyle(cell, look)}
              >
                {cellText(cell, look.fit)}
              </td>
            ))}
          </>
        ) : null}
      </tr>
    </>
  );
}

/** How far an interrupted load has come, on the tile's side. */
function StartRow({ index, startRow, rows }: { index: number; startRow: number; rows: number }): ReactElement {
  return index === 0 ? (
    <span className="line tight text-2">
      rows 0 to {startRow - 1}
      <span className="line tight is-written">
        <Glyph name="check" className="g12" />
        loaded before the fault
      </span>
    </span>
  ) : (
    <span className="line tight is-armed">
      <Glyph name="warn" className="g12" />
      <span className="val">start_row {startRow}</span>
      <span className="text-2">
        rows {startRow} to {rows - 1} are still the previous ones
      </span>
    </span>
  );
}
