import type { ModelPosition, Refusal, SessionId } from '../../../app/bridge.ts';
import type { Outcome, RunState } from '../../../app/debug/run-state.ts';
import type { Comparison } from './compare.ts';
import type { Edits } from './edits.ts';
import type { LastRun, ModelEventAt } from './model.ts';
import type { SaveDone, SavedAbout } from './saved-session.ts';
import type { Session } from './target.ts';
import type { Timeline } from './timeline.ts';

/** What becomes of what was written when a target is left. */
export type LeaveHow = 'keep' | 'restore' | 'without-general';

/** Several vCPUs of one target at once. */
export interface VcpusSlice {
  /** Shows another vCPU, attached to if it is not yet. The one that is left stays attached, with everything staged in it. */
  switchVcpu(vcpu: number): Promise<void>;
  /** Attaches to another vCPU, and leaves the one on screen there. True: it is attached. */
  attachBeside(vcpu: number): Promise<boolean>;
  /**
   * Leaves every vCPU of the target. One that cannot be left stays open, and is named. `keep`: what was written stays.
   * `without-general`: all goes back but the general registers, which the guest has moved on.
   */
  detach(how: LeaveHow): Promise<void>;
  freezeAll(): Promise<void>;
  resumeAll(): Promise<void>;
}

/** What belongs to one vCPU alone. The tab, the selection and how values are shown belong to the window. */
export interface VcpuState extends Timeline, Edits, Comparison {
  /** null: of the state that stands where no vCPU is open. */
  readonly session: Session | null;
  /** The last refusal, shown in the centre until it is closed or the next act succeeds. */
  readonly refusal: Refusal | null;
  /** Of a session that was opened from a file; null: it was not. */
  readonly saved: SavedAbout | null;
  readonly saveDone: SaveDone | null;
  readonly modelEvents: readonly ModelEventAt[];
  /** Where the program of a model stands; null: it is no model. */
  readonly position: ModelPosition | null;
  /** null: no run was made to its end. */
  readonly lastRun: LastRun | null;
  readonly run: RunState;
  /** What it ran for last; said until it runs for something else, or until it is closed. Null: there is nothing to say. */
  readonly outcome: Outcome | null;
  /** The guest has run since it was attached to: its general registers are its own progress since. */
  readonly hasRun: boolean;
}

export type OpenVcpu = VcpuState & { readonly session: Session };

/** Every vCPU that is open, by the id of its session. */
export interface Vcpus {
  readonly vcpus: ReadonlyMap<SessionId, OpenVcpu>;
  /** The one on screen; null: none is open. */
  readonly current: SessionId | null;
  /** Where none is open: a refusal is all that it holds. */
  readonly nothingOpen: VcpuState;
}
