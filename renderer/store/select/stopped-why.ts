import { errandOf } from '../../../app/debug/run-state.ts';
import type { State } from '../state/state.ts';
import { runWord } from './run.ts';

type Seen = Pick<State, 'session' | 'run' | 'outcome' | 'stops'>;

const CAUSES: Readonly<Record<string, string>> = { attach: 'at attach', step: 'after 1 step', freeze: 'by hand' };

/** Why the vCPU on screen stands still, in two or three words: "after 1 step". Null: it does not, or nothing is to be said. */
export const stoppedWhy = (state: Seen): string | null => {
  const { session, run, outcome, stops } = state;
  if (session === null || session.kind === 'file' || run.state !== 'stopped') return null;
  if (run.why === 'halted') return 'halted';
  if (outcome?.kind === 'held' && session.kind === 'model') return 'the condition holds';
  if (outcome?.kind === 'driven' && run.why !== 'freeze') return outcome.brief;
  const cause = stops.findLast(({ write }) => write === null)?.cause ?? '';
  return cause === 'attach' && session.kind === 'model' ? 'at its start' : (CAUSES[cause] ?? null);
};

/** What the vCPU on screen is driven for: "to a breakpoint". Null: it is not. */
export const drivenFor = (state: Seen): string | null => {
  const errand = errandOf(state);
  return errand?.kind === 'drive' && runWord(state) !== 'ended' ? errand.what : null;
};
