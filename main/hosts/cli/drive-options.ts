import type { Answer } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { parseCount } from '../../../app/value/number.ts';
import { wrongUsage } from './usage.ts';

/** What the verbs that drive a guest share. */

export const DRIVE_VERB_NAMES = ['step', 'break', 'run', 'trace'] as const;
export type DriveVerb = (typeof DRIVE_VERB_NAMES)[number];

/** Options of the verbs that drive a guest, as typed. */
export interface DriveOptions {
  readonly json: boolean;
  readonly wait?: string | undefined;
  readonly out?: string | undefined;
  readonly when?: string | undefined;
  readonly skip?: string | undefined;
  readonly steps?: string | undefined;
  readonly until?: string | undefined;
  readonly check?: boolean;
  readonly over?: boolean;
  readonly 'all-stop'?: boolean;
  readonly 'any-vcpu'?: boolean;
}

const MOST_SECONDS = 86_400;
const DEFAULT_SECONDS = '10';

export const wrong = (verb: DriveVerb, what: string): Answer<never> => wrongUsage(what, verb);

/** --wait in seconds, a day at most. */
export const secondsOf = (verb: DriveVerb, wait = DEFAULT_SECONDS): Answer<number> => {
  const seconds = parseCount(wait, MOST_SECONDS);
  return seconds === null || seconds === 0
    ? wrong(verb, `--wait is a number of seconds from 1 to ${MOST_SECONDS}, not ${wait}`)
    : answer(seconds);
};
