import { fixed } from '../../fixed.ts';
import type { Stop } from '../../store/state/timeline.ts';

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
