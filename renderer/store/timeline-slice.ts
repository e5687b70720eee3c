import type { Assignment, RestoreScope } from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';
import { createHistory, type History, type Kept } from '../../app/session/history.ts';
import { BIT } from '../../app/xsave/components.ts';
import { NO_COMPARE } from './compare-slice.ts';
import type { Slice, State } from './state.ts';

/** What was written to bring a stop about: what was asked, and over which stop. */
export type Write =
  | {
      readonly kind: 'apply';
      readonly assignments: readonly Assignment[];
      readonly over: number;
      readonly writtenBytes: number;
    }
  | { readonly kind: 'restore'; readonly scope: RestoreScope; readonly over: number; readonly writtenBytes: number }
  /** A write taken back, or written again. */
  | { readonly kind: 'undo' | 'redo'; readonly over: number; readonly writtenBytes: number };

export interface Stop {
  /** Counted from 1 at attach; never reused within a session. */
  readonly number: number;
  /** Put together from the pieces that stops share; the same object for as long as it is shown. */
  readonly capture: Capture;
  /** Components whose value differs from the former stop. */
  readonly changed: ReadonlySet<number>;
  /** XCR0 or an MSR differs from the former stop. */
  readonly changedOutside: boolean;
  readonly cause: 'attach' | 'file' | 'capture' | 'freeze' | 'apply' | 'restore' | 'undo' | 'redo' | 'step';
  readonly write: Write | null;
}

export interface TimelineSlice {
  readonly stops: readonly Stop[];
  /** Index of the stop on screen; the newest is the only one that can be edited. */
  readonly at: number;
  /** Bytes of image that all stops take together, shared ones counted once. */
  readonly keptBytes: number;
  addStop(stop: Omit<Stop, 'number' | 'changed' | 'changedOutside'>): void;
  goToStop(at: number): void;
  emptyTimeline(): Partial<State>;
  freshSession(capture: Capture, cause: 'attach' | 'file'): Partial<State>;
}

const stopOf = (
  history: History,
  kept: Kept,
  { number, cause, write }: Pick<Stop, 'number' | 'cause' | 'write'>,
): Stop => ({
  number,
  cause,
  write,
  changed: new Set(kept.changed),
  changedOutside: kept.changedOutside,
  get capture() {
    return history.captureOf(kept);
  },
});

export const createTimelineSlice: Slice<TimelineSlice> = (set, get) => {
  let history = createHistory();
  return {
    keptBytes: 0,
    stops: [],
    at: -1,
    addStop: (stop) =>
      set((state) => {
        const kept = history.add(stop.capture);
        const { cause, write } = stop;
        const number = (state.stops.at(-1)?.number ?? 0) + 1;
        return {
          stops: [...state.stops, stopOf(history, kept, { number, cause, write })],
          at: state.stops.length,
          keptBytes: history.keptBytes,
        };
      }),
    goToStop: (at) => set((state) => ({ at: Math.max(0, Math.min(state.stops.length - 1, at)), editor: null })),
    emptyTimeline: () => {
      history = createHistory();
      return { stops: [], at: -1, keptBytes: 0, ...NO_COMPARE };
    },
    freshSession: (capture, cause) => {
      history = createHistory();
      const kept = history.add(capture);
      return {
        stops: [stopOf(history, kept, { number: 1, cause, write: null })],
        at: 0,
        keptBytes: history.keptBytes,
        ...NO_COMPARE,
        ...get().emptyEdits(),
        selection: { kind: 'component', bit: BIT.SSE },
      };
    },
  };
};
