import type { Capture } from '../../../app/capture/capture.ts';
import type { ConditionChoice } from '../../../app/session/run-until.ts';

/** As typed: so many steps, or a condition that is looked at after each. */
export interface ExactRun {
  readonly steps: string;
  readonly condition: string;
}

/** `sampled`: by looking from time to time; of a model after each step. */
export type RunWay = 'steps' | 'until' | 'sampled';

export interface RunUntilSlice {
  /** Which of the dialog's ways to run is chosen. */
  readonly runWay: RunWay;
  readonly exactRun: ExactRun;
  chooseExactRun(way: RunWay, part: Partial<ExactRun>): void;
  /** Makes the steps, or runs until the condition holds, as it is chosen. */
  startExactRun(): Promise<void>;
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
