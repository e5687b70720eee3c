import type { Assignment, RestoreScope } from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';
import { BIT } from '../../app/xsave/components.ts';
import type { Slice, State } from './state.ts';

/** What was written to bring a stop about: what was asked, and over which stop. */
export type Write =
  | {
      readonly kind: 'apply';
      readonly assignments: readonly Assignment[];
      readonly over: number;
      readonly writtenBytes: number;
    }
  | { readonly kind: 'restore'; readonly scope: RestoreScope; readonly over: number; readonly writtenBytes: number };

export interface Stop {
  /** Counted from 1 at attach; never reused within a session. */
  readonly number: number;
  readonly capture: Capture;
  readonly cause: 'attach' | 'file' | 'capture' | 'freeze' | 'apply' | 'restore';
  readonly write: Write | null;
}

export interface TimelineSlice {
  readonly stops: readonly Stop[];
  /** Index of the stop on screen; the newest is the only one that can be edited. */
  readonly at: number;
  addStop(stop: Omit<Stop, 'number'>): void;
  goToStop(at: number): void;
  emptyTimeline(): Partial<State>;
  freshSession(capture: Capture, cause: 'attach' | 'file'): Partial<State>;
}

export const createTimelineSlice: Slice<TimelineSlice> = (set, get) => ({
  stops: [],
  at: -1,
  addStop: (stop) =>
    set((state) => ({
      stops: [...state.stops, { ...stop, number: (state.stops.at(-1)?.number ?? 0) + 1 }],
      at: state.stops.length,
    })),
  goToStop: (at) => set((state) => ({ at: Math.max(0, Math.min(state.stops.length - 1, at)), editor: null })),
  emptyTimeline: () => ({ stops: [], at: -1 }),
  freshSession: (capture, cause) => ({
    stops: [{ number: 1, capture, cause, write: null }],
    at: 0,
    ...get().emptyEdits(),
    selection: { kind: 'component', bit: BIT.SSE },
  }),
});
