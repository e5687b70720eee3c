import type { Answer } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseCount } from '../../../app/value/number.ts';
import type { VcpuChoice } from './choices.ts';
import { type DriveOptions, secondsOf, wrong } from './drive-options.ts';

/** The words of `tilescope step`. */

export interface StepCommand {
  readonly verb: 'step';
  readonly vcpu: VcpuChoice;
  readonly count: number;
  /** each: single instructions. */
  readonly way: 'each' | 'over' | 'out';
  /** Of steps over and out. */
  readonly waitSeconds: number;
  readonly json: boolean;
}

const MOST_STEPS = 100_000;

/** @param given `out` without a word behind it, as `step` takes it */
export const stepCommand = (
  vcpu: VcpuChoice,
  { json, wait, over = false, out }: Omit<DriveOptions, 'out'> & { readonly out?: string | boolean | undefined },
  words: readonly string[],
): Answer<StepCommand> => {
  const isOut = out === true;
  if (over && isOut) return wrong('step', 'a step is over a call, or out of a function: --over or --out');
  if (isOut && words.length > 0) return wrong('step', `step --out takes no number, got ${words.join(' ')}`);
  if (wait !== undefined && !over && !isOut) return wrong('step', '--wait goes with --over or --out');
  const seconds = secondsOf('step', wait);
  if (!seconds.ok) return seconds;
  const [word = '1'] = words;
  const count = words.length > 1 ? null : parseCount(word, MOST_STEPS);
  if (count === null || count === 0) {
    return wrong('step', `step takes one number from 1 to ${MOST_STEPS}, got ${words.join(' ')}`);
  }
  const way = isOut ? 'out' : over ? 'over' : 'each';
  return answer({ verb: 'step', vcpu, count, way, waitSeconds: seconds.value, json });
};
