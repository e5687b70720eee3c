import type { Capture } from '../../../app/capture/capture.ts';
import type { History, Kept } from '../../../app/session/history.ts';
import type { StopCause, Write } from '../../../app/session/stop.ts';

export interface Stop {
  /** Counted from 1 at attach; never reused within a session. */
  readonly number: number;
  /** Put together from the pieces that stops share; the same object for as long as it is shown. */
  readonly capture: Capture;
  /** The same as the history keeps it. */
  readonly kept: Kept;
  /** Components whose value differs from the previous stop. */
  readonly changed: ReadonlySet<number>;
  /** XCR0 or an MSR differs from the previous stop. */
  readonly changedOutside: boolean;
  /** Milliseconds since 1970; 0: not known. */
  readonly takenAtMs: number;
  readonly cause: StopCause;
  readonly write: Write | null;
  /** The bytes of the instruction that is next, where a step that follows made it alone; null: not known. */
  readonly code: Uint8Array | null;
}

/** A capture that becomes a stop, and what brought it about. */
export interface NewStop {
  readonly capture: Capture;
  readonly cause: StopCause;
  readonly write: Write | null;
  readonly code?: Uint8Array | null;
}

/** What the VMM put back over a write, as it was read after the vCPU had run on. */
export interface Overwritten {
  /** Components and registers, as shown. */
  readonly parts: readonly string[];
  /** Number of the stop that shows it. */
  readonly stop: number;
}

/** What a watched place of memory held at a stop. */
export interface MemoryAtStop {
  /** Null: it was not read. */
  readonly bytes: Uint8Array | null;
  readonly text: string | null;
  /** Where it lay, as an edit names it; null: not known. */
  readonly path: string | null;
  readonly why: string | null;
}

/** By the number of the stop, then by the path that is watched. */
export type WatchedMemory = ReadonlyMap<number, ReadonlyMap<string, MemoryAtStop>>;

/** The stops of one vCPU. */
export interface Timeline {
  /** Where the bytes of the stops are. */
  readonly history: History;
  readonly stops: readonly Stop[];
  /** Index of the stop on screen; the newest is the only one that can be edited. */
  readonly at: number;
  /** Bytes of image that all stops take together, shared ones counted once. */
  readonly keptBytes: number;
  readonly overwritten: Overwritten | null;
  readonly memoryAt: WatchedMemory;
  /** Number of the stop that showed a reset of the guest, once the user has read of it; 0: none. */
  readonly resetClosed: number;
}

export interface TimelineSlice {
  addStop(stop: NewStop): void;
  goToStop(at: number): void;
  closeOverwritten(): void;
  closeReset(stop: number): void;
}
