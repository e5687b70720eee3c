import type { Decoded } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { type StagedWrite, stageAssignments } from '../edit/assign.ts';
import type { Assignment, RestoreScope } from '../edit/assignment.ts';
import { isMemoryPath, type MemoryEdit, printMemoryPath } from '../edit/memory-path.ts';
import { stageRestore } from '../edit/restore.ts';
import { stageWalk } from '../edit/walk.ts';
import type { Answer } from '../refusals/answer.ts';
import type { RefusalCode } from '../refusals/codes.ts';
import { answer, type Refused, refuse, refuseProblem } from '../refusals/refusal.ts';
import type { GeneralName } from '../register/registers.ts';
import { printElement } from '../value/print.ts';
import { applyWrite, holdAndRead, type WriteOutcome } from './apply.ts';
import type { Clock } from './clock.ts';
import { generalToRestore } from './general-to-restore.ts';
import type { SessionJournal } from './journal.ts';
import {
  backAct,
  type DrawMemory,
  type MayStand,
  type MemoryAct,
  type MemoryDone,
  requestsOf,
  writeAct,
} from './memory-steps.ts';
import { type MemoryBefore, type MemoryPatch, putMemoryBack } from './memory-write.ts';
import { freezeAndRead, standingStill } from './standing-still.ts';
import type { Target } from './target.ts';
import { createWriteHistory } from './write-history.ts';
import type { WritesSoFar } from './writes-so-far.ts';

/** What a session writes, of registers and of guest memory: one order of undo, and one journal. */
export interface SessionWrites {
  assign(assignments: readonly Assignment[]): Promise<Answer<WriteOutcome>>;
  restore(scope: RestoreScope, then: Capture): Promise<Answer<WriteOutcome>>;
  walk(word: 'undo' | 'redo'): Promise<Answer<WriteOutcome>>;
  writeMemory(draw: DrawMemory): Promise<Answer<MemoryDone>>;
  writes(): WritesSoFar;
  /** There is nothing to undo any more: the guest was taken back to before it. */
  startAnew(): void;
}

const staged = (code: RefusalCode, result: Decoded<StagedWrite>): Answer<StagedWrite> => {
  if (result.ok) return answer(result.value);
  return refuseProblem(result.problem.kind === 'syntax' ? 'syntax' : code, result.problem, {
    remedy: 'Nothing was written',
  });
};

/** A write of registers and of guest memory, in one stop. */
interface Written {
  readonly outcome: WriteOutcome;
  readonly memory: MemoryDone | null;
}

const NO_MEMORY: readonly MemoryPatch[] = [];

const hasChanged = ({ outcome: { writtenBytes, changes }, memory }: Written): boolean =>
  writtenBytes > 0 || changes.some(({ before, after }) => before !== after) || (memory?.patches.length ?? 0) > 0;

const bytesIn = (patches: readonly MemoryPatch[]): number => patches.reduce((sum, { after }) => sum + after.length, 0);

/** The outcome that is told: bytes of guest memory among those written. */
const toldOf = ({ outcome, memory }: Written): WriteOutcome => {
  if (memory === null) return outcome;
  const writtenBytes = outcome.writtenBytes + bytesIn(memory.patches);
  return { ...outcome, writtenBytes, ...(memory.leftAlone === null ? {} : { leftAlone: memory.leftAlone }) };
};

/** What stood at each element, by its path. */
const textsBefore = (edits: readonly MemoryEdit[], before: readonly MemoryBefore[]): ReadonlyMap<string, string> => {
  const bytes = new Map<string, number>();
  for (const [at, { address, isPhysical }] of requestsOf(edits).entries()) {
    for (const [offset, byte] of (before[at]?.before ?? new Uint8Array()).entries()) {
      bytes.set(`${isPhysical} ${BigInt.asUintN(64, address + BigInt(offset))}`, byte);
    }
  }
  return new Map(
    edits.map((edit) => {
      const stood = edit.bytes.map(
        (_, offset) => bytes.get(`${edit.isPhysical} ${BigInt.asUintN(64, edit.address + BigInt(offset))}`) ?? 0,
      );
      return [printMemoryPath(edit), printElement(edit.type, stood, 0)];
    }),
  );
};

