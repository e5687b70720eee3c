import { CAUSE_WORDS, stopWords } from '../../../app/session/stop.ts';
import type { Stop } from '../state/timeline.ts';

/** What brought a stop about, in words. */
export const causeWords = (stop: Stop): string => CAUSE_WORDS[stop.cause];

/** What the user calls a stop, or what brought it about. */
export const stopName = (stop: Stop, labels: ReadonlyMap<number, string>): string =>
  labels.get(stop.number) ?? CAUSE_WORDS[stop.cause];

/** "stop 3, edits written". */
export const stopTitle = ({ number, cause }: Stop, labels: ReadonlyMap<number, string>): string =>
  stopWords({ number, cause, label: labels.get(number) ?? null });
