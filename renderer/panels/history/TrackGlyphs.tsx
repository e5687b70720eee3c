import { memo, type ReactElement } from 'react';
import { memoizeByIdentity, memoizePair } from '../../store/base/memoize.ts';
import { useDebugger } from '../../store/context.ts';
import type { ModelEventAt } from '../../store/state/model.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { type Bucket, bucketsOf, GLYPH_PX, spotsOf, type TrackView } from './track-view.ts';

interface TrackEvent {
  readonly glyph: GlyphName;
  readonly look: string;
}

const eventOf = (stop: Stop, index: number, raised: ModelEventAt | undefined): TrackEvent | null => {
  if (raised !== undefined) {
    return raised.kind === 'nm' ? { glyph: 'lock', look: 'is-armed' } : { glyph: 'warn', look: 'is-armed' };
  }
  if (stop.write !== null) return { glyph: 'check2', look: 'is-written' };
  return index === 0 ? { glyph: stop.cause === 'file' ? 'file' : 'flag', look: 'text-3' } : null;
};

/** Stops with an event, in order. */
const eventsOf = memoizePair((stops: readonly Stop[], raised: readonly ModelEventAt[]) => {
  const byStop = new Map(raised.map((event) => [event.stop, event]));
  const events = new Map<number, TrackEvent>();
  stops.forEach((stop, index) => {
    const event = eventOf(stop, index, byStop.get(stop.number));
    if (event !== null) events.set(index, event);
  });
  return events;
});

const labelled = memoizePair((stops: readonly Stop[], labels: ReadonlyMap<number, string>) =>
  labels.size === 0 ? [] : stops.flatMap((stop, index) => (labels.has(stop.number) ? [index] : [])),
);
const keysOf = memoizeByIdentity((events: ReadonlyMap<number, TrackEvent>) => [...events.keys()]);

/** More than these do not fit in the room of a bucket. */
const MOST_KINDS = 2;

/** What a bucket stands for, the rarest first: one exception among many writes must be seen. */
const kindsIn = ({ indexes }: Bucket, events: ReadonlyMap<number, TrackEvent>) => {
  const kinds = new Map<GlyphName, { event: TrackEvent; times: number }>();
  for (const index of indexes) {
    const event = events.get(index);
    if (event === undefined) continue;
    const kind = kinds.get(event.glyph);
    if (kind === undefined) kinds.set(event.glyph, { event, times: 1 });
    else kind.times += 1;
  }
  return [...kinds.values()].sort((a, b) => a.times - b.times).slice(0, MOST_KINDS);
};

/** Events and labels above the lanes; where they would overlap, one stands for several. */
export const TrackGlyphs = memo(({ view, widthPx }: { view: TrackView; widthPx: number }): ReactElement => {
  const stops = useDebugger((state) => state.stops);
  const labels = useDebugger((state) => state.labels);
  const events = eventsOf(
    stops,
    useDebugger((state) => state.modelEvents),
  );
  return (
    <>
      {bucketsOf(keysOf(events), view, widthPx).map((bucket) => (
        <span key={stops[bucket.indexes[0] ?? 0]?.number} className="track-event" style={{ left: bucket.x }}>
          {kindsIn(bucket, events).map(({ event, times }) => (
            <span key={event.glyph} className={`line tight ${event.look}`}>
              <Glyph name={event.glyph} className="g12" />
              {times === 1 ? null : <span className="val micro">{times}</span>}
            </span>
          ))}
        </span>
      ))}
      {spotsOf(labelled(stops, labels), view, widthPx, GLYPH_PX).map(({ index, x }) => (
        <span key={stops[index]?.number} className="track-event text-2 track-label" style={{ left: x }}>
          <Glyph name="flag" className="g12" />
        </span>
      ))}
    </>
  );
});
