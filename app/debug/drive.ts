import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { StepsMade, Target } from './target.ts';

/** So many single instructions, and the vCPU runs on as it did before. Fewer where an end comes first, which is said. */
export const driveSteps = async (target: Target, count: number): Promise<Answer<StepsMade>> => {
  const { runControl, identity } = target;
  if (runControl === undefined) return refuse('no-program', `a ${identity.kind} target cannot be stepped`);
  const wasFrozen = target.frozen;
  const frozen = wasFrozen ? answer(null) : await target.freeze();
  if (!frozen.ok) return frozen;
  const stops: GeneralRegisters[] = [];
  let made: StepsMade = { stops, ended: 'done', interruptsBlocked: true };
  try {
    while (stops.length < count && made.ended === 'done') {
      const more = await runControl.step(Math.min(count - stops.length, runControl.mostStepsAtOnce));
      if (!more.ok) return more;
      stops.push(...more.value.stops);
      made = { ...more.value, stops };
    }
    return answer(made);
  } finally {
    if (!wasFrozen && target.frozen) await target.resume();
  }
};

/** How long one request waits: shorter than the helper's answer is waited for. */
const WAIT_AT_ONCE_MS = 1_000;

/** Runs until an instruction at one of the addresses is next, and gives the state there; null: it was over before that. */
export const driveToBreakpoint = async (
  target: Target,
  breakpoints: readonly bigint[],
  isOver: () => boolean,
): Promise<Answer<Capture | null>> => {
  const { runControl, identity } = target;
  if (runControl === undefined) return refuse('no-program', `a ${identity.kind} target cannot be driven`);
  const wasFrozen = target.frozen;
  const frozen = wasFrozen ? answer(null) : await target.freeze();
  if (!frozen.ok) return frozen;
  try {
    while (!isOver()) {
      const run = await runControl.runTo(breakpoints, WAIT_AT_ONCE_MS);
      if (!run.ok) return run;
      if (run.value.ended === 'done') return await target.capture();
    }
    return answer(null);
  } finally {
    if (!wasFrozen && target.frozen) await target.resume();
  }
};
