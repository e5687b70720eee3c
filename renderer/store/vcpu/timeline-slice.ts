import type { Capture } from '../../../app/capture/capture.ts';
import { createHistory, type History, type Kept } from '../../../app/session/history.ts';
import type { Slice } from '../state/state.ts';
import type { NewStop, Stop, Timeline, TimelineSlice } from '../state/timeline.ts';

const stopOf = (
  history: History,
  kept: Kept,
  { number, cause, write }: Pick<Stop, 'number' | 'cause' | 'write'>,
): Stop => ({
  number,
  cause,
  write,
  kept,
  changed: new Set(kept.changed),
  changedOutside: kept.changedOutside,
  takenAtMs: kept.facts.takenAtMs,
  get capture() {
    return history.captureOf(kept);
  },
});

type Stops = Pick<Timeline, 'history' | 'stops' | 'at' | 'keptBytes'>;

export const noStops = (): Stops => {
  const history = createHistory();
  return { history, stops: [], at: -1, keptBytes: history.keptBytes };
};

/** Stops that a history keeps already; the last is on screen. */
export const timelineOf = (
  history: History,
  stops: readonly (Pick<Stop, 'number' | 'cause' | 'write'> & { readonly kept: Kept })[],
): Stops => ({
  history,
  stops: stops.map((stop) => stopOf(history, stop.kept, stop)),
  at: stops.length - 1,
  keptBytes: history.keptBytes,
});

/** The timeline with one stop more, which comes on screen. */
export const withStop = (
  { history, stops }: Pick<Timeline, 'history' | 'stops'>,
  { capture, cause, write }: NewStop,
): Pick<Timeline, 'stops' | 'at' | 'keptBytes'> => {
  const kept = history.add(capture);
  const number = (stops.at(-1)?.number ?? 0) + 1;
  return {
    stops: [...stops, stopOf(history, kept, { number, cause, write })],
    at: stops.length,
    keptBytes: history.keptBytes,
  };
};

/**
 * What was read after the VMM had put its own copy back becomes a stop. Who reads an earlier stop stays there.
 * A reading that could not be decoded leaves the word alone.
 */
export const withOverwritten = (
  timeline: Pick<Timeline, 'history' | 'stops' | 'at'>,
  parts: readonly string[],
  capture: Capture | null,
): Pick<Timeline, 'stops' | 'at' | 'overwritten'> => {
  const { stops, at } = timeline;
  const next = capture === null ? { stops, at } : withStop(timeline, { capture, cause: 'capture', write: null });
  return {
    ...next,
    at: at === stops.length - 1 ? next.at : at,
    overwritten: { parts, stop: next.stops.at(-1)?.number ?? 0 },
  };
};

export const createTimelineSlice: Slice<Omit<TimelineSlice, keyof Timeline>> = (set, get) => ({
  addStop: (stop) => set((state) => withStop(state, stop)),
  goToStop(wanted) {
    const { stops, at } = get();
    const next = Math.max(0, Math.min(stops.length - 1, wanted));
    // Scrubbing asks for the same stop many times: nothing is to be drawn anew for that.
    if (next !== at || get().editor !== null) set({ at: next, editor: null });
  },
  closeOverwritten: () => set({ overwritten: null }),
  closeReset: (resetClosed) => set({ resetClosed }),
});
