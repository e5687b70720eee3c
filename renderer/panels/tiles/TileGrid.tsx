// biome-ignore-all lint/a11y/useSemanticElements: the WAI-ARIA grid pattern over a canvas; a table cannot lie over it.
// biome-ignore-all lint/a11y/useFocusableInteractive: the cells take the focus, rows do not.
import {
  type ClipboardEvent,
  type KeyboardEvent,
  type MouseEvent,
  memo,
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useRef,
} from 'react';
import type { ProductDifference } from '../../../app/tile/product-compare.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementOffset, type Place } from '../../../app/tile/vnni.ts';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectEditRefusal, selectProvenance } from '../../store/select/selectors.ts';
import { shownElement, tilePath } from '../../store/tiles/tile-edits.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import type { BasedElements } from '../../store/view/based-elements.ts';
import { nextBase } from '../../store/view/bases.ts';
import { isBlockMove, isToEdge, moveInGrid } from '../registers/grid-moves.ts';
import { beginsEdit, ValueEditor } from '../registers/ValueEditor.tsx';
import { differencesByElement, elementLabel } from './element-label.ts';
import { blockOf, blockText, pastedAssignments } from './tile-clipboard.ts';
import type { TileGeometry } from './tile-geometry.ts';

interface TileGridProps {
  readonly scene: TileScene;
  readonly geometry: TileGeometry;
  readonly differences: readonly ProductDifference[];
  readonly based: BasedElements;
  /** Why a paste was refused, for the line under the tile. */
  readonly onRefused: (why: string | null) => void;
}

