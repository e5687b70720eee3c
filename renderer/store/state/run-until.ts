import type { Capture } from '../../../app/capture/capture.ts';
import type { ConditionChoice } from '../../../app/session/run-until.ts';

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
