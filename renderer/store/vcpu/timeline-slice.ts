import type { Capture } from '../../../app/capture/capture.ts';
import { createHistory, type History, type Kept } from '../../../app/session/history.ts';
import type { Slice } from '../state/state.ts';
import type { NewStop, Stop, Timeline, TimelineSlice } from '../state/timeline.ts';

const stopOf = (
  history: History,
  kept: Kept,
  {
    number,
    cause,
    write,
    code = null,
  }: Pick<Stop, 'number' | 'cause' | 'write'> & { readonly code?: Uint8Array | null },
): Stop => ({
  number,
  cause,
  write,
  code,
  kept,
  changed: new Set(kept.changed),
  changedOutside: kept.changedOutside,
  takenAtMs: kept.facts.takenAtMs,
  get capture() {
    return history.captureOf(kept);
  },
});

type Stops = Pick<Timeline, 'history' | 'stops' | 'at' | 'keptBytes'>;

/** A timeline without stops, with a history of its own. */
export const noStops = (): Stops => {
  const history = createHistory();
  return { history, stops: [], at: -1, keptBytes: history.keptBytes };
};

/** Stops that a history keeps already; the last is on screen. */
export const timelineOf = (
  history: History,
  stops: readonly (Pick<Stop, 'number' | 'cause' | 'write'> & {
    readonly kept: Kept;
    readonly code?: Uint8Array | null;
  })[],
): Stops => ({
  history,
  stops: stops.map((stop) => stopOf(history, stop.kept, stop)),
  at: stops.length - 1,
  keptBytes: history.keptBytes,
});

/** The timeline with one stop more, which comes on screen. */
export const withStop = (
  timeline: Pick<Timeline, 'history' | 'stops'>,
  stop: NewStop,
): Pick<Timeline, 'stops' | 'at' | 'keptBytes'> => withStops(timeline, [stop]);

/** The same with several, of which the last comes on screen. */
export const withStops = (
  { history, stops }: Pick<Timeline, 'history' | 'stops'>,
  added: readonly NewStop[],
): Pick<Timeline, 'stops' | 'at' | 'keptBytes'> => {
  const from = (stops.at(-1)?.number ?? 0) + 1;
  const more = added.map(({ capture, ...stop }, at) =>
    stopOf(history, history.add(capture), { ...stop, number: from + at }),
  );
  return { stops: [...stops, ...more], at: stops.length + more.length - 1, keptBytes: history.keptBytes };
};

/** The newest stop with the bytes of the instruction that is next there. */
export const withCode = (
  { history, stops }: Pick<Timeline, 'history' | 'stops'>,
  code: Uint8Array | null,
): Pick<Timeline, 'stops'> => {
  const last = stops.at(-1);
  return last === undefined
    ? { stops }
    : { stops: [...stops.slice(0, -1), stopOf(history, last.kept, { ...last, code })] };
};

/** One stop more behind instructions; `code` is of the one that was executed, null where it was not one alone or is not known. */
export const withStep = (
  { history, stops }: Pick<Timeline, 'history' | 'stops'>,
  code: Uint8Array | null,
  stop: NewStop,
): Pick<Timeline, 'stops' | 'at' | 'keptBytes'> => {
  const isSaid = code !== null || (stops.at(-1)?.code ?? null) !== null;
  return withStop({ history, stops: isSaid ? withCode({ history, stops }, code).stops : stops }, stop);
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

export const createTimelineSlice: Slice<TimelineSlice> = ({ getState: get, put }) => ({
  addStop: (stop) => put((state) => withStop(state, stop)),
  goToStop(wanted) {
    const { stops, at } = get();
    const next = Math.max(0, Math.min(stops.length - 1, wanted));
    // Scrubbing asks for the same stop many times: nothing is to be drawn anew for that.
    if (next !== at || get().editor !== null) put({ at: next, editor: null });
  },
  closeOverwritten: () => put({ overwritten: null }),
  closeReset: (resetClosed) => put({ resetClosed }),
});
