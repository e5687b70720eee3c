import { memoizePair } from '../../store/base/memoize.ts';
import type { ModelEventAt } from '../../store/state/model.ts';
import type { Stop } from '../../store/state/timeline.ts';
import type { GlyphName } from '../../theme/Glyph.tsx';

/** How an event is drawn. */
export interface TrackEvent {
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

/** Stops with an event, by index, in order. */
export const eventsOf = memoizePair((stops: readonly Stop[], raised: readonly ModelEventAt[]) => {
  const byStop = new Map(raised.map((event) => [event.stop, event]));
  const events = new Map<number, TrackEvent>();
  stops.forEach((stop, index) => {
    const event = eventOf(stop, index, byStop.get(stop.number));
    if (event !== null) events.set(index, event);
  });
  return events;
});

/** Stops with a label, as indexes, in order. */
export const labelledStops = memoizePair((stops: readonly Stop[], labels: ReadonlyMap<number, string>) =>
  labels.size === 0 ? [] : stops.flatMap((stop, index) => (labels.has(stop.number) ? [index] : [])),
);
