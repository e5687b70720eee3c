import { type KeyboardEvent, type PointerEvent, type ReactElement, useRef } from 'react';
import { commandOf } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { brushOf, movedBrush } from '../../store/vcpu/trace-brush.ts';
import { pageBox, pagePoint } from '../../zoom.ts';
import { pageOf, shownStops, stopAtX, type TrackView, xOfStop } from './track-view.ts';

interface BrushProps {
  readonly view: TrackView;
  readonly widthPx: number;
}

const ENDS = ['first', 'last'] as const;
const WORDS = { first: 'Plots from stop', last: 'Plots to stop' } as const;

/** The stretch that the plots beside a trace show, between two handles: dragged, or moved by the keys of the strip. */
export function Brush({ view, widthPx }: BrushProps): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const chosen = useDebugger((state) => state.traceBrush);
  const box = useRef<HTMLDivElement>(null);
  const dragged = useRef<(typeof ENDS)[number] | null>(null);
  const shown = shownStops(view, stops.length);
  const brush = brushOf(chosen, shown, stops.length);
  const to = (end: (typeof ENDS)[number], stop: number): void =>
    store.getState().setTraceBrush(movedBrush(brush, end, stop, shown));
  const half = widthPx / view.places / 2;
  const [left, right] = [xOfStop(view, brush.first, widthPx) - half, xOfStop(view, brush.last, widthPx) + half];
  const [from, end] = [Math.max(0, Math.min(widthPx, left)), Math.max(0, Math.min(widthPx, right))];
  const onPointerMove = (event: PointerEvent): void => {
    if (dragged.current === null || box.current === null) return;
    const x = pagePoint(event).x - pageBox(box.current).left;
    to(dragged.current, stopAtX(view, x, widthPx, stops.length));
  };
  const onKeyDown = (which: (typeof ENDS)[number]) => (event: KeyboardEvent) => {
    const command = commandOf('history', event);
    const page = pageOf(view, stops.length);
    const at = brush[which];
    const moves: Partial<Record<NonNullable<typeof command>, number>> = {
      ...{ previous: at - 1, next: at + 1, 'page-previous': at - page, 'page-next': at + page },
      ...{ first: shown[0], last: shown[1] },
    };
    const stop = command === null ? undefined : moves[command];
    if (stop === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    to(which, stop);
  };
  return (
    <div ref={box} className="track-brush" data-testid="track-brush">
      {chosen === null ? null : (
        <span className="track-brush-band" style={{ left: from, width: Math.max(1, end - from) }} />
      )}
      {ENDS.map((which) => (
        <span
          key={which}
          className={`track-brush-end ${which}`}
          role="slider"
          tabIndex={0}
          aria-label={WORDS[which]}
          aria-valuemin={1}
          aria-valuemax={stops.length}
          aria-valuenow={brush[which] + 1}
          aria-valuetext={`stop ${stops[brush[which]]?.number ?? ''}`}
          title={`${WORDS[which]} ${stops[brush[which]]?.number ?? ''}: drag it, or move it by the arrow keys`}
          style={{ left: which === 'first' ? from : end }}
          onPointerDown={(event) => {
            event.preventDefault();
            event.currentTarget.focus();
            event.currentTarget.setPointerCapture(event.pointerId);
            dragged.current = which;
          }}
          onPointerMove={onPointerMove}
          onPointerUp={() => {
            dragged.current = null;
          }}
          onLostPointerCapture={() => {
            dragged.current = null;
          }}
          onDoubleClick={() => store.getState().setTraceBrush(null)}
          onKeyDown={onKeyDown(which)}
        />
      ))}
    </div>
  );
}
