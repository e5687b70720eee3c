import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { type Breakpoint, RECORD } from '../wire/run.ts';
import { type Driven, driveAct, type LoadDecoder } from './drive-act.ts';
import type { DriveAct } from './drive-words.ts';
import { guardedRunControl } from './guarded-run-control.ts';
import { createCodeReader } from './next-code.ts';
import { isStopped } from './run-state.ts';
import type { RunControl, StepsMade, Target } from './target.ts';
import type { Until } from './until.ts';

/** Drives a vCPU that stands still meanwhile, and lets it run on where it ran before, whatever came of it. */
const driven = async <T>(
  target: Target,
  word: 'stepped' | 'driven',
  work: (control: RunControl) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  const { runControl, identity } = target;
  if (runControl === null) return refuse('no-program', `a ${identity.kind} target cannot be ${word}`);
  const wasFrozen = isStopped(target);
  const frozen = wasFrozen ? answer(null) : await target.freeze();
  if (!frozen.ok) return frozen;
  try {
    return await work(guardedRunControl(target, runControl));
  } finally {
    if (!wasFrozen && isStopped(target)) await target.resume();
  }
};

/** So many single instructions. Fewer where an end comes first, which is said. */
export const driveSteps = (target: Target, count: number): Promise<Answer<StepsMade>> =>
  driven(target, 'stepped', async (control) => {
    const stops: GeneralRegisters[] = [];
    let made: StepsMade = { stops, ended: 'done', interruptsBlocked: true };
    while (stops.length < count && made.ended === 'done') {
      const more = await control.step(Math.min(count - stops.length, control.mostStepsAtOnce));
      if (!more.ok) return more;
      stops.push(...more.value.stops);
      const { ended, interruptsBlocked, unguarded = null } = more.value;
      made = { ended, interruptsBlocked, stops, unguarded: made.unguarded ?? unguarded };
    }
    return answer(made);
  });

export interface AlongMade {
  /** After each of them that ended. */
  readonly stops: readonly GeneralRegisters[];
  readonly last: Driven;
}

/** So many steps over a call or a repeated instruction, or out of a function, part after part. */
export const driveAlong = (
  target: Target,
  way: 'over' | 'out',
  count: number,
  { decoder, isOver }: { readonly decoder: LoadDecoder; readonly isOver: () => boolean },
): Promise<Answer<AlongMade>> =>
  driven(target, 'stepped', async () => {
    const first: DriveAct = { kind: way, breakpoints: [] };
    const stops: GeneralRegisters[] = [];
    for (let act: DriveAct = first; ; ) {
      const part = await driveAct(target, act, decoder);
      if (!part.ok) return part;
      const { why, then, capture } = part.value;
      if (why === 'done' && capture.facts.general !== null) stops.push(capture.facts.general);
      const isLast = why === 'done' ? stops.length >= count : why !== 'more' || isOver();
      if (isLast) return answer({ stops, last: part.value });
      act = why === 'done' ? first : (then ?? act);
    }
  });

/** For a breakpoint as long as it takes, or until it is over. */
const AS_LONG_AS_IT_TAKES = 0;

export interface BreakOptions {
  /** Asked now and then. */
  readonly isOver: () => boolean;
  /** Hits at which this does not hold are passed. */
  readonly when?: Until | null;
  /** So many hits are passed before the one that counts. */
  readonly skip?: number;
  /** Told why one of them may never be hit. */
  readonly onDoubt?: (why: string) => void;
}

export interface BreakpointHit {
  readonly capture: Capture;
  /** Which breakpoints, by their place in the list. */
  readonly hit: readonly number[];
  /** Hits of each of them, those passed too. */
  readonly counts: readonly number[];
}

/** Runs until a breakpoint is hit, and gives the state there; null: it was over before that. */
export const driveToBreakpoint = (
  target: Target,
  breakpoints: readonly Breakpoint[],
  { isOver, when = null, skip = 0, onDoubt = () => undefined }: BreakOptions,
): Promise<Answer<BreakpointHit | null>> =>
  driven(target, 'driven', async (control) => {
    const counts = breakpoints.map(() => 0);
    let left = skip;
    let before: Capture | null = null;
    while (!isOver()) {
      const run = await control.runTo(breakpoints, AS_LONG_AS_IT_TAKES, { isOver });
      if (!run.ok) return run;
      if (run.value.doubt !== undefined) onDoubt(run.value.doubt);
      if (run.value.ended !== 'done') continue;
      for (const at of run.value.hit) counts[at] = (counts[at] ?? 0) + 1;
      const there = when !== null || left === 0 ? await target.capture() : null;
      if (there !== null && !there.ok) return there;
      const counted = when === null || (there !== null && when.holds(before ?? there.value, there.value));
      before = there?.value ?? before;
      if (!counted) continue;
      if (left === 0 && there !== null) return answer({ capture: there.value, hit: run.value.hit, counts });
      left -= 1;
    }
    return answer(null);
  });

const beforeOf = (until: Until | null) => (until?.before === undefined ? {} : { before: until.before });

