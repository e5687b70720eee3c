import type { Answer, Applied, ComparedOrphan, Orphan } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { applyWrite, type WriteOutcome } from '../../app/debug/apply.ts';
import { memoryOf } from '../../app/debug/memory-of.ts';
import { putMemoryBack } from '../../app/debug/memory-write.ts';
import type { Target } from '../../app/debug/target.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import { answer, refuse, refuseProblem } from '../../app/refusals/refusal.ts';
import { encodeCapture } from '../../app/session/document.ts';
import { type JournalEntry, sameVcpu, withoutDeletedMark } from '../../app/session/journal-entry.ts';
import { type KeptFile, keptFiles, readJournal, removeJournal } from '../io/journal.ts';
import { bootId, executableOf, startTimeOf } from '../io/processes.ts';
import { CLOCK } from './clock.ts';
import { inSlot } from './opening.ts';
import type { Slots } from './slots.ts';

/**
 * What a Tilescope that died has left in the journal: states from before its first write, each of one vCPU of one process.
 * An entry goes back to that process alone, by pid, start time, boot, program and vCPU, and never while the Tilescope that
 * wrote it is alive.
 */
export interface Recovery {
  orphans(): Promise<Answer<readonly Orphan[]>>;
  /** One verified write; the entry is forgotten once everything is as it was. */
  recover(id: string): Promise<Answer<WriteOutcome>>;
  /** The state that is kept, the one the vCPU holds now, and the general registers that were written. */
  compare(id: string): Promise<Answer<Compared>>;
  forget(id: string): Promise<Answer<null>>;
}

interface Compared {
  readonly kept: Capture;
  readonly now: Capture;
  readonly general: JournalEntry['general'];
}

export interface RecoveryOptions {
  readonly journalFolder: string;
  readonly openLive: (pid: number, startTimeTicks: bigint, vcpu: number) => Promise<Answer<Target>>;
  /** Whether a session of this process is still open: its entry is in use. */
  readonly isOpen: (session: string) => boolean;
  /** Entries that are being recovered or forgotten, by whichever page. */
  readonly inHand?: Set<string>;
}

type Standing = { readonly state: Orphan['state']; readonly why: string | null };

const standingOf = ({ bootId: boot, capture }: JournalEntry): Standing => {
  const { pid, startTimeTicks, executable } = capture.facts.target;
  const now = bootId();
  if (boot !== null && now !== null && boot !== now) return { state: 'gone', why: 'the machine was started anew' };
  const started = pid === null ? null : startTimeOf(pid);
  if (started === null) return { state: 'gone', why: `process ${pid} has ended` };
  if (started !== startTimeTicks)
    return { state: 'gone', why: `process ${pid} has ended; its number names another now` };
  const program = executableOf(pid ?? 0);
  if (executable !== null && program !== null && program !== withoutDeletedMark(executable)) {
    return { state: 'gone', why: `process ${pid} runs another program now` };
  }
  return { state: 'there', why: null };
};

/** Whether the Tilescope that wrote the entry still runs, and may detach or restore by itself. */
const isInUse = (entry: JournalEntry, isOpen: (session: string) => boolean): boolean => {
  const { owner, bootId: boot } = entry;
  if (owner.pid === process.pid && startTimeOf('self') === owner.startTimeTicks) return isOpen(entry.session);
  const now = bootId();
  if (boot !== null && now !== null && boot !== now) return false;
  return startTimeOf(owner.pid) === owner.startTimeTicks;
};

const nameless = { vmm: '', name: '', executable: null } as const;

const unreadableOrphan = (file: KeptFile, why: string): Orphan => ({
  id: file.session,
  ...nameless,
  pid: file.pid,
  vcpu: file.vcpu,
  keptSinceMs: null,
  state: 'unreadable',
  why,
});

/** ECMAScript's Date ends here, a document does not. */
const LAST_MS = 8.64e15;

const orphanOf = (entry: JournalEntry): Orphan => {
  const { target, takenAtMs } = entry.capture.facts;
  const { vmm, name, executable, pid, vcpu } = target;
  return {
    id: entry.session,
    vmm,
    name,
    executable,
    pid: pid ?? 0,
    vcpu,
    keptSinceMs: takenAtMs > 0 && takenAtMs <= LAST_MS ? takenAtMs : null,
    ...standingOf(entry),
  };
};

/** Guest memory first: it is proved by the tables that the vCPU has now. The entry stays where something of it does not go back. */
const putKeptMemoryBack = async (target: Target, memory: JournalEntry['memory']): Promise<Answer<null>> => {
  if (memory.length === 0) return answer(null);
  const frozen = await target.freeze();
  if (!frozen.ok) return frozen;
  try {
    const now = await target.capture();
    if (!now.ok) return now;
    const opened = await memoryOf(target, now.value.facts);
    return opened.ok ? await putMemoryBack(opened.value, memory) : opened;
  } finally {
    await target.resume();
  }
};

/** Entries that are read for one answer; that there are more is said. */
const MOST_SHOWN = 1024;

