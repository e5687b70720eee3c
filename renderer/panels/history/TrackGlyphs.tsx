import { memo, type ReactElement } from 'react';
import { memoizeByIdentity } from '../../store/base/memoize.ts';
import { useDebugger } from '../../store/context.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { eventsOf, labelledStops, type TrackEvent } from './stop-events.ts';
import { type Bucket, bucketsOf, GLYPH_PX, spotsOf, type TrackView } from './track-view.ts';

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
      {spotsOf(labelledStops(stops, labels), view, widthPx, GLYPH_PX).map(({ index, x }) => (
        <span key={stops[index]?.number} className="track-event text-2 track-label" style={{ left: x }}>
          <Glyph name="flag" className="g12" />
        </span>
      ))}
    </>
  );
});
