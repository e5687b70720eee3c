import type { Decoded } from '../../app/bits/decoded.ts';
import type { Answer, Assignment, RestoreScope } from '../../app/bridge.ts';
import { type StagedWrite, stageAssignments } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import type { Capture } from '../../app/session/capture.ts';
import { type JournalFile, removeJournal, writeJournal } from '../journal.ts';
import type { Stepped, Target } from '../targets/target.ts';
import { applyWrite, type WriteOutcome } from './apply.ts';
import { answer, refuse, refuseProblem } from './refusals.ts';
import { createWriteHistory, type WriteStep } from './write-history.ts';

/** One attached vCPU with the state found at attach, which is kept until the end. */
export interface Session {
  readonly id: string;
  readonly target: Target;
  readonly attached: Capture;
  capture(): Promise<Answer<Capture>>;
  freeze(): Promise<Answer<Capture>>;
  resume(): Promise<Answer<bigint>>;
  /** Refused where the target is no model. */
  step(count: number): Promise<Answer<Stepped>>;
  assign(assignments: readonly Assignment[]): Promise<Answer<WriteOutcome>>;
  /** Puts `then` back, which is the state found at attach where nothing else is named. */
  restore(scope: RestoreScope, then?: Capture): Promise<Answer<WriteOutcome>>;
  /** Takes back the last write, or writes it again: each a verified write of its own. */
  undo(): Promise<Answer<WriteOutcome>>;
  redo(): Promise<Answer<WriteOutcome>>;
  /** A restore that is refused keeps the session. */
  detach(restoreFirst: boolean): Promise<Answer<null>>;
  /** Ends without a word from the user: what was written and not restored stays in the journal. */
  abandon(): Promise<void>;
}

const staged = (code: string, result: Decoded<StagedWrite>): Answer<StagedWrite> => {
  if (result.ok) return answer(result.value);
  return refuseProblem(result.problem.kind === 'syntax' ? 'syntax' : code, result.problem, {
    mend: 'Nothing was written',
  });
};

export const createSession = (id: string, target: Target, attached: Capture, journalFolder: string): Session => {
  let journal: JournalFile | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /** One thing at a time on one vCPU: a capture must not fall between a write and its read-back. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };

  const beforeWrite = async (): Promise<Answer<null>> => {
    // A model ends with this process: nothing would be left to restore.
    if (journal !== null || target.identity.kind === 'model') return answer(null);
    const written = await writeJournal(journalFolder, id, attached);
    if (!written.ok) return written;
    journal = written.value;
    return answer(null);
  };

  const forgetJournal = async (): Promise<void> => {
    if (journal === null) return;
    const entry = journal;
    journal = null;
    await removeJournal(entry);
  };

  const done = createWriteHistory();

  const write = async (stage: (now: Capture) => Answer<StagedWrite>): Promise<Answer<WriteOutcome>> => {
    if (!target.canWrite) return refuse('read-only', `a ${target.identity.kind} target cannot be written`);
    return applyWrite(target, { stage, beforeWrite });
  };

  /** A write that can be undone: the state it was drawn up from, and the one read back. */
  const recorded = async (
    scope: RestoreScope,
    stage: (now: Capture) => Answer<StagedWrite>,
  ): Promise<Answer<WriteOutcome>> => {
    const seen: { over?: Capture } = {};
    const outcome = await write((now) => {
      seen.over = now;
      return stage(now);
    });
    if (!outcome.ok || seen.over === undefined) return outcome;
    const { capture, writtenBytes, changes } = outcome.value;
    const changed = writtenBytes > 0 || changes.some(({ before, after }) => before !== after);
    if (changed) done.add({ scope, over: seen.over, after: capture });
    return outcome;
  };

  /** The write of an undo or redo; refused, nothing moves. */
  const walk = async (step: WriteStep | null, word: 'undo' | 'redo'): Promise<Answer<WriteOutcome>> => {
    if (step === null) return refuse(`nothing-to-${word}`, `there is nothing to ${word}`);
    const outcome = await write((now) => staged(word, stageRestore(now, step.state, step.scope)));
    if (outcome.ok) done.walked(word);
    return outcome;
  };

  const restore = async (scope: RestoreScope, then: Capture): Promise<Answer<WriteOutcome>> => {
    const outcome = await recorded(scope, (now) => staged('restore', stageRestore(now, then, scope)));
    if (outcome.ok && scope.kind === 'all' && then === attached) await forgetJournal();
    return outcome;
  };

  target.onGone(() => void forgetJournal());

  return {
    id,
    target,
    attached,
    capture: () => inTurn(() => target.capture()),
    freeze: () =>
      inTurn(async () => {
        const frozen = await target.freeze();
        if (!frozen.ok) return frozen;
        const now = await target.capture();
        // A vCPU that stands still and cannot be seen helps nobody.
        if (!now.ok) await target.resume();
        return now;
      }),
    resume: () => inTurn(() => target.resume()),
    step: (count) =>
      inTurn(async () => {
        const { kind } = target.identity;
        return target.program?.step(count) ?? refuse('no-program', `a ${kind} target cannot be stepped`);
      }),
    assign: (assignments) =>
      inTurn(() =>
        recorded({ kind: 'paths', paths: assignments.map(({ path }) => path) }, (now) =>
          staged('assignment', stageAssignments(now, assignments)),
        ),
      ),
    undo: () => inTurn(() => walk(done.toUndo(), 'undo')),
    redo: () => inTurn(() => walk(done.toRedo(), 'redo')),
    restore: (scope, then = attached) => inTurn(() => restore(scope, then)),
    detach: (restoreFirst) =>
      inTurn(async () => {
        // Without a journal nothing was written, and there is nothing to restore.
        if (restoreFirst && journal !== null) {
          const restored = await restore({ kind: 'all' }, attached);
          if (!restored.ok) return restored;
        }
        const detached = await target.detach();
        if (detached.ok) await forgetJournal();
        return detached;
      }),
    abandon: () =>
      inTurn(async () => {
        await target.detach();
      }),
  };
};
