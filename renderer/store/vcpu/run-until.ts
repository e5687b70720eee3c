import { busyRefusal, NOT_ATTACHED, TARGET_ENDED } from '../base/availability.ts';
import { hasEnded, hasHalted, isRunning, isWaiting } from '../select/run.ts';
import type { State } from '../state/state.ts';

/** How often a vCPU that runs is read while a condition is waited for. */
export const WATCH_HZ = 30;

/** Why no run can be started now; null: it can. */
export const runUntilRefusal = (state: State): string | null => {
  const { session, busy } = state;
  if (session === null) return NOT_ATTACHED;
  if (session.kind === 'file') return 'a file does not run';
  if (hasEnded(state)) return TARGET_ENDED;
  if (hasHalted(state)) return 'the program has halted';
  if (isWaiting(state)) return 'a condition is waited for already: stop that first';
  if (session.kind === 'model' && isRunning(state)) return 'the program is running';
  return busyRefusal(busy);
};
