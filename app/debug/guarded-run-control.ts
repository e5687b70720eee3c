import type { Capture, GeneralRegisters } from '../capture/capture.ts';
import { MSR_INDEX } from '../cpu/msrs.ts';
import type { InstructionClass } from '../disas/instruction-class.ts';
import type { StoresFlags } from '../disas/stores-flags.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { type Execution, executionOf } from '../session/execution.ts';
import type { Breakpoint, BreakpointsHit, KnownCode } from '../wire/run.ts';
import { NO_BREAKPOINTS } from './drive-words.ts';
import { codeAround, mayStepAt, nextIs, nextStores } from './known-code.ts';
import { lookupsHold } from './lookups.ts';
import { memoryOf } from './memory-of.ts';
import { byteOfRecord } from './record.ts';
import type { BreakpointAnswer, RunControl, RunToOptions, StepOptions, StepsAnswer, Target } from './target.ts';
import { handlerOf } from './vectors.ts';

/**
 * A CPU steps by TF, and an instruction that stores RFLAGS stores it too: a guest that loads them again later takes a #DB of its own.
 * So none is stepped where the guest's code is known: it is run, to a breakpoint where it goes.
 */

/** Between two looks at what comes next; then it is for the asker to ask again. */
const MOST_PARTS = 64;
const WAIT_MS = 1_000;
const GENERAL_PROTECTION = 13;

interface Standing {
  readonly capture: Capture;
  readonly execution: Execution;
  readonly general: GeneralRegisters;
}

const standingAt = (capture: Capture): Standing | null => {
  const { general } = capture.facts;
  const execution = executionOf(capture.facts);
  return general === null || execution === null || execution.next === null ? null : { capture, execution, general };
};

/** Where it goes; linear addresses. */
const destinations = async (
  memory: GuestMemory,
  { capture, execution, general }: Standing,
  stores: StoresFlags,
): Promise<Answer<readonly bigint[]>> => {
  const behind = BigInt.asUintN(64, (execution.next ?? 0n) + BigInt(stores.bytes));
  if (stores.kind === 'push') return answer([behind]);
  if (stores.kind === 'sysret') return answer([stores.is64 ? general.rcx : BigInt.asUintN(32, general.rcx)]);
  // A gate that this code may not go through is a #GP, as is a HLT of a user's.
  const refused = await handlerOf(memory, capture.facts, GENERAL_PROTECTION);
  if (stores.kind === 'halt') return answer([behind, ...(refused.ok ? [refused.value] : [])]);
  const handler = await handlerOf(memory, capture.facts, stores.vector);
  if (!handler.ok) return handler;
  return answer([handler.value, ...(refused.ok ? [refused.value] : []), ...(stores.mayGoOn ? [behind] : [])]);
};

const NO_WATCHPOINTS =
  'on a VM of Tilescope’s own this KVM stopped at no watchpoint, so that it may stop at none here: its CPU is emulated';

const FAULTS_END_WITHIN =
  'a step went into a handler, and on this KVM it ends there instead of behind it: its CPU is emulated';

/** Some instruction's length at most. */
const MOST_BYTES = 15n;
/** What a call, the farthest included, leaves on the stack at most. */
const MOST_OF_A_CALL = 16n;
const REAL_MODE_FRAME = 6n;

/** Whether one of these states, in order, is that of a handler which the instruction before has led to: a frame is on the stack. */
const wentIntoHandler = (states: readonly GeneralRegisters[]): boolean =>
  states.some(({ rip, rsp }, at) => {
    const before = states[at - 1];
    if (before === undefined || (rip > before.rip && rip - before.rip <= MOST_BYTES)) return false;
    const pushed = before.rsp - rsp;
    return pushed > MOST_OF_A_CALL || pushed === REAL_MODE_FRAME;
  });

const NO_CODE = { where: 'guest memory', remedy: 'Wait for what such an instruction changes instead' } as const;
const MADE_NONE = { stops: [], captures: [], made: 0, holds: false } as const;

/** Nothing is known of its code, so that what is next cannot be waited for. */
const withoutCode = ({ identity }: Target, control: RunControl): RunControl => ({
  ...control,
  step: async (count, options = {}) =>
    options.before === undefined
      ? control.step(count, options)
      : refuse(
          'memory-unknown',
          `a ${identity.kind} target has no memory to be read: what is next cannot be told`,
          NO_CODE,
        ),
});

/**
 * @param target the vCPU that `control` drives; it stands still now
 * @param open proves its memory
 */
