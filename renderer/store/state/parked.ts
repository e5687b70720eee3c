import type { Comparison } from './compare.ts';
import type { Edits } from './edits.ts';
import type { ModelEventAt } from './model.ts';
import type { SaveDone } from './saved-session.ts';
import type { Session, TargetSlice } from './target.ts';
import type { Timeline } from './timeline.ts';

/** What becomes of what was written when a target is left. */
export type LeaveHow = 'keep' | 'restore' | 'without-general';

/** Several vCPUs of one target at once. One is on screen; the others keep all they have. */
export interface ParkedSlice {
  readonly parked: Parked;
  /** Shows another vCPU, attached to if it is not yet. The one that is left stays attached, with everything staged in it. */
  switchVcpu(vcpu: number): Promise<void>;
  /** Leaves every vCPU of the target. One that cannot be left stays open, and is named. */
  /** `keep`: what was written stays. `without-general`: all goes back but the general registers, which the guest has moved on. */
  detach(how: LeaveHow): Promise<void>;
  freezeAll(): Promise<void>;
  resumeAll(): Promise<void>;
}

/** What belongs to one vCPU alone. The tab, the selection and how values are shown stay with the window. */
export interface VcpuState extends Timeline, Edits, Comparison, Pick<TargetSlice, 'session' | 'refusal'> {
  readonly saveDone: SaveDone | null;
  readonly modelEvents: readonly ModelEventAt[];
}

/** A vCPU that is attached and not on screen, as it was left. */
export type ParkedVcpu = VcpuState & { readonly session: Session };

export type Parked = ReadonlyMap<number, ParkedVcpu>;
