import type { Capture } from '../capture/capture.ts';
import type { Assignment } from '../edit/assignment.ts';
import type { Kept } from './history.ts';
import type { ModelEvent } from './model-event.ts';
import type { StopCause, Write } from './stop.ts';

export const SESSION_FORMAT = 'tilescope-session';
/** Of the session file; a greater one is refused. */
export const SESSION_VERSION = 1;

/** A stop as it goes into a file and comes out of it. */
export interface SavedStop {
  /** Counted from 1, greater than that of the stop before. */
  readonly number: number;
  readonly cause: StopCause;
  /** What the user called it. */
  readonly label: string | null;
  /** What was written to bring it about; `over` is the place of an earlier stop in the list, from 0. */
  readonly write: Write | null;
  /** The exception that the step to it raised in the model guest; not there, or null: none. */
  readonly event?: ModelEvent | null;
  /**
   * The bytes of the instruction that is next, 15 at most. Of a trace alone: a stop that is not one instruction behind the one
   * before, and no first one, has none. Not there, or null: not known.
   */
  readonly code?: Uint8Array | null;
  /** May be put together anew each time that it is asked for. */
  readonly capture: Capture;
  /** As a history keeps it, of the same capture: where it is there, saving need not put the capture together. */
  readonly kept?: Kept;
}

/** Where a page had the vCPU stop. */
export interface SavedBreakpoint {
  /** Linear, hex. */
  readonly address: string;
  readonly on: 'execute' | 'write' | 'access';
  /** 1, 2, 4 or 8. */
  readonly bytes: number;
  readonly enabled: boolean;
  /** "rax == 5": where this does not hold, it is passed; not there: it has no condition. */
  readonly when?: string;
  /** How often it ended a run; not there: not known. */
  readonly hits?: number;
}

export interface SavedSession {
  /** Which program saved it, for people. */
  readonly product: string;
  /** Milliseconds since 1970. */
  readonly savedAtMs: number;
  /** The number of the stop to compare with; null: none is pinned. */
  readonly pinned: number | null;
  /** Edits over the last stop that are not written yet. */
  readonly staged?: readonly Assignment[];
  readonly breakpoints?: readonly SavedBreakpoint[];
  /** At least one, in order. */
  readonly stops: readonly SavedStop[];
}