export const createRecovery = ({ journalFolder, openLive, isOpen, inHand = new Set() }: RecoveryOptions): Recovery => {
  const fileOf = async (id: string): Promise<Answer<KeptFile>> => {
    const files = await keptFiles(journalFolder);
    if (!files.ok) return files;
    const file = files.value.find((one) => one.session === id);
    return file === undefined
      ? refuse('no-such-entry', 'the journal holds no such entry', {
          where: id,
          remedy: 'tilescope journal lists them',
        })
      : answer(file);
  };

  const beingRecovered = (id: string) =>
    refuse('journal-in-use', 'this state is being recovered or forgotten', { where: id });

  const inUse = (id: string) =>
    refuse('journal-in-use', 'the Tilescope that keeps this entry is still running', {
      where: id,
      remedy: 'Restore or detach there',
    });

  /** An entry whose target is still there, attached, with the state that it holds now. */
  const withTarget = async <T>(
    id: string,
    use: (target: Target, entry: JournalEntry, now: Capture, file: KeptFile) => Promise<Answer<T>>,
  ): Promise<Answer<T>> => {
    const file = await fileOf(id);
    if (!file.ok) return file;
    const entry = await readJournal(file.value);
    if (!entry.ok) return entry;
    if (isInUse(entry.value, isOpen)) return inUse(id);
    const standing = standingOf(entry.value);
    if (standing.state !== 'there') {
      return refuse('target-gone', standing.why ?? 'the target has ended', {
        where: id,
        remedy: 'Forget what was kept',
      });
    }
    const kept = entry.value.capture;
    const { pid, startTimeTicks, vcpu } = kept.facts.target;
    const target = await openLive(pid ?? 0, startTimeTicks ?? 0n, vcpu);
    if (!target.ok) return target;
    const now = await target.value.capture();
    // Looked at again after attaching: from here on the pid cannot change hands.
    const done = !now.ok
      ? now
      : sameVcpu(kept, now.value) && standingOf(entry.value).state === 'there'
        ? await use(target.value, entry.value, now.value, file.value)
        : refuse('not-the-same-process', 'this is not the vCPU that the state was kept of', { where: `pid ${pid}` });
    const detached = await target.value.detach();
    return done.ok && !detached.ok ? detached : done;
  };

  return {
    orphans: async () => {
      const files = await keptFiles(journalFolder);
      if (!files.ok) return files;
      const found: Orphan[] = [];
      for (const file of files.value.slice(0, MOST_SHOWN)) {
        const entry = await readJournal(file);
        if (entry.ok) {
          if (!isInUse(entry.value, isOpen)) found.push(orphanOf(entry.value));
        } else if (!isOpen(file.session)) found.push(unreadableOrphan(file, entry.refusal.what));
      }
      const [next] = files.value.slice(MOST_SHOWN);
      if (next !== undefined) {
        const more = files.value.length - MOST_SHOWN;
        found.push(unreadableOrphan(next, `this entry and ${more - 1} more were not looked into: forget others first`));
      }
      // The oldest first: of two entries of one vCPU it is the state from before the first of all writes.
      return answer(found.sort((a, b) => (a.keptSinceMs ?? 0) - (b.keptSinceMs ?? 0)));
    },
    recover: async (id) => {
      if (inHand.has(id)) return beingRecovered(id);
      inHand.add(id);
      try {
        return await withTarget(id, async (target, { capture, general, memory }, _now, file) => {
          const back = await putKeptMemoryBack(target, memory);
          // What others have written over it since cannot go back at any time: that is said, and the rest is done.
          if (!back.ok && back.refusal.code !== 'overtaken') return back;
          const outcome = await applyWrite(target, CLOCK, {
            stage: (now) => {
              const staged = stageRestore(now, capture, { kind: 'all' }, general);
              return staged.ok ? answer(staged.value) : refuseProblem('restore', staged.problem);
            },
            // The entry itself is on disk: who dies over this write finds it again.
            beforeWrite: async () => answer(null),
          });
          if (!outcome.ok) return outcome;
          const removed = await removeJournal(file);
          if (removed.ok) return back.ok ? outcome : back;
          return { ok: false, refusal: { ...removed.refusal, what: `it was recovered; but ${removed.refusal.what}` } };
        });
      } finally {
        inHand.delete(id);
      }
    },
    compare: (id) =>
      withTarget(id, async (_target, { capture, general }, now) => answer({ kept: capture, now, general })),
    forget: async (id) => {
      // Should the write fail, the entry is all there is to restore from.
      if (inHand.has(id)) return beingRecovered(id);
      inHand.add(id);
      try {
        const file = await fileOf(id);
        if (!file.ok) return file;
        const entry = await readJournal(file.value);
        if (entry.ok && isInUse(entry.value, isOpen)) return inUse(id);
        return await removeJournal(file.value);
      } finally {
        inHand.delete(id);
      }
    },
  };
};

/**
 * The verbs of the bridge over it.
 *
 * @param slots a helper is started for each that looks at a vCPU
 */
export const recoveryVerbs = (recovery: Recovery, slots: Slots) => ({
  orphans: recovery.orphans,
  recover: async (id: string): Promise<Answer<Applied>> => {
    const outcome = await inSlot(slots, () => recovery.recover(id));
    if (!outcome.ok) return outcome;
    const { capture, writtenBytes, changes } = outcome.value;
    return answer({ capture: encodeCapture(capture), writtenBytes, changes });
  },
  compareOrphan: async (id: string): Promise<Answer<ComparedOrphan>> => {
    const found = await inSlot(slots, () => recovery.compare(id));
    if (!found.ok) return found;
    const { kept, now, general } = found.value;
    return answer({ kept: encodeCapture(kept), now: encodeCapture(now), general });
  },
  forgetOrphan: recovery.forget,
});
