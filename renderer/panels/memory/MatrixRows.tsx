import type { CSSProperties, ReactElement } from 'react';
import type { MemoryView } from '../../../app/bridge.ts';
import { ROW_STRIDE_BYTES, TILE_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { useDebugger } from '../../store/context.ts';
import {
  bytesOfHexText,
  cellsOf,
  differingElements,
  type MemoryCell,
  scaleOf,
} from '../../store/select/memory-cells.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import type { MemoryForm } from '../../store/state/guest.ts';
import type { State } from '../../store/state/state.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { type HeatScale, heatStep, tileColours } from '../tiles/heat.ts';
import { useShownTheme } from '../tiles/use-theme.ts';

/** A tile's bytes at the stop on screen; null: none is chosen, or tiles are in init. */
const tileBytes =
  (tile: number | null) =>
  (state: State): Uint8Array | null => {
    const capture = selectCapture(state);
    if (tile === null || capture === null) return null;
    const view = viewComponent(capture.image, BIT.XTILEDATA);
    return view.state === 'inUse' ? view.bytes : null;
  };

const PAGE_BITS = 12n;

interface RowData {
  readonly address: string;
  readonly why: string | null;
  readonly bytes: Uint8Array;
  readonly beside: Uint8Array | null;
  readonly differing: readonly number[];
  /** A page begins between this row and the one before. */
  readonly isNewPage: boolean;
}

const rowsOf = (memory: MemoryView, form: MemoryForm, tiles: Uint8Array | null): readonly RowData[] =>
  memory.rows.map((row, index) => {
    const bytes = bytesOfHexText(row.hex);
    const from = (form.tile ?? 0) * TILE_STRIDE_BYTES + index * ROW_STRIDE_BYTES;
    const beside = tiles === null ? null : tiles.subarray(from, from + form.rowBytes);
    const previous = memory.rows[index - 1];
    const page = (address: string): bigint => BigInt(address) >> PAGE_BITS;
    return {
      ...{ address: row.address, why: row.why, bytes, beside },
      differing: beside === null ? [] : differingElements(bytes, beside, form.type),
      isNewPage: previous !== undefined && page(previous.address) !== page(row.address),
    };
  });

/** Memory as a matrix, and the tile that is loaded from there or stored to there; what differs is marked. */
export function MatrixRows({ memory, form }: { memory: MemoryView; form: MemoryForm }): ReactElement {
  const tiles = useDebugger(tileBytes(form.tile));
  const theme = useShownTheme();
  const rows = rowsOf(memory, form, tiles);
  const scale = scaleOf(form.type);
  const cells = rows.map(({ bytes, beside }) => ({
    memory: cellsOf(bytes, form.type),
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
      <table
        className="memory-matrix val"
        aria-label="Matrix"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: the keyboard scrolls it.
        tabIndex={0}
      >
        <tbody>
          {rows.map((row, index) => (
            <tr key={row.address} className={row.isNewPage ? 'new-page' : undefined}>
              <th scope="row" className="text-3">
                {index} …{row.address.slice(-5)}
              </th>
              <Cells cells={cells[index]?.memory ?? []} marked={row.differing} style={style} />
              {row.why === null ? null : <td className="is-armed small">{row.why}</td>}
              {row.beside === null ? null : (
                <>
                  <td className={row.differing.length === 0 ? 'memory-count text-3' : 'memory-count is-refused'}>
                    {row.differing.length === 0 ? '=' : `≠ ${row.differing.length}`}
                  </td>
                  <Cells cells={cells[index]?.tile ?? []} marked={row.differing} style={style} />
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
