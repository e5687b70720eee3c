import type { Capture } from '../capture/capture.ts';
import type { Assignment, RestoreScope } from '../edit/assignment.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import type { Breakpoint } from '../wire/run.ts';
import type { WriteOutcome } from './apply.ts';
import type { Clock } from './clock.ts';
import {
  type AlongMade,
  type BreakOptions,
  type BreakpointHit,
  driveAlong,
  driveSteps,
  driveToBreakpoint,
  driveTrace,
  driveUntil,
  type RunMade,
  type RunOptions,
  type TraceOptions,
} from './drive.ts';
import { type Driven, driveAct, type LoadDecoder } from './drive-act.ts';
import type { DriveAct } from './drive-words.ts';
import type { SessionJournal } from './journal.ts';
import type { DrawMemory, MemoryDone } from './memory-steps.ts';
import { createOverwrittenWatch, type Overwritten } from './overwritten-watch.ts';
import { captureInPassing } from './passing-capture.ts';
import { isStopped } from './run-state.ts';
import { createSessionWrites } from './session-writes.ts';
import { holdStill, withMemory } from './standing-still.ts';
import type { Stepped, StepsMade, Target } from './target.ts';
import type { Until } from './until.ts';
import type { WritesSoFar } from './writes-so-far.ts';

/** One attached vCPU with the state found at attach, which is kept until the end. */
export interface Session {
  readonly id: string;
  readonly target: Target;
  readonly attached: Capture;
  /** Inside KVM_RUN where that can be had. */
  capture(): Promise<Answer<Capture>>;
  freeze(): Promise<Answer<Capture>>;
  resume(): Promise<Answer<bigint>>;
  /** Stands still and is not read, until it is resumed. */
  hold(): Promise<Answer<null>>;
  /** Refused where the target is no model. */
  step(count: number): Promise<Answer<Stepped>>;
  /** Back to where a model stood after `at` steps: a run is taken back. Refused where the target is no model. */
  rewind(at: number): Promise<Answer<Stepped>>;
  /** Single instructions of a live vCPU, which runs on afterwards as it did before. Refused where it cannot be driven. */
  drive(count: number): Promise<Answer<StepsMade>>;
  /** To one of up to four breakpoints, and the state there; null: it was over before that. Then the vCPU runs on. */
  runTo(breakpoints: readonly Breakpoint[], options: BreakOptions): Promise<Answer<BreakpointHit | null>>;
  /** Instruction by instruction until a condition holds. Then the vCPU runs on. */
  runUntil(until: Until, options: RunOptions): Promise<Answer<RunMade>>;
  /** The whole state after each of so many instructions, the state before them first. Then the vCPU runs on. */
  trace(count: number, options: TraceOptions): Promise<Answer<RunMade>>;
  /** A part of a drive, of a vCPU that stands still and stays so. */
  driveAct(act: DriveAct, decoder: LoadDecoder): Promise<Answer<Driven>>;
  /** So many steps over a call, or out of a function. Then the vCPU runs on as it did. */
  stepAlong(
    way: 'over' | 'out',
    count: number,
    options: { readonly decoder: LoadDecoder; readonly isOver: () => boolean },
  ): Promise<Answer<AlongMade>>;
  assign(assignments: readonly Assignment[]): Promise<Answer<WriteOutcome>>;
  /** Puts `then` back, which is the state found at attach where nothing else is named. */
  restore(scope: RestoreScope, then?: Capture): Promise<Answer<WriteOutcome>>;
  /** Takes back the last write, of registers or guest memory, or writes it again: each a verified write of its own. */
  undo(): Promise<Answer<WriteOutcome>>;
  redo(): Promise<Answer<WriteOutcome>>;
  /**
   * Reads guest memory while the vCPU stands still, and lets it run on as it did. The memory holds for that long alone: the
   * guest's tables are its own again afterwards.
   */
  withMemory<T>(use: (memory: GuestMemory, capture: Capture) => Promise<Answer<T>>): Promise<Answer<T>>;
  /**
   * Writes guest memory while the vCPU stands still, read back and compared, with what stood there in the journal first. It goes
   * back with everything, and by undo.
   *
   * @param draw says what is written where, by the state of the same stop
   */
  writeMemory(draw: DrawMemory): Promise<Answer<MemoryDone>>;
  /** What can be undone and redone, and what a restore of everything takes, as of now. */
  writes(): WritesSoFar;
  /** What the first look after the last write has found overwritten; null: nothing, or there is nothing to look at. */
  firstLook(): Promise<Overwritten | null>;
  /** A restore that is refused keeps the session. */
  detach(restoreFirst: boolean): Promise<Answer<null>>;
  /** Ends without a word from the user: what was written and not restored stays in the journal. */
  abandon(): Promise<void>;
}