export const guardedRunControl = (target: Target, control: RunControl, open = memoryOf): RunControl => {
  if (target.memory === null) return withoutCode(target, control);
  /** Proved once: where a VMM keeps its guest's memory does not change while its guest is driven. */
  let opened: Answer<GuestMemory> | null = null;
  let around: {
    readonly code: KnownCode;
    readonly table: bigint | null;
    readonly before: InstructionClass | null;
  } | null = null;

  const breakpointsHit = async (): Promise<BreakpointsHit> =>
    (await control.breakpointsHit?.()) ?? { instructions: null, data: null, faults: null };

  const memoryAt = async ({ capture }: Standing): Promise<Answer<GuestMemory>> => {
    opened ??= await open(target, capture.facts);
    const { control: registers } = capture.facts;
    return opened.ok && registers !== null ? answer(opened.value.under(registers)) : opened;
  };

  const codeAt = async (memory: GuestMemory, at: Standing, before: InstructionClass | null): Promise<KnownCode> => {
    if (around === null || !isKnown(at, before))
      around = {
        code: await codeAround(memory, at.execution, at.general.rip, before),
        table: at.execution.table,
        before,
      };
    return around.code;
  };

  /** As the chain itself looks it up: what may be stepped by the code that is known is not read once more. */
  const isKnown = ({ execution, general }: Standing, before: InstructionClass | null): boolean =>
    around !== null &&
    around.table === execution.table &&
    around.before === before &&
    mayStepAt(around.code, general.rip);

  /** Stands before an instruction of the class; of WRMSR before one of IA32_XFD. */
  const standsBefore = async (wanted: InstructionClass): Promise<Answer<boolean>> => {
    const now = await target.capture();
    if (!now.ok) return now;
    const at = standingAt(now.value);
    const memory = at === null ? null : await memoryAt(at);
    if (at === null || memory?.ok !== true) return answer(false);
    if (wanted === 'wrmsr xfd' && BigInt.asUintN(32, at.general.rcx) !== BigInt(MSR_INDEX.IA32_XFD))
      return answer(false);
    return answer((await nextIs(memory.value, at.execution, wanted)) === true);
  };

  const runAround = async (
    at: Standing,
    places: readonly bigint[],
    noInterrupts: boolean,
    { keepState = false, lookups = [] }: StepOptions,
  ): Promise<Answer<StepsAnswer>> => {
    const breakpoints = places.map((address) => ({ address, on: 'execute' as const, bytes: 1 }));
    // It may go to where it stands: then it has been there.
    const run = await control.runTo(breakpoints, WAIT_MS, {
      notThere: !places.includes(at.execution.next ?? -1n),
      noInterrupts,
    });
    if (!run.ok) return run;
    const { interruptsBlocked, ended, stops } = run.value;
    if (ended !== 'done') return answer({ ...MADE_NONE, ended, interruptsBlocked });
    const capture = keepState || lookups.length > 0 ? await target.capture() : null;
    if (capture !== null && !capture.ok) return capture;
    const there = capture?.value ?? null;
    return answer({
      ...{ stops, captures: keepState && there !== null ? [there] : [], made: 1, ended, interruptsBlocked },
      holds: there !== null && lookupsHold(lookups, (offset) => byteOfRecord(there, offset)),
    });
  };

  /** What can be made at once from here. whole: it ended for room or time, and not for what comes next. */
  const part = async (
    count: number,
    options: StepOptions,
  ): Promise<Answer<{ readonly steps: StepsAnswer; readonly whole: boolean }>> => {
    const { before = null, now: given = null, ...plain } = options;
    const unguarded = async (why: string) => {
      if (before !== null) return refuse('memory-unknown', `${why}: what is next cannot be told`, NO_CODE);
      const steps = await control.step(count, plain);
      return steps.ok ? answer({ steps: { ...steps.value, unguarded: why }, whole: true }) : steps;
    };
    const now = given === null ? await target.capture() : answer(given);
    if (!now.ok) return now;
    const at = standingAt(now.value);
    if (at === null) return unguarded('the registers that say what the vCPU executes could not be read');
    const memory = await memoryAt(at);
    if (!memory.ok) return unguarded(memory.refusal.what);
    const read = isKnown(at, before) ? answer(null) : await nextStores(memory.value, at.execution);
    const { stores: next = null, ...known } = (read.ok ? read.value : null) ?? {};
    if (next !== null && (await breakpointsHit()).instructions === false) {
      const steps = await control.step(1, plain);
      return steps.ok
        ? answer({ steps: { ...steps.value, ...known, unguarded: NO_BREAKPOINTS }, whole: false })
        : steps;
    }
    const places = next === null ? null : await destinations(memory.value, at, next);
    if (places?.ok === true) {
      const steps = await runAround(at, places.value, next?.kind !== 'halt', options);
      return steps.ok ? answer({ steps: { ...steps.value, ...known }, whole: false }) : steps;
    }
    if (places !== null) return unguarded(places.refusal.what);
    const code = count > 1 ? await codeAt(memory.value, at, before) : null;
    const steps = await control.step(count, { ...plain, code });
    if (!steps.ok) return steps;
    const last = steps.value.stops.at(-1)?.rip ?? null;
    const isAll = steps.value.stops.length === steps.value.made;
    const isLed = isAll && wentIntoHandler([at.general, ...steps.value.stops]);
    const isWithin = isLed && (await breakpointsHit()).faults === false;
    const why = read.ok ? (isWithin ? FAULTS_END_WITHIN : null) : read.refusal.what;
    const unguardedBy = why === null ? {} : { unguarded: why };
    return answer({
      steps: { ...steps.value, ...known, ...unguardedBy },
      whole: code === null || last === null || mayStepAt(code, last),
    });
  };

  const step = async (count: number, options: StepOptions = {}): Promise<Answer<StepsAnswer>> => {
    const join = <T>(before: readonly T[], more: readonly T[]): readonly T[] =>
      options.keepLast === true && more.length > 0 ? more : [...before, ...more];
    let all: StepsAnswer = { ...MADE_NONE, ended: 'done', interruptsBlocked: true };
    let { now, ...others } = options;
    for (let parts = 0; parts < MOST_PARTS && all.made < count; parts += 1) {
      const next = await part(count - all.made, now === undefined ? others : { ...others, now });
      if (!next.ok) return next;
      const { steps, whole } = next.value;
      now = steps.captures.at(-1);
      const isThere =
        options.before !== undefined && steps.made > 0 && !whole ? await standsBefore(options.before) : answer(false);
      if (!isThere.ok) return isThere;
      const code = all.code ?? (all.made === 0 ? steps.code : undefined);
      all = {
        ...(code === undefined ? {} : { code }),
        ...{ stops: join(all.stops, steps.stops), captures: join(all.captures, steps.captures) },
        ...{ made: all.made + steps.made, holds: steps.holds || isThere.value, ended: steps.ended },
        interruptsBlocked: all.interruptsBlocked && steps.interruptsBlocked,
        unguarded: all.unguarded ?? steps.unguarded ?? null,
      };
      if (steps.ended !== 'done' || all.holds || steps.made === 0 || whole) break;
    }
    return answer(all);
  };

  const nextNow = async (): Promise<bigint | null> => {
    const now = await target.capture();
    return now.ok ? (executionOf(now.value.facts)?.next ?? null) : null;
  };

  const runTo = async (
    breakpoints: readonly Breakpoint[],
    waitMs: number,
    options: RunToOptions,
  ): Promise<Answer<BreakpointAnswer>> => {
    const code = breakpoints.flatMap(({ on, address }) => (on === 'execute' ? [address] : []));
    if (code.length === 0) return control.runTo(breakpoints, waitMs, options);
    const next = await nextNow();
    if (next === null) return control.runTo(breakpoints, waitMs, options);
    if (!code.includes(next)) return control.runTo(breakpoints, waitMs, { ...options, notThere: true });
    // What watches data has to watch this instruction too, so that it is the chain's own first step.
    if (code.length < breakpoints.length) return control.runTo(breakpoints, waitMs, options);
    const passed = await step(1);
    if (!passed.ok) return passed;
    const { stops, ended, interruptsBlocked } = passed.value;
    if (ended !== 'done') return answer({ stops, ended, interruptsBlocked, hit: [] });
    const there = await nextNow();
    const hit = breakpoints.flatMap(({ address }, at) => (address === there ? [at] : []));
    if (hit.length > 0) return answer({ stops, ended, interruptsBlocked, hit });
    return control.runTo(breakpoints, waitMs, { ...options, notThere: true });
  };

  /** Refused where none can be hit: the guest would run on, as far as it likes. */
  const runToHit = async (
    breakpoints: readonly Breakpoint[],
    waitMs: number,
    options: RunToOptions = {},
  ): Promise<Answer<BreakpointAnswer>> => {
    const { instructions, data } = await breakpointsHit();
    if (instructions === false && breakpoints.some(({ on }) => on === 'execute'))
      return refuse('no-breakpoints', NO_BREAKPOINTS, { remedy: 'Step, or wait for what changes: run --until' });
    const run = await runTo(breakpoints, waitMs, options);
    const isDoubtful = data === false && breakpoints.some(({ on }) => on !== 'execute');
    return run.ok && isDoubtful ? answer({ ...run.value, doubt: NO_WATCHPOINTS }) : run;
  };

  return { mostStepsAtOnce: control.mostStepsAtOnce, step, runTo: runToHit };
};