/** The tile for keyboard and screen reader: one transparent cell over each element drawn. */
export function TileGrid({ scene, geometry, differences, based, onRefused }: TileGridProps): ReactElement {
  const store = useDebuggerStore();
  const { tile, matrix, reading } = scene;
  const { rows, columns } = matrix;
  const selection = useDebugger((state) =>
    state.selection?.kind === 'tile' && state.selection.tile === tile ? state.selection : null,
  );
  const from = useDebugger((state) => state.blockFrom);
  const active = {
    row: Math.min(selection?.row ?? 0, rows - 1),
    column: Math.min(selection?.column ?? 0, columns - 1),
  };
  const path = rows > 0 && columns > 0 ? tilePath(tile, reading, active) : '';
  const editing = useDebugger((state) => state.editor?.place === path && selection !== null);
  const grid = useRef<HTMLDivElement>(null);

  useCellLabels(grid, scene, differences, based);
  // One tab stop for the whole tile. Set by hand: a move of the focus repaints none of up to 1024 cells.
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place or another shape moves the tab stop.
  useLayoutEffect(() => {
    const previous = grid.current?.querySelector('[tabindex="0"]');
    previous?.setAttribute('tabindex', '-1');
    previous?.removeAttribute('data-region-start');
    const cell = cellAt(grid.current, active);
    cell?.setAttribute('tabindex', '0');
    cell?.setAttribute('data-region-start', '');
    for (const old of grid.current?.querySelectorAll('[aria-selected="true"]') ?? [])
      old.removeAttribute('aria-selected');
    if (selection !== null) cell?.setAttribute('aria-selected', 'true');
  }, [active.row, active.column, rows, columns, selection]);

  const focus = (place: Place, extend = false): void => {
    store.getState().selectElement(tile, place, extend);
    cellAt(grid.current, place)?.focus();
  };
  const edit = (text: string | null): void => {
    const state = store.getState();
    const refusal = selectEditRefusal(state);
    onRefused(refusal);
    if (refusal !== null) return;
    if (selection === null) state.selectElement(tile, active, false);
    const offset = elementOffset(matrix.type, matrix.interpretation, active);
    state.openEditor(path, text ?? printTileElement(matrix.type, matrix.bytes, offset), text !== null);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (rows === 0) return;
    const command = commandOf('grid', event);
    const to = moveInGrid(command, isToEdge(event), active, {
      rows,
      columns,
      hasValue: ({ row, column }) => scene.values[row * columns + column] !== 0,
    });
    if (to !== null) focus(to, isBlockMove(command, event));
    else if (command === 'edit') edit(null);
    else if (command === 'next-type' || command === 'previous-type') {
      store.getState().nextTileType(tile, command === 'next-type' ? 1 : -1);
      requestAnimationFrame(() => cellAt(grid.current, { row: 0, column: 0 })?.focus());
    } else if (command === 'base') {
      if (selection === null) store.getState().selectElement(tile, active, false);
      const shown = shownElement(tile, reading, active);
      store.getState().setBase(shown, nextBase(shown, store.getState().bases.get(shown) ?? 'own'));
    } else if (commandOf('matrix', event) === 'look') store.getState().nextTileLook();
    else if (beginsEdit(event)) edit(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const leave = (how: 'stay' | 'onward' | 'back'): void => {
    const at = active.column + (how === 'stay' ? 0 : how === 'onward' ? 1 : -1);
    const row = active.row + (at >= columns ? 1 : at < 0 ? -1 : 0);
    focus({ row: Math.max(0, Math.min(rows - 1, row)), column: (at + columns) % columns });
  };
  const onCopy = (event: ClipboardEvent): void => {
    event.clipboardData.setData('text/plain', blockText(scene, blockOf(active, from)));
    event.preventDefault();
  };
  const onPaste = (event: ClipboardEvent): void => {
    if (event.target instanceof HTMLInputElement) return;
    event.preventDefault();
    const state = store.getState();
    const assignments = pastedAssignments(scene, active, event.clipboardData.getData('text/plain'));
    const refusal = selectEditRefusal(state);
    onRefused(refusal ?? (typeof assignments === 'string' ? assignments : state.stageAll(assignments)));
  };
  const block = blockOf(active, from);
  return (
    <div
      ref={grid}
      className="tile-grid"
      role="grid"
      aria-label={`tmm${tile} as ${reading.type}, ${rows} rows, ${columns} columns`}
      aria-rowcount={rows}
      aria-colcount={columns}
      tabIndex={-1}
      style={{ '--cell': `${geometry.cellPx}px`, '--cell-row': `${geometry.rowPx}px` }}
      onKeyDown={onKeyDown}
      onMouseDown={(event) => {
        // Shift extends the block from where the focus is: the press must not move the focus first.
        if (event.shiftKey) event.preventDefault();
      }}
      onClick={(event) => {
        const place = placeOf(event);
        if (place !== null) focus(place, event.shiftKey);
      }}
      onDoubleClick={() => edit(null)}
      onMouseOver={(event) => {
        const cell = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('[data-at]') : null;
        if (cell === null) return;
        const { row, column } = placeOf(event) ?? active;
        const isRefused = scene.marks[row * columns + column] === 'refused';
        const why = isRefused ? `: ${selectProvenance(store.getState())?.refused?.sentence ?? ''}` : '';
        cell.title = `${cell.getAttribute('aria-label') ?? ''}${why}`;
      }}
      onFocus={(event) => {
        const place = placeOf(event);
        // What the store holds now: this focus may follow a move that has not been rendered yet.
        const now = store.getState().selection;
        const isSelected =
          now?.kind === 'tile' && now.tile === tile && now.row === place?.row && now.column === place?.column;
        if (place !== null && !isSelected) store.getState().selectElement(tile, place, false);
      }}
      onCopy={onCopy}
      onPaste={onPaste}
    >
      <Cells tile={tile} rows={rows} columns={columns} />
      {from === null || selection === null ? null : (
        <div
          className="tile-block"
          aria-hidden="true"
          style={{
            left: block.column * geometry.cellPx,
            top: block.row * geometry.rowPx,
            width: block.columns * geometry.cellPx,
            height: block.rows * geometry.rowPx,
          }}
        />
      )}
      {editing ? (
        <div
          className="tile-editor"
          style={{ left: (active.column + 1) * geometry.cellPx, top: active.row * geometry.rowPx }}
        >
          <ValueEditor
            path={path}
            onDone={leave}
            stage={(text) => store.getState().stageElement(tile, reading, active, text)}
          />
        </div>
      ) : null}
    </div>
  );
}

const cellAt = (grid: HTMLElement | null, { row, column }: Place): HTMLElement | null =>
  grid?.querySelector<HTMLElement>(`[data-at="${row} ${column}"]`) ?? null;

const placeOf = (event: { readonly target: EventTarget | null } | MouseEvent): Place | null => {
  const cell = event.target instanceof HTMLElement ? event.target.closest<HTMLElement>('[data-at]') : null;
  if (cell === null) return null;
  const [row = 0, column = 0] = (cell.dataset.at ?? '').split(' ').map(Number);
  return { row, column };
};

/** Names are set after the picture has been painted, and only where they changed. */
const useCellLabels = (
  grid: { readonly current: HTMLDivElement | null },
  scene: TileScene,
  differences: readonly ProductDifference[],
  based: BasedElements,
): void => {
  useEffect(() => {
    const timer = setTimeout(() => {
      const different = differencesByElement(scene, differences);
      const cells = grid.current?.querySelectorAll('[data-at]') ?? [];
      for (const [index, cell] of [...cells].entries()) {
        const label = elementLabel(scene, index, different, based.get(index));
        if (cell.getAttribute('aria-label') !== label) cell.setAttribute('aria-label', label);
      }
    }, 0);
    return () => clearTimeout(timer);
  }, [grid, scene, differences, based]);
};

/** The cells themselves: another set for another shape, and untouched by new values. */
const Cells = memo(function Cells({
  tile,
  rows,
  columns,
}: {
  tile: number;
  rows: number;
  columns: number;
}): ReactElement {
  return (
    <>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a row is its place.
        <div key={`${tile} ${row}`} role="row" aria-rowindex={row + 1} className="tile-row">
          {Array.from({ length: columns }, (_, column) => (
            <span
              // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place.
              key={column}
              role="gridcell"
              aria-colindex={column + 1}
              className="tile-cell"
              data-at={`${row} ${column}`}
              tabIndex={-1}
            />
          ))}
        </div>
      ))}
    </>
  );
});
