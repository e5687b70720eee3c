import type { Decoded } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { type StagedWrite, stageAssignments } from '../edit/assign.ts';
import type { Assignment, RestoreScope } from '../edit/assignment.ts';
import { stageRestore } from '../edit/restore.ts';
import { stageWalk } from '../edit/walk.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import type { RefusalCode } from '../refusals/codes.ts';
import { answer, type Refused, refuse, refuseProblem } from '../refusals/refusal.ts';
import type { GeneralName } from '../register/registers.ts';
import type { Breakpoint } from '../wire/run.ts';
import { applyWrite, type WriteOutcome } from './apply.ts';
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
import { generalToRestore } from './general-to-restore.ts';
import type { SessionJournal } from './journal.ts';
import { memoryOf } from './memory-of.ts';
import type { MemoryWriteRequest, MemoryWritten } from './memory-write.ts';
import { createMemoryWrites } from './memory-writes.ts';
import { createOverwrittenWatch, type Overwritten } from './overwritten-watch.ts';
import { captureInPassing } from './passing-capture.ts';
import { isStopped } from './run-state.ts';
import type { Stepped, StepsMade, Target } from './target.ts';
import type { Until } from './until.ts';
import { createWriteHistory, type WriteStep } from './write-history.ts';
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
  /** Takes back the last write, or writes it again: each a verified write of its own. */
  undo(): Promise<Answer<WriteOutcome>>;
  redo(): Promise<Answer<WriteOutcome>>;
  /**
   * Reads guest memory while the vCPU stands still, and lets it run on as it did. The memory holds for that long alone: the
   * guest's tables are its own again afterwards.
   */
  withMemory<T>(use: (memory: GuestMemory, capture: Capture) => Promise<Answer<T>>): Promise<Answer<T>>;
  /**
   * Writes guest memory while the vCPU stands still, read back and compared, with what stood there in the journal first. It goes
   * back with everything, and by undoMemory, the last write first.
   *
   * @param draw says what is written where, by the state of the same stop
   */
  writeMemory(
    draw: (memory: GuestMemory, capture: Capture) => Promise<Answer<MemoryWriteRequest>>,
  ): Promise<Answer<MemoryWritten>>;
  undoMemory(): Promise<Answer<MemoryWritten>>;
  /** What can be undone and redone, and what a restore of everything takes, as of now. */
  writes(): WritesSoFar;
  /** What the first look after the last write has found overwritten; null: nothing, or there is nothing to look at. */
  firstLook(): Promise<Overwritten | null>;
  /** A restore that is refused keeps the session. */
  detach(restoreFirst: boolean): Promise<Answer<null>>;
  /** Ends without a word from the user: what was written and not restored stays in the journal. */
  abandon(): Promise<void>;
}

const staged = (code: RefusalCode, result: Decoded<StagedWrite>): Answer<StagedWrite> => {
  if (result.ok) return answer(result.value);
  return refuseProblem(result.problem.kind === 'syntax' ? 'syntax' : code, result.problem, {
    remedy: 'Nothing was written',
  });
};

