import type { Capture } from '../capture/capture.ts';
import type { InstructionDecoder } from '../disas/instruction.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { Breakpoint } from '../wire/run.ts';
import type { DriveAct, DrivenBreakpoint } from './drive-words.ts';
import { guardedRunControl } from './guarded-run-control.ts';
import { memoryOf } from './memory-of.ts';
import { createCodeReader } from './next-code.ts';
import { notKnown, type Passage, passageOf, type ReturnBy, runPassage } from './passage.ts';
import { isStopped } from './run-state.ts';
import type { RunControl, StepsMade, Target } from './target.ts';
import { parseUntil, parseWhen } from './until.ts';
import { handlerOf, vectorNamed } from './vectors.ts';

/** One part of a drive whose end is the asker's: the vCPU stands still before it and after it. */

/** Loaded where an instruction has to be decoded. */
export type LoadDecoder = () => Promise<InstructionDecoder>;

/** What became of it. */
export interface Driven {
  /** Instructions that ended; of a run to a breakpoint they are not counted. */
  readonly made: number;
  /**
   * done: as many as were asked for. holds, hit: the condition, a breakpoint. more: not yet, ask again. halted: the guest waits for
   * an interrupt. busy: the VMM had more exits to answer than are waited for.
   */
  readonly why: 'done' | 'holds' | 'hit' | 'more' | 'halted' | 'busy';
  /** Which breakpoints were hit, by their place in the list. */
  readonly hit: readonly number[];
  readonly capture: Capture;
  /** Where more is to come of it, what to ask for; not there: the same again. */
  readonly then?: DriveAct;
  /** How the return address was found, of a step out. */
  readonly by?: ReturnBy;
  /** Why what stores RFLAGS was stepped like all else: then it has stored the TF that it was stepped by. */
  readonly unguarded?: string;
  /** Why a breakpoint may never be hit. */
  readonly doubt?: string;
  /** Where this is one step alone: what was executed, 15 bytes from where RIP stood at most; not there: not known. */
  readonly executed?: Uint8Array;
  /** Of a trace: the state before the first instruction of this part, then that after each. */
  readonly traced?: readonly TracedState[];
}

