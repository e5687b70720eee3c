import type { ModelEvent, SessionId } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import type { Condition, ConditionChoice } from '../../../app/session/run-until.ts';

export interface RunUntilSlice {
  /** As it stands in the dialog. */
  readonly runUntilChoice: ConditionChoice;
  /** Opens the dialog, with what is selected filled in. */
  openRunUntil(): void;
  chooseRunUntil(part: Partial<ConditionChoice>): void;
  /** Runs the vCPU until what is chosen holds. Resolves once a model's run has ended; a live vCPU's goes on. */
  startRunUntil(): Promise<void>;
  /** Waits no longer. A model stops; a live vCPU runs on. */
  stopRunUntil(): void;
  /** Takes the word about a run away that is over. */
  closeRunUntil(): void;
  endRunUntil(why: string): void;
  /** One more reading of a live vCPU. True: the condition holds, and the vCPU is being frozen. */
  watchReading(capture: Capture): boolean;
}

/** How far a run has come: readings of a live vCPU, steps of a model. */
export interface RunProgress {
  readonly readings: number;
  /** The longest time between two readings in a row, milliseconds; 0: of a model, or not known. */
  readonly longestGapMs: number;
}

/** A run that was asked for, and what has come of it. */
export type RunUntil = {
  readonly session: SessionId;
  readonly live: boolean;
  readonly condition: Condition;
  readonly progress: RunProgress;
} & (
  | { readonly phase: 'waiting' }
  | {
      readonly phase: 'held';
      /** Number of the stop at which it held. */
      readonly stop: number;
      /** Number of the stop at which a live vCPU was frozen after it; null: it is a model's, or was not frozen. */
      readonly frozenStop: number | null;
      readonly event: ModelEvent | null;
    }
  /** It never held; one sentence says why it is not waited for any longer. */
  | { readonly phase: 'ended'; readonly why: string }
);