export interface RunOptions {
  /** At most so many instructions. */
  readonly most: number;
  /** Asked now and then. */
  readonly isOver: () => boolean;
  /** Told now and then how many instructions are made. */
  readonly onProgress?: (made: number) => void;
}

export interface RunMade {
  /** Instructions. */
  readonly made: number;
  /** holds: the condition. most: so many instructions as were asked for. over: stopped from outside. */
  readonly why: 'holds' | 'most' | 'over' | 'halted' | 'busy';
  /** The state at the end. */
  readonly capture: Capture;
  readonly interruptsBlocked: boolean;
  /** Why what stores RFLAGS was stepped like all else, and has stored TF; null: it was not. */
  readonly unguarded: string | null;
  /** How many times the helper was asked: few where the chain itself decides, one for each step where it cannot. */
  readonly requests: number;
}

/** Instruction by instruction until the condition holds, and the state there. */
export const driveUntil = (
  target: Target,
  until: Until,
  { most, isOver, onProgress = () => undefined }: RunOptions,
): Promise<Answer<RunMade>> =>
  driven(target, 'driven', async (control) => {
    const first = await target.capture();
    if (!first.ok) return first;
    let now = first.value;
    let made = 0;
    let interruptsBlocked = true;
    let unguarded: string | null = null;
    for (let requests = 1; ; requests += 1) {
      const lookups = until.lookups(now);
      const count = lookups === null ? 1 : Math.min(most - made, control.mostStepsAtOnce);
      // Where it looks at general registers alone, nothing else is read on the way.
      const keepState = lookups === null || lookups.some(({ offset }) => offset >= RECORD.sregs);
      const options = { keepState, keepLast: true, lookups: lookups ?? [], isOver, ...beforeOf(until) };
      const steps = await control.step(count, options);
      if (!steps.ok) return steps;
      const { captures, stops, ended, holds } = steps.value;
      made += steps.value.made;
      interruptsBlocked = steps.value.interruptsBlocked;
      unguarded ??= steps.value.unguarded ?? null;
      const before = now;
      const isLast = holds || ended !== 'done' || made >= most || isOver();
      const there = !keepState && isLast ? await target.capture() : null;
      if (there !== null && !there.ok) return there;
      const general = stops.at(-1) ?? now.facts.general;
      now = there?.value ?? captures.at(-1) ?? { ...now, facts: { ...now.facts, general } };
      onProgress(made);
      const end = (why: RunMade['why']) => answer({ made, why, capture: now, interruptsBlocked, unguarded, requests });
      if (steps.value.made > 0 && (until.holds(before, now) || (holds && until.before !== undefined)))
        return end('holds');
      if (ended !== 'done') return end(ended);
      if (made >= most) return end('most');
      if (isLast && !holds) return end('over');
    }
  });

export interface TraceOptions extends RunOptions {
  /** Ends the trace, where there is one. */
  readonly until?: Until | null;
  /** The state before the first step, then that after each, in order; with the bytes of the instruction that is next there. */
  readonly onState: (capture: Capture, code: Uint8Array | null) => void;
}

/** The whole state after each instruction. */
export const driveTrace = (
  target: Target,
  count: number,
  { isOver, until = null, onState, onProgress = () => undefined }: TraceOptions,
): Promise<Answer<RunMade>> =>
  driven(target, 'driven', async (control) => {
    const first = await target.capture();
    if (!first.ok) return first;
    const reader = createCodeReader(target);
    const [firstCode] = await reader.codeOf([first.value]);
    onState(first.value, firstCode ?? null);
    let now = first.value;
    let made = 0;
    let interruptsBlocked = true;
    let unguarded: string | null = null;
    let isThere = true;
    for (let requests = 1; ; requests += 1) {
      const lookups = until === null ? [] : until.lookups(now);
      const wanted = lookups === null ? 1 : Math.min(count - made, control.mostStepsAtOnce);
      const options = { keepState: true, lookups: lookups ?? [], isOver, ...beforeOf(until) };
      const steps = await control.step(wanted, isThere ? { ...options, now } : options);
      if (!steps.ok) return steps;
      interruptsBlocked = steps.value.interruptsBlocked;
      unguarded ??= steps.value.unguarded ?? null;
      made += steps.value.made;
      // What interrupts the VMM delivered meanwhile is in the state after a step alone.
      isThere = steps.value.captures.length > 0;
      let before = now;
      const codes = await reader.codeOf(steps.value.captures);
      for (const [at, capture] of steps.value.captures.entries()) {
        before = now;
        now = capture;
        onState(capture, codes[at] ?? null);
      }
      onProgress(made);
      const end = (why: RunMade['why']) => answer({ made, why, capture: now, interruptsBlocked, unguarded, requests });
      const isBefore = until?.before !== undefined && steps.value.holds;
      if (until !== null && steps.value.made > 0 && (isBefore || until.holds(before, now))) return end('holds');
      if (steps.value.ended !== 'done') return end(steps.value.ended);
      if (made >= count) return end('most');
      if (isOver()) return end('over');
    }
  });
