import type { Decoded } from '../../app/bits/decoded.ts';
import type { Answer, Assignment, RestoreScope } from '../../app/bridge.ts';
import { type StagedWrite, stageAssignments } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import type { Capture } from '../../app/session/capture.ts';
import { type JournalEntry, removeJournal, writeJournal } from '../journal.ts';
import type { Target } from '../targets/target.ts';
import { applyWrite, type WriteOutcome } from './apply.ts';
import { answer, refuse, refuseProblem } from './refusals.ts';

/** One attached vCPU with the state found at attach, which is kept until the end. */
export interface Session {
  readonly id: string;
  readonly target: Target;
  readonly attached: Capture;
  capture(): Promise<Answer<Capture>>;
  freeze(): Promise<Answer<Capture>>;
  resume(): Promise<Answer<bigint>>;
  assign(assignments: readonly Assignment[]): Promise<Answer<WriteOutcome>>;
  /** Puts `then` back, which is the state found at attach where nothing else is named. */
  restore(scope: RestoreScope, then?: Capture): Promise<Answer<WriteOutcome>>;
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
  let journal: JournalEntry | null = null;
  let last: Promise<unknown> = Promise.resolve();

  /** One thing at a time on one vCPU: a capture must not fall between a write and its read-back. */
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };

  const beforeWrite = async (): Promise<Answer<null>> => {
    if (journal !== null) return answer(null);
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

  const write = async (stage: (now: Capture) => Answer<StagedWrite>): Promise<Answer<WriteOutcome>> => {
    if (!target.canWrite) return refuse('read-only', `a ${target.identity.kind} target cannot be written`);
    return applyWrite(target, { stage, beforeWrite });
  };

  const restore = async (scope: RestoreScope, then: Capture): Promise<Answer<WriteOutcome>> => {
    const outcome = await write((now) => staged('restore', stageRestore(now, then, scope)));
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
    assign: (assignments) => inTurn(() => write((now) => staged('assignment', stageAssignments(now, assignments)))),
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
