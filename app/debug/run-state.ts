import type { Refusal } from '../refusals/answer.ts';
import type { ModelEvent } from '../session/model-event.ts';
import type { Condition } from '../session/run-until.ts';

/** How far a run until a condition has come: readings of a live vCPU, steps of a model. */
export interface RunProgress {
  readonly readings: number;
  /** The longest time between two readings in a row, milliseconds; 0: of a model, or not known. */
  readonly longestGapMs: number;
}

/** What a vCPU runs for where somebody waits for it. */
export type Errand =
  /** A live vCPU, part after part: it stands still between two of them. most: of so many instructions; null: there is no number. */
  | { readonly kind: 'drive'; readonly what: string; readonly made: number; readonly most: number | null }
  /** A model steps by itself, to its end or to an address. */
  | { readonly kind: 'program' }
  /** Until a condition holds: a live vCPU is read again and again, a model is stepped. */
  | { readonly kind: 'until'; readonly condition: Condition; readonly progress: RunProgress };

/** What the last errand came to. */
export type Outcome =
  /** isHit: a breakpoint was hit, or the condition holds. brief: why it stands still, in two or three words. made: instructions. */
  | {
      readonly kind: 'driven';
      readonly what: string;
      readonly brief: string;
      readonly isHit: boolean;
      readonly made: number;
    }
  | {
      readonly kind: 'held';
      readonly condition: Condition;
      readonly progress: RunProgress;
      /** Number of the stop at which it held. */
      readonly stop: number;
      /** Number of the stop at which a live vCPU was frozen after it; null: it is a model's, or was not frozen. */
      readonly frozenStop: number | null;
      readonly event: ModelEvent | null;
    }
  /** It never held; one sentence says why it is not waited for any longer. */
  | { readonly kind: 'unheld'; readonly condition: Condition; readonly progress: RunProgress; readonly why: string };

/** Whether a vCPU runs. A host knows of no errand: that is its asker's. */
export type RunState =
  | { readonly state: 'running'; readonly errand: Errand | null }
  /**
   * `freeze`: as it was asked to; `driven`: a step or a run ended there; `still`: a model or a file, which runs by no clock;
   * `halted`: a model whose program has ended.
   */
  | { readonly state: 'stopped'; readonly why: 'freeze' | 'driven' | 'still' | 'halted' }
  | { readonly state: 'ended'; readonly why: Refusal };

type Stopped = Extract<RunState, { state: 'stopped' }>;

export const RUNNING: RunState = { state: 'running', errand: null };
export const FROZEN: Stopped = { state: 'stopped', why: 'freeze' };
export const DRIVEN: Stopped = { state: 'stopped', why: 'driven' };
export const STANDS_STILL: Stopped = { state: 'stopped', why: 'still' };
export const HALTED: Stopped = { state: 'stopped', why: 'halted' };

export const isStopped = ({ run }: { readonly run: RunState }): boolean => run.state === 'stopped';

/** What it runs for; null: it does not run, or for nothing that is waited for. */
export const errandOf = ({ run }: { readonly run: RunState }): Errand | null =>
  run.state === 'running' ? run.errand : null;
