import type { WritesSoFar } from './writes-so-far.ts';

/**
 * The general registers that a restore of everything takes: of the state found at attach those that hold what was written;
 * of any other those that were ever written, for it may hold what was written though they have gone back since. The others
 * are the guest's own progress.
 */
export const generalToRestore = (
  { standingGeneral, everGeneral }: Pick<WritesSoFar, 'standingGeneral' | 'everGeneral'>,
  toAttach: boolean,
): readonly string[] => (toAttach ? standingGeneral : everGeneral);
