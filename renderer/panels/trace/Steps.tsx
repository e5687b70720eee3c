import { type ReactElement, useMemo } from 'react';
import { action } from '../../actions/registry.ts';
import { ActionButton } from '../../controls/ActionButton.tsx';
import { useDebugger } from '../../store/context.ts';
import { selectTraceRows } from '../../store/vcpu/trace-slice.ts';
import { Brush } from '../history/Brush.tsx';
import { Track, useTrackView } from '../history/Track.tsx';
import { LEAST_PLACES } from '../history/track-view.ts';
import { EmptyTrace, Products } from './Trace.tsx';

/** The traced stretch of the timeline as the strip of History, with ≠ over each product that differs from its reference. */
export function Steps(): ReactElement {
  const rows = useDebugger(selectTraceRows);
  const [first, last] = [rows[0]?.at ?? 0, rows.at(-1)?.at ?? 0];
  const fitted = useMemo(() => ({ from: first, places: Math.max(LEAST_PLACES, last - first + 1) }), [first, last]);
  const [view, onView] = useTrackView(fitted);
  return (
    <section className="history" data-region="steps" data-pane="steps" tabIndex={-1} aria-label="Steps of the trace">
      {rows.length === 0 ? (
        <EmptyTrace>
          <ActionButton action={action('trace')} look="tiny" glyphClass="g12">
            Trace…
          </ActionButton>
        </EmptyTrace>
      ) : (
        <Track view={view} onView={onView} marksDiffering over={(placed) => <Brush {...placed} />} />
      )}
    </section>
  );
}

/** Which step of the trace is on screen, how its products came out, and the way to its list; null: nothing is traced. */
export function StepsNow(): ReactElement | null {
  const rows = useDebugger(selectTraceRows);
  const at = useDebugger((state) => state.at);
  if (rows.length === 0) return null;
  const step = rows.findLastIndex((row) => row.at <= at) + 1;
  return (
    <>
      <span className="small text-3 nowrap wide-only" data-testid="traced-step">
        step <span className="val">{step}</span> of <span className="val">{rows.length}</span>
      </span>
      <Products />
      <ActionButton action={action('save-session')} look="tiny" glyphClass="g12" label="Save the trace…">
        Save…
      </ActionButton>
    </>
  );
}
