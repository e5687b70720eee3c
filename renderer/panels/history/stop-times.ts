import { fixed } from '../../fixed.ts';
import { memoizeByIdentity } from '../../store/base/memoize.ts';
import { timesRefusal } from '../../store/select/time-axis.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { type TrackView, timePlaces, xOfPlace } from './track-view.ts';

type Taken = Pick<Stop, 'takenAtMs'>;

/**
 * Milliseconds from one stop to a later one by the host's clock; null where a stop does not say when it was taken, or where
 * the clock was set back in between.
 */
export const elapsedMs = (from: Taken | undefined, to: Taken | undefined): number | null => {
  if (from === undefined || to === undefined || from.takenAtMs === 0 || to.takenAtMs === 0) return null;
  const ms = to.takenAtMs - from.takenAtMs;
  return ms < 0 ? null : ms;
};

/** In seconds: each millisecond below ten, as between two readings of a running vCPU. */
export const secondsText = (ms: number): string =>
  fixed('clock', `${(ms / 1000).toFixed(ms < 10_000 ? 3 : ms < 1_000_000 ? 1 : 0)} s`);

/** How long after the stop before it one was taken; null: not known, or there is none before it. */
export const sincePrevious = (stops: readonly Taken[], at: number): string | null => {
  const ms = elapsedMs(stops[at - 1], stops[at]);
  return ms === null ? null : secondsText(ms);
};

/** What all stops span; null: not known, or there is but one. */
export const spanText = (stops: readonly Taken[]): string | null => {
  const ms = stops.length < 2 ? null : elapsedMs(stops[0], stops.at(-1));
  return ms === null ? null : secondsText(ms);
};

/** Each stop's place by when it was taken; null: that is not known of all. */
export const placesByTime = memoizeByIdentity((stops: readonly Taken[]): readonly number[] | null =>
  timesRefusal(stops) === null ? timePlaces(stops.map(({ takenAtMs }) => takenAtMs)) : null,
);

/** Lines no nearer than this to each other. */
const LEAST_TICK_PX = 96;

/** Round times since the first stop, each with where it lies. The view is one by time. */
export const timeTicks = (
  stops: readonly Taken[],
  view: TrackView,
  widthPx: number,
): readonly { readonly x: number; readonly text: string }[] => {
  const wholeMs = elapsedMs(stops[0], stops.at(-1)) ?? 0;
  const lastPlace = view.times?.at(-1) ?? 0;
  if (wholeMs === 0 || lastPlace === 0) return [];
  const msInPlace = wholeMs / lastPlace;
  const leastMs = (LEAST_TICK_PX / widthPx) * view.places * msInPlace;
  const power = 10 ** Math.floor(Math.log10(leastMs));
  const stepMs = Math.max(1, power * ([1, 2, 5].find((times) => times * power >= leastMs) ?? 10));
  const [first, last] = [Math.ceil((view.from * msInPlace) / stepMs), Math.floor(wholeMs / stepMs)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => (first + at) * stepMs)
    .map((ms) => ({ x: xOfPlace(view, ms / msInPlace, widthPx), text: tickText(ms, stepMs) }))
    .filter(({ x }) => x <= widthPx);
};

const tickText = (ms: number, stepMs: number): string =>
  stepMs < 1000 ? `${ms} ms` : `${Number((ms / 1000).toFixed(1))} s`;
