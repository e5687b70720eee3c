import { type MouseEvent, type ReactElement, useLayoutEffect, useRef } from 'react';
import type { MemoryCell } from '../../store/select/memory-cells.ts';
import { contextFor } from '../tiles/draw-tile.ts';
import { type HeatScale, heatStep, type TileColours } from '../tiles/heat.ts';

const ROW_PX = 2;

interface OverviewProps {
  readonly what: string;
  readonly rows: readonly (readonly MemoryCell[])[];
  readonly total: number;
  readonly end: number;
  readonly scale: 'diverging' | 'sequential';
  readonly colours: TileColours;
  readonly widthPx: number;
  /** The columns that are shown. */
  readonly shown: { readonly first: number; readonly columns: number };
  readonly onChoose: (column: number) => void;
}

const fillOf = (value: number, end: number, heat: HeatScale, scale: OverviewProps['scale'], c: TileColours): string =>
  Number.isNaN(value)
    ? c.token('heat-nan')
    : Number.isFinite(value)
      ? (heat.fill[heatStep(value, end, scale)] ?? '#808080')
      : c.token('heat-inf');

/** All columns as colours, the ones shown framed; a press goes there, as Home, End and the arrows do in the matrix. */
export function MatrixOverview(props: OverviewProps): ReactElement {
  const { what, rows, total, end, scale, colours, widthPx, shown, onChoose } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const heightPx = rows.length * ROW_PX;
  useLayoutEffect(() => {
    const context = canvas.current === null ? null : contextFor(canvas.current, widthPx, heightPx);
    if (context === null) return;
    const at = (column: number): number => Math.round((column / total) * widthPx);
    for (const [row, cells] of rows.entries()) {
      for (const [column, { value }] of cells.entries()) {
        context.fillStyle = fillOf(value, end, colours[scale], scale, colours);
        context.fillRect(at(column), row * ROW_PX, at(column + 1) - at(column), ROW_PX);
      }
    }
  });
  const choose = ({ currentTarget, clientX }: MouseEvent<HTMLElement>): void => {
    const box = currentTarget.getBoundingClientRect();
    onChoose(Math.max(0, Math.min(total - 1, Math.floor(((clientX - box.left) / box.width) * total))));
  };
  const part = (columns: number): string => `${(columns / total) * 100}%`;
  return (
    <button
      type="button"
      tabIndex={-1}
      className="matrix-overview"
      aria-label={`All ${total} columns of ${what}`}
      title="Shows these columns"
      style={{ width: widthPx, height: heightPx }}
      onClick={choose}
    >
      <canvas ref={canvas} style={{ width: widthPx, height: heightPx }} />
      <span
        className="matrix-window"
        style={{ left: part(shown.first), width: part(Math.min(shown.columns, total - shown.first)) }}
      />
    </button>
  );
}
