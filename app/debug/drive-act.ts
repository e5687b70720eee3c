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
import { parseUntil } from './until.ts';

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

const along = async (
  target: Target,
  control: RunControl,
  passage: Passage,
  breakpoints: readonly DrivenBreakpoint[],
  by: ReturnBy | null = null,
): Promise<Answer<Driven>> => {
  const passed = await runPassage(target, control, passage, breakpointsOf({ breakpoints }), WAIT_MS);
  if (!passed.ok) return passed;
  const { ended, hit, capture } = passed.value;
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
  if (act.kind === 'until') return until(control, now.value, act.condition, act.most);
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
  const run = await control.runTo(breakpointsOf(act), WAIT_MS);
  if (!run.ok) return run;
  const there = await target.capture();
  if (!there.ok) return there;
  const { ended, hit, doubt } = run.value;
  // Nothing in so long is no end: a guest that waits for an interrupt may get one.
  return answer({
    made: 0,
    why: ended === 'done' ? 'hit' : ended === 'busy' ? 'busy' : 'more',
    hit,
    capture: there.value,
    ...(doubt === undefined ? {} : { doubt }),
  });
};
