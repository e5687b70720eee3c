import { describeProblem } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { firstRefusal, type PreflightStep, preflight } from '../xsave/preflight.ts';
import { captureAfter, stageAssignments } from './assign.ts';
import type { Assignment } from './assignment.ts';

/** Why a list of edits would not be written, and which of them is the cause. */
export interface RefusedEdit {
  /** The index of the edit; null: what was read is refused without any edit too. */
  readonly at: number | null;
  /** One sentence without a full stop. */
  readonly sentence: string;
  /** The step that refuses; null where the edits together cannot even be staged. */
  readonly step: PreflightStep | null;
}

interface Verdict {
  readonly id: string;
  readonly sentence: string;
  readonly step: PreflightStep | null;
}

const UNSTAGED = 'cannot be staged';

const verdictOf = (capture: Capture, assignments: readonly Assignment[]): Verdict | null => {
  const write = stageAssignments(capture, assignments);
  if (!write.ok) return { id: UNSTAGED, sentence: describeProblem(write.problem), step: null };
  const after = captureAfter(capture, write.value);
  const step = firstRefusal(preflight(after.image, after.facts));
  return step === null ? null : { id: step.id, sentence: step.sentence, step };
};

/** To leave out each edit in turn is to stage all the others each time; of more edits than these that takes minutes. */
const MOST_LEFT_OUT = 64;

/**
 * How many of the first edits it takes until the refusal that stands at the end is there, found from the end by halving;
 * 0: it is there without any.
 */
const neededEdits = (count: number, isRefused: (count: number) => boolean): number => {
  let [refused, step] = [count, 1];
  while (refused > 0 && isRefused(Math.max(0, refused - step))) {
    refused = Math.max(0, refused - step);
    step *= 2;
  }
  let not = Math.max(-1, refused - step);
  while (refused - not > 1) {
    const middle = (refused + not) >> 1;
    if (isRefused(middle)) refused = middle;
    else not = middle;
  }
  return refused;
};

/**
 * The edit that the first refusal is about: without it that refusal is gone. Where several are (they are refused only
 * together) it is the last of them; where none is (more than one is refused alone) the first that brings it about. Null:
 * nothing is refused.
 */
export const refusedEdit = (capture: Capture, assignments: readonly Assignment[]): RefusedEdit | null => {
  const verdict = verdictOf(capture, assignments);
  if (verdict === null) return null;
  const { sentence, step } = verdict;
  const goneWithout = (at: number): boolean => {
    const id = verdictOf(capture, [...assignments.slice(0, at), ...assignments.slice(at + 1)])?.id;
    // An edit that others stand on cannot be left out: that they fail without it says nothing of it.
    return id !== verdict.id && id !== UNSTAGED;
  };
  if (assignments.length > MOST_LEFT_OUT) {
    const needed = neededEdits(
      assignments.length,
      (count) => verdictOf(capture, assignments.slice(0, count))?.id === verdict.id,
    );
    return { at: needed === 0 ? null : needed - 1, sentence, step };
  }
  const indexes = assignments.map((_, at) => at);
  const cause =
    indexes.findLast(goneWithout) ??
    (verdictOf(capture, [])?.id === verdict.id
      ? undefined
      : indexes.find((at) => verdictOf(capture, assignments.slice(0, at + 1))?.id === verdict.id));
  return { at: cause ?? null, sentence, step };
};