interface SessionWritesOptions {
  readonly target: Target;
  readonly attached: Capture;
  readonly clock: Clock;
  readonly journal: SessionJournal;
  /** Told where registers of a live vCPU were written and read back. */
  readonly wrote: (over: Capture, after: Capture) => void;
}

export const createSessionWrites = ({
  target,
  attached,
  clock,
  journal,
  wrote,
}: SessionWritesOptions): SessionWrites => {
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
    standingMemoryBytes: bytesIn(done.memory()),
  });

  const writeRegisters = async (
    stage: (now: Capture) => Answer<StagedWrite>,
    beforeWrite: () => Promise<Answer<null>>,
  ): Promise<Answer<WriteOutcome>> => {
    let stands: readonly GeneralName[] = [];
    const outcome = await applyWrite(target, clock, {
      stage,
      beforeWrite: async ({ generalNames }) => {
        const ready = await journal.ready([...standing(), ...generalNames]);
        return ready.ok ? beforeWrite() : ready;
      },
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
      wrote(outcome.value.over, outcome.value.capture);
    }
    return outcome;
  };

  const standingMemory = (): readonly MemoryPatch[] => done.memory();
  /** A write that could not be rolled back is one: it stays in the journal, and goes back by undo and with everything. */
  const mayStand: MayStand = (memory, now) =>
    done.add({ scope: { kind: 'paths', paths: [] }, general: [], memory, over: now, after: now });

  /** Memory first, once the registers are known to be taken; it goes back where they are not. */
  const writeBoth = (
    stage: (now: Capture) => Answer<StagedWrite>,
    act: MemoryAct,
    withRegisters: boolean,
  ): Promise<Answer<Written>> =>
    standingStill<Written>(
      target,
      async (memory, now) => {
        let made: Answer<MemoryDone> | null = null;
        const once = async (): Promise<Answer<MemoryDone>> => {
          made ??= await act(memory, now);
          return made;
        };
        const paper = stage(now);
        if (!paper.ok) return paper;
        const nothing = { over: now, capture: now, changes: paper.value.changes, writtenBytes: 0, pauseNs: null };
        const registers = withRegisters
          ? await writeRegisters(stage, async () => {
              const first = await once();
              return first.ok ? answer(null) : first;
            })
          : answer<WriteOutcome>(nothing);
        if (registers.ok) {
          const memoryDone = await once();
          return memoryDone.ok ? answer({ outcome: registers.value, memory: memoryDone.value }) : memoryDone;
        }
        const memoryMade = made as Answer<MemoryDone> | null;
        if (memoryMade?.ok !== true) return registers;
        const back = await putMemoryBack(memory, memoryMade.value.patches);
        if (back.ok || back.refusal.code === 'overtaken') {
          await journal.readyMemory(standingMemory());
          return registers;
        }
        mayStand(memoryMade.value.patches, now);
        const what = `${registers.refusal.what}; guest memory that was written before could not be put back: ${back.refusal.what}`;
        return { ok: false, refusal: { ...registers.refusal, code: 'roll-back', what } };
      },
      withRegisters ? () => holdAndRead(target, clock) : () => freezeAndRead(target),
    );

  const write = async (
    stage: (now: Capture) => Answer<StagedWrite>,
    act: MemoryAct | null,
    withRegisters: boolean,
  ): Promise<Answer<Written>> => {
    if (!target.canWrite) return refuse('read-only', `a ${target.identity.kind} target cannot be written`);
    if (act !== null) return writeBoth(stage, act, withRegisters);
    const outcome = await writeRegisters(stage, async () => answer(null));
    return outcome.ok ? answer({ outcome: outcome.value, memory: null }) : outcome;
  };

  /** A write that can be undone: the state it was drawn up from, and the one read back. */
  const recorded = async (
    scope: RestoreScope,
    stage: (now: Capture) => Answer<StagedWrite>,
    act: MemoryAct | null = null,
    withRegisters = true,
  ): Promise<Answer<Written>> => {
    let general: readonly GeneralName[] = [];
    const written = await write(
      (now) => {
        const drawnUp = stage(now);
        if (drawnUp.ok) general = drawnUp.value.generalNames;
        return drawnUp;
      },
      act,
      withRegisters,
    );
    if (!written.ok) return written;
    const { over, capture } = written.value.outcome;
    const memory = written.value.memory?.patches ?? NO_MEMORY;
    if (hasChanged(written.value)) done.add({ scope, general, memory, over, after: capture });
    return written;
  };

  const nothing = (now: Capture): Answer<StagedWrite> => staged('assignment', stageAssignments(now, []));

  /** The write of an undo or redo; refused, nothing moves. */
  const walk = async (word: 'undo' | 'redo'): Promise<Answer<WriteOutcome>> => {
    const step = word === 'undo' ? done.toUndo() : done.toRedo();
    if (step === null) return refuse(`nothing-to-${word}`, `there is nothing to ${word}`);
    const { scope, general, memory, standingMemory: afterwards } = step;
    const again = memory.map(({ physical, after }) => ({ address: physical, isPhysical: true, bytes: after }));
    const act =
      memory.length === 0
        ? null
        : word === 'undo'
          ? backAct(journal, standingMemory, memory, afterwards())
          : writeAct(journal, standingMemory, async () => answer(again), mayStand);
    const isMemoryAlone = scope.kind === 'paths' && scope.paths.length === 0;
    const stage = (now: Capture) => (isMemoryAlone ? nothing(now) : staged(word, stageWalk(now, step, scope, general)));
    const written = await write(stage, act, !isMemoryAlone);
    if (!written.ok) return written;
    done.walked(word, written.value.memory?.patches ?? NO_MEMORY);
    await journal.settle(standing());
    if (act !== null) await journal.readyMemory(standingMemory());
    return answer(toldOf(written.value));
  };

  const assign = async (assignments: readonly Assignment[]): Promise<Answer<WriteOutcome>> => {
    const isMemory = ({ path }: Assignment): boolean => isMemoryPath(path);
    const paths = assignments.filter((one) => !isMemory(one)).map(({ path }) => path.trim());
    const drawn = stageAssignments(attached, assignments.filter(isMemory));
    const edits = drawn.ok ? drawn.value.memory : [];
    const act =
      edits.length === 0 ? null : writeAct(journal, standingMemory, async () => answer(requestsOf(edits)), mayStand);
    const stage = (now: Capture) => staged('assignment', stageAssignments(now, assignments));
    const written = await recorded({ kind: 'paths', paths }, stage, act, act === null || paths.length > 0);
    if (!written.ok) return written;
    const outcome = toldOf(written.value);
    const stood = textsBefore(edits, written.value.memory?.before ?? []);
    return answer({
      ...outcome,
      changes: outcome.changes.map((row) => ({ ...row, before: stood.get(row.path) ?? row.before })),
    });
  };

  const restore = async (scope: RestoreScope, then: Capture): Promise<Answer<WriteOutcome>> => {
    const general = generalToRestore(writes(), then === attached);
    // With general registers left out something that was written stays.
    const whole = then === attached && scope.kind === 'all' && (scope.general !== false || standing().length === 0);
    const stage = (now: Capture) => staged('restore', stageRestore(now, then, scope, general));
    const back = whole && standingMemory().length > 0 ? backAct(journal, standingMemory, standingMemory(), []) : null;
    const written = await recorded(scope, stage, back);
    if (!written.ok) return written;
    if (whole) {
      done.allWentBack(hasChanged(written.value));
      unsure.clear();
      await journal.forget();
    }
    return answer(toldOf(written.value));
  };

  const writeMemory = async (draw: DrawMemory): Promise<Answer<MemoryDone>> => {
    const act = writeAct(journal, standingMemory, draw, mayStand);
    const written = await recorded({ kind: 'paths', paths: [] }, nothing, act, false);
    if (!written.ok || written.value.memory === null) return written as Refused;
    return answer(written.value.memory);
  };

  return {
    ...{ assign, restore, walk, writeMemory, writes },
    startAnew: () => {
      done = createWriteHistory();
    },
  };
};
