import type { State } from '../state/state.ts';
import { conditionProblem, driveRefusal } from './drive-slice.ts';
import { runUntilRefusal } from './run-until.ts';

const MOST_STEPS = 10_000;

/** Why these are no steps that can be made; null: they are. */
export const stepsProblem = (text: string): string | null => {
  const count = /^\d{1,5}$/.test(text.trim()) ? Number(text) : 0;
  return count < 1 || count > MOST_STEPS ? `a number from 1 to ${MOST_STEPS}` : null;
};

/** Why the run that misses nothing cannot be begun as it is chosen; null: it can. */
export const exactRunRefusal = (state: State): string | null => {
  const { session, runWay, exactRun } = state;
  const refused = session?.kind === 'live' ? driveRefusal(state) : runUntilRefusal(state);
  return refused ?? (runWay === 'steps' ? stepsProblem(exactRun.steps) : conditionProblem(exactRun.condition, state));
};