const hasChanged = ({ writtenBytes, changes }: WriteOutcome): boolean =>
  writtenBytes > 0 || changes.some(({ before, after }) => before !== after);

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

  let done = createWriteHistory();
  /** General registers that were written at all, and those of writes that could not be rolled back. */
  const everWritten = new Set<GeneralName>();
  const unsure = new Set<GeneralName>();
  const standing = (): readonly GeneralName[] => [...new Set([...done.general(), ...unsure])];

  const writes = (): WritesSoFar => ({
    undoable: done.undoable,
    redoable: done.redoable,
    standingGeneral: standing(),
    everGeneral: [...everWritten],
  });

  const write = async (stage: (now: Capture) => Answer<StagedWrite>): Promise<Answer<WriteOutcome>> => {
    if (!target.canWrite) return refuse('read-only', `a ${target.identity.kind} target cannot be written`);
    let stands: readonly GeneralName[] = [];
    const outcome = await applyWrite(target, clock, {
      stage,
      beforeWrite: ({ generalNames }) => journal.ready([...standing(), ...generalNames]),
      stands: ({ generalNames }) => {
        stands = generalNames;
      },
    });
    for (const name of stands) {
      everWritten.add(name);
      if (!outcome.ok) unsure.add(name);
    }
    if (!outcome.ok) await journal.settle(standing());
    else if (target.identity.kind === 'live' && outcome.value.capture !== outcome.value.over) {
      watch.wrote(outcome.value.over, outcome.value.capture);
    }
    return outcome;
  };

  /** A write that can be undone: the state it was drawn up from, and the one read back. */
  const recorded = async (
    scope: RestoreScope,
    stage: (now: Capture) => Answer<StagedWrite>,
  ): Promise<Answer<WriteOutcome>> => {
    let general: readonly GeneralName[] = [];
    const outcome = await write((now) => {
      const drawnUp = stage(now);
      if (drawnUp.ok) general = drawnUp.value.generalNames;
      return drawnUp;
    });
    if (!outcome.ok) return outcome;
    const { over, capture } = outcome.value;
    if (hasChanged(outcome.value)) done.add({ scope, general, over, after: capture });
    return outcome;
  };

  /** The write of an undo or redo; refused, nothing moves. */
  const walk = async (step: WriteStep | null, word: 'undo' | 'redo'): Promise<Answer<WriteOutcome>> => {
    if (step === null) return refuse(`nothing-to-${word}`, `there is nothing to ${word}`);
    const outcome = await write((now) => staged(word, stageWalk(now, step, step.scope, step.general)));
    if (!outcome.ok) return outcome;
    done.walked(word);
    await journal.settle(standing());
    return outcome;
  };

  const memoryWrites = createMemoryWrites(journal);

  const withMemory = async <T>(
    use: (memory: GuestMemory, capture: Capture) => Promise<Answer<T>>,
  ): Promise<Answer<T>> => {
    const wasFrozen = isStopped(target);
    const frozen = wasFrozen ? answer(null) : await target.freeze();
    if (!frozen.ok) return frozen;
    try {
      const now = await target.capture();
      const memory = now.ok ? await memoryOf(target, now.value.facts) : now;
      return now.ok && memory.ok ? await use(memory.value, now.value) : (memory as Refused);
    } finally {
      if (!wasFrozen) await target.resume();
    }
  };

  const restore = async (scope: RestoreScope, then: Capture): Promise<Answer<WriteOutcome>> => {
    const general = generalToRestore(writes(), then === attached);
    const outcome = await recorded(scope, (now) => staged('restore', stageRestore(now, then, scope, general)));
    // With general registers left out something that was written stays.
    const whole = scope.kind === 'all' && (scope.general !== false || standing().length === 0);
    if (outcome.ok && whole && then === attached) {
      const back = memoryWrites.any ? await withMemory((memory) => memoryWrites.putAllBack(memory)) : answer(null);
      // What others have written over it since cannot go back at any time: that is said, and the rest is done.
      if (!back.ok && back.refusal.code !== 'overtaken') return back;
      done.allWentBack(hasChanged(outcome.value));
      unsure.clear();
      await journal.forget();
      if (!back.ok) return back;
    }
    return outcome;
  };

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
        if (rewound.value.droppedWrites > 0) done = createWriteHistory();
        return answer(rewound.value.stepped);
      }),
    drive: (count) => inTurn(() => driveSteps(target, count)),
    runTo: (breakpoints, options) => inTurn(() => driveToBreakpoint(target, breakpoints, options)),
    runUntil: (until, options) => inTurn(() => driveUntil(target, until, options)),
    driveAct: (act, decoder) => inTurn(() => driveAct(target, act, decoder)),
    stepAlong: (way, count, options) => inTurn(() => driveAlong(target, way, count, options)),
    trace: (count, options) => inTurn(() => driveTrace(target, count, options)),
    assign: (assignments) =>
      inTurn(() =>
        recorded({ kind: 'paths', paths: assignments.map(({ path }) => path.trim()) }, (now) =>
          staged('assignment', stageAssignments(now, assignments)),
        ),
      ),
    undo: () => inTurn(() => walk(done.toUndo(), 'undo')),
    redo: () => inTurn(() => walk(done.toRedo(), 'redo')),
    writes,
    withMemory: (use) => inTurn(() => withMemory(use)),
    writeMemory: (draw) =>
      inTurn(() =>
        withMemory(async (memory, capture) => {
          if (!target.canWrite) return refuse('read-only', `a ${target.identity.kind} target cannot be written`);
          const request = await draw(memory, capture);
          return request.ok ? memoryWrites.write(memory, request.value) : request;
        }),
      ),
    undoMemory: () => inTurn(() => withMemory((memory) => memoryWrites.undo(memory))),
    firstLook: () => watch.firstLook(),
    restore: (scope, then = attached) => inTurn(() => restore(scope, then)),
    detach: (restoreFirst) =>
      inTurn(async () => {
        // Without a journal nothing was written, and there is nothing to restore.
        if (restoreFirst && journal.exists) {
          const restored = await restore({ kind: 'all' }, attached);
          if (!restored.ok) return restored;
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
