import type { Capture } from '../../../app/capture/capture.ts';
import { stateContradictions } from '../../../app/xsave/state-rules.ts';

const sentencesOf = (capture: Capture): string[] =>
  stateContradictions(capture).flatMap(({ rule, sentence }) => (rule === 'exceptions-unmasked' ? [sentence] : []));

/**
 * For standard error: a guest with this state takes an exception at its next instruction that is inexact, which is said before
 * it does. Empty where it was so before.
 */
export const unmaskedNote = (where: string, now: Capture, before: Capture | null = null): string => {
  const known = before === null ? [] : sentencesOf(before);
  return sentencesOf(now)
    .filter((sentence) => !known.includes(sentence))
    .map((sentence) => `${where}: warning: ${sentence}\n`)
    .join('');
};
