import type { Answer } from '../../../app/bridge.ts';
import { answer, refuse } from '../../../app/refusals/refusal.ts';
import { parseCount } from '../../../app/value/number.ts';
import type { VcpuChoice } from './choices.ts';

/** The words of `tilescope step`. */

export interface StepCommand {
  readonly verb: 'step';
  readonly vcpu: VcpuChoice;
  readonly count: number;
  readonly json: boolean;
}

const MOST_STEPS = 100_000;

export const stepCommand = (vcpu: VcpuChoice, json: boolean, words: readonly string[]): Answer<StepCommand> => {
  const [word = '1'] = words;
  const count = words.length > 1 ? null : parseCount(word, MOST_STEPS);
  if (count === null || count === 0) {
    return refuse('usage', `step takes one number from 1 to ${MOST_STEPS}, got ${words.join(' ')}`, {
      remedy: 'tilescope step --help shows how it is used',
    });
  }
  return answer({ verb: 'step', vcpu, count, json });
};
