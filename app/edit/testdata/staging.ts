import { describeProblem } from '../../bits/decoded.ts';
import type { Capture } from '../../capture/capture.ts';
import { type StagedWrite, stageAssignments } from '../assign.ts';
import type { Assignment } from '../assignment.ts';

/** "zmm3=0x7 mxcsr=0x1f80": assignments divided by spaces. */
const assignments = (text: string): readonly Assignment[] =>
  text.split(' ').map((one) => ({ path: one.slice(0, one.indexOf('=')), value: one.slice(one.indexOf('=') + 1) }));

/** The write of assignments that can be staged. */
export const stage = (capture: Capture, text: string): StagedWrite => {
  const staged = stageAssignments(capture, assignments(text));
  if (!staged.ok) throw new Error(describeProblem(staged.problem));
  return staged.value;
};

/** Why they cannot be staged, or 'staged'. */
export const refusal = (capture: Capture, text: string): string => {
  const staged = stageAssignments(capture, assignments(text));
  return staged.ok ? 'staged' : describeProblem(staged.problem);
};