export interface SessionOptions {
  readonly clock: Clock;
  readonly journal: SessionJournal;
  /** Told where a write that was verified is gone once the vCPU has run on. */
  readonly onOverwritten?: (found: Overwritten) => void;
}

export const createSession = (
  id: string,
  target: Target,
  attached: Capture,
  { clock, journal, onOverwritten = () => undefined }: SessionOptions,
): Session => {
  let last: Promise<unknown> = Promise.resolve();

  /** One thing at a time on one vCPU: a capture must not fall between a write and its read-back. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };

  const watch = createOverwrittenWatch({
    clock,
    isFrozen: () => isStopped(target),
    look: () =>
      inTurn(async () => {
        if (isStopped(target)) return null;
        const now = await captureInPassing(target, clock);
        return now.ok && now.value.facts.inKvmRun !== false ? now.value : null;
      }),
    tell: onOverwritten,
  });

  const writing = createSessionWrites({ target, attached, clock, journal, wrote: watch.wrote });

  target.onGone(() => {
    watch.stop();
    // After the write that may be under way: its entry may be on its way to the disk.
    void inTurn(() => journal.forget());
  });

  return {
    id,
    target,
    attached,
    capture: () => inTurn(() => captureInPassing(target, clock)),
    freeze: () =>
      inTurn(async () => {
        const frozen = await target.freeze();
        if (!frozen.ok) return frozen;
        const now = await target.capture();
        // A vCPU that stands still and cannot be seen helps nobody.
        if (!now.ok) await target.resume();
        return now;
      }),
    hold: () => inTurn(() => holdStill(target, clock)),
    resume: () =>
      inTurn(async () => {
        const resumed = await target.resume();
        if (resumed.ok) watch.resumed();
        return resumed;
      }),
    step: (count) =>
      inTurn(async () => {
        const { kind } = target.identity;
        return target.program?.step(count) ?? refuse('no-program', `a ${kind} target cannot be stepped`);
      }),
    rewind: (at) =>
      inTurn(async () => {
        const { kind } = target.identity;
        const rewound =
          (await target.program?.rewind(at)) ?? refuse('no-program', `a ${kind} target cannot be taken back`);
        if (!rewound.ok) return rewound;
        // What was written later is no part of the guest any more: there is nothing of it to undo.
        if (rewound.value.droppedWrites > 0) writing.startAnew();
        return answer(rewound.value.stepped);
      }),
    drive: (count) => inTurn(() => driveSteps(target, count)),
    runTo: (breakpoints, options) => inTurn(() => driveToBreakpoint(target, breakpoints, options)),
    runUntil: (until, options) => inTurn(() => driveUntil(target, until, options)),
    driveAct: (act, decoder) => inTurn(() => driveAct(target, act, decoder)),
    stepAlong: (way, count, options) => inTurn(() => driveAlong(target, way, count, options)),
    trace: (count, options) => inTurn(() => driveTrace(target, count, options)),
    assign: (assignments) => inTurn(() => writing.assign(assignments)),
    undo: () => inTurn(() => writing.walk('undo')),
    redo: () => inTurn(() => writing.walk('redo')),
    writes: writing.writes,
    withMemory: (use) => inTurn(() => withMemory(target, use)),
    writeMemory: (draw) => inTurn(() => writing.writeMemory(draw)),
    firstLook: () => watch.firstLook(),
    restore: (scope, then = attached) => inTurn(() => writing.restore(scope, then)),
    detach: (restoreFirst) =>
      inTurn(async () => {
        // Without a journal nothing was written, and there is nothing to restore.
        if (restoreFirst && journal.exists) {
          const restored = await writing.restore({ kind: 'all' }, attached);
          if (!restored.ok) return restored;
          const { leftAlone } = restored.value;
          // Everything else went back: the next detach has nothing left to restore.
          if (leftAlone !== undefined) return refuse('overtaken', leftAlone, { where: 'guest memory' });
        }
        const detached = await target.detach();
        if (detached.ok) {
          watch.stop();
          await journal.forget();
        }
        return detached;
      }),
    abandon: () =>
      inTurn(async () => {
        watch.stop();
        await target.detach();
      }),
  };
};
