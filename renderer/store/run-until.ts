import type { ModelEvent, SessionId } from '../../app/bridge.ts';
import type { Condition } from '../../app/session/run-until.ts';
import { busyRefusal } from './availability.ts';
import type { State } from './state.ts';

/** How often a vCPU that runs is read while a condition is waited for. */
export const WATCH_HZ = 30;

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

export const isWaiting = ({ runUntil }: State): boolean => runUntil?.phase === 'waiting';

/** A live vCPU is being read for its condition. */
export const isWatching = (state: State): boolean =>
  isWaiting(state) &&
  state.session?.kind === 'live' &&
  state.session.id === state.runUntil?.session &&
  state.session.run === 'running';

/** The run that belongs to the vCPU on screen; null: there is none. */
export const selectRunUntil = ({ runUntil, session }: State): RunUntil | null =>
  runUntil !== null && runUntil.session === session?.id ? runUntil : null;

/** Why no run can be started now; null: it can. */
export const runUntilRefusal = (state: State): string | null => {
  const { session, busy } = state;
  if (session === null) return 'no target is attached';
  if (session.kind === 'file') return 'a file does not run';
  if (session.run === 'ended') return 'the target has ended';
  if (session.kind === 'model' && state.halted) return 'the program has halted';
  if (isWaiting(state)) return 'a condition is waited for already: stop that first';
  if (state.running) return 'the program is running';
  return busyRefusal(busy);
};