export interface TracedState {
  readonly capture: Capture;
  /** The bytes of the instruction that is next there; null: they are not known. */
  readonly code: Uint8Array | null;
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

/** So long is waited for a breakpoint before the asker is asked whether he still wants it. */
const WAIT_MS = 500;
/** Hits that are passed, and how long is waited for the next one: a part of a drive ends within about a second. */
const MOST_PASSED = 16;
const PASSED_WAIT_MS = 30;

const unguardedOf = ({ unguarded = null }: StepsMade): { readonly unguarded?: string } =>
  unguarded === null ? {} : { unguarded };

const steps = async (control: RunControl, now: Capture, count: number): Promise<Answer<Driven>> => {
  const asked = Math.min(count, control.mostStepsAtOnce);
  const made = await control.step(asked, { keepState: true, keepLast: true, now });
  if (!made.ok) return made;
  const { ended, made: number, captures } = made.value;
  const why = ended !== 'done' ? ended : number < count ? 'more' : 'done';
  const { code } = made.value;
  const executed = number === 1 && count === 1 && code !== undefined ? { executed: code } : {};
  const capture = captures.at(-1) ?? now;
  return answer({ made: number, why, hit: [], capture, ...executed, ...unguardedOf(made.value) });
};

const trace = async (target: Target, control: RunControl, now: Capture, count: number): Promise<Answer<Driven>> => {
  const made = await control.step(Math.min(count, control.mostStepsAtOnce), { keepState: true, now });
  if (!made.ok) return made;
  const { ended, made: number, captures } = made.value;
  const all = [now, ...captures];
  const codes = await createCodeReader(target).codeOf(all);
  const why = ended !== 'done' ? ended : number < count ? 'more' : 'done';
  const traced = all.map((capture, at) => ({ capture, code: codes[at] ?? null }));
  return answer({ made: number, why, hit: [], capture: captures.at(-1) ?? now, traced, ...unguardedOf(made.value) });
};

const until = async (control: RunControl, now: Capture, text: string, most: number): Promise<Answer<Driven>> => {
  const condition = parseUntil(text, now);
  if (!condition.ok) return condition;
  const lookups = condition.value.lookups(now);
  const asked = lookups === null ? 1 : Math.min(most, control.mostStepsAtOnce);
  const { before } = condition.value;
  const options = { keepState: true, keepLast: true, lookups: lookups ?? [], now };
  const made = await control.step(asked, before === undefined ? options : { ...options, before });
  if (!made.ok) return made;
  const { ended, made: number, captures } = made.value;
  const capture = captures.at(-1) ?? now;
  const isThere = before !== undefined && made.value.holds;
  const holds = number > 0 && (isThere || condition.value.holds(now, capture));
  const why = holds ? 'holds' : ended !== 'done' ? ended : number < most ? 'more' : 'done';
  return answer({ made: number, why, hit: [], capture, ...unguardedOf(made.value) });
};

const breakpointsOf = (act: { readonly breakpoints: readonly DrivenBreakpoint[] }): readonly Breakpoint[] =>
  act.breakpoints.map(({ address, on, bytes }) => ({ address: BigInt(address), on, bytes }));

/** Those of the breakpoints that were hit which count there: the conditions of the others do not hold. */
const counting = (
  hit: readonly number[],
  breakpoints: readonly DrivenBreakpoint[],
  there: Capture,
): Answer<readonly number[]> => {
  const count: number[] = [];
  for (const at of hit) {
    const when = breakpoints[at]?.when;
    const condition = when === undefined ? answer(null) : parseWhen(when, there);
    if (!condition.ok) return condition;
    if (condition.value?.holds(there, there) ?? true) count.push(at);
  }
  return answer(count);
};

const toBreakpoint = async (
  target: Target,
  control: RunControl,
  breakpoints: readonly DrivenBreakpoint[],
): Promise<Answer<Driven>> => {
  for (let passed = 0; ; passed += 1) {
    const run = await control.runTo(breakpointsOf({ breakpoints }), passed === 0 ? WAIT_MS : PASSED_WAIT_MS);
    if (!run.ok) return run;
    const there = await target.capture();
    if (!there.ok) return there;
    const { ended, hit: all, doubt } = run.value;
    const hit = counting(all, breakpoints, there.value);
    if (!hit.ok) return hit;
    const isPassed = ended === 'done' && hit.value.length === 0;
    if (isPassed && passed < MOST_PASSED) continue;
    return answer({
      made: 0,
      // Nothing in so long is no end: a guest that waits for an interrupt may get one.
      why: ended === 'busy' ? 'busy' : ended === 'done' && !isPassed ? 'hit' : 'more',
      hit: hit.value,
      capture: there.value,
      ...(doubt === undefined ? {} : { doubt }),
    });
  }
};

/** To the first instruction of an exception's handler, which the IDT names as it is now. */
const toHandler = async (
  target: Target,
  control: RunControl,
  { facts }: Capture,
  vector: number,
): Promise<Answer<Driven>> => {
  const memory = await memoryOf(target, facts);
  if (!memory.ok) return memory;
  const handler = await handlerOf(memory.value, facts, vector);
  if (!handler.ok) return handler;
  const run = await toBreakpoint(target, control, [{ address: hex(handler.value), on: 'execute', bytes: 1 }]);
  if (!run.ok || run.value.why !== 'hit') return run;
  return answer({ ...run.value, why: 'holds', hit: [] });
};

const along = async (
  target: Target,
  control: RunControl,
  passage: Passage,
  breakpoints: readonly DrivenBreakpoint[],
  by: ReturnBy | null = null,
): Promise<Answer<Driven>> => {
  const passed = await runPassage(target, control, passage, breakpointsOf({ breakpoints }), WAIT_MS);
  if (!passed.ok) return passed;
  const { capture } = passed.value;
  const counted = counting(passed.value.hit, breakpoints, capture);
  if (!counted.ok) return counted;
  const hit = counted.value;
  const ended = passed.value.ended === 'hit' && hit.length === 0 ? 'more' : passed.value.ended;
  const then: DriveAct = {
    ...{ kind: 'return', address: hex(passage.address), leastRsp: hex(passage.leastRsp), breakpoints },
  };
  return answer({
    made: ended === 'arrived' ? 1 : 0,
    why: ended === 'arrived' ? 'done' : ended,
    ...{ hit, capture },
    ...(ended === 'more' ? { then } : {}),
    ...(by === null ? {} : { by }),
  });
};

/** A model's programs call nothing and repeat nothing. */
const modelPassage = (
  control: RunControl,
  now: Capture,
  kind: 'over' | 'out',
): Promise<Answer<Driven>> | Answer<Driven> =>
  kind === 'over'
    ? steps(control, now, 1)
    : refuse('no-program', 'there is nothing to step out of: a model’s program calls nothing');

/** The vCPU is frozen, and stays so. */
export const driveAct = async (target: Target, act: DriveAct, decoder: LoadDecoder): Promise<Answer<Driven>> => {
  const { runControl, identity } = target;
  if (runControl === null) return refuse('no-program', `a ${identity.kind} target cannot be driven`);
  if (!isStopped(target)) return refuse('not-frozen', 'the vCPU runs: it is driven from where it stands still');
  const control = guardedRunControl(target, runControl);
  const now = await target.capture();
  if (!now.ok) return now;
  if (act.kind === 'step') return steps(control, now.value, act.count);
  if (act.kind === 'trace') return trace(target, control, now.value, act.count);
  if (act.kind === 'until') {
    const vector = vectorNamed(act.condition);
    if (vector !== null) return toHandler(target, control, now.value, vector);
    return until(control, now.value, act.condition, act.most);
  }
  if (act.kind === 'return') {
    const passage = { address: BigInt(act.address), leastRsp: BigInt(act.leastRsp) };
    return along(target, control, passage, act.breakpoints);
  }
  if (act.kind === 'over' || act.kind === 'out') {
    if (identity.kind === 'model') return modelPassage(control, now.value, act.kind);
    const memory = await memoryOf(target, now.value.facts);
    if (!memory.ok) return notKnown(act.kind, memory.refusal.what);
    const passage = await passageOf(act.kind, memory.value, now.value, await decoder());
    if (!passage.ok) return passage;
    if (passage.value === null) return steps(control, now.value, 1);
    return along(target, control, passage.value, act.breakpoints, passage.value.by ?? null);
  }
  return toBreakpoint(target, control, act.breakpoints);
};
