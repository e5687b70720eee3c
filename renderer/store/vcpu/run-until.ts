import { busyRefusal } from '../base/availability.ts';
import type { RunUntil } from '../state/run-until.ts';
import type { State } from '../state/state.ts';

/** How often a vCPU that runs is read while a condition is waited for. */
export const WATCH_HZ = 30;

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
