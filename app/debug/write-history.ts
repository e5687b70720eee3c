import type { Capture } from '../capture/capture.ts';
import type { RestoreScope } from '../edit/assignment.ts';
import type { GeneralName } from '../register/registers.ts';
import { createHistory, type Kept } from '../session/history.ts';
import type { MemoryPatch } from './memory-write.ts';

interface Parts {
  readonly scope: RestoreScope;
  /** General registers among them. */
  readonly general: readonly GeneralName[];
  /** Guest memory that was written with them, in order. */
  readonly memory: readonly MemoryPatch[];
}

/** One write that arrived: which parts it was about, and the states before and after. */
interface Done extends Parts {
  readonly over: Capture;
  readonly after: Capture;
}

/** The parts to be made equal to what they are in `to`; in `from` they are as the step left them. */
export interface WriteStep extends Parts {
  readonly from: Capture;
  readonly to: Capture;
  /** Guest memory that holds what was written once the step is walked. */
  readonly standingMemory: () => readonly MemoryPatch[];
}

/** What was written in a session, in order, and how much of it stands. */
export interface WriteHistory {
  /** A new write: what was undone before it cannot be redone any more. */
  add(write: Done): void;
  toUndo(): WriteStep | null;
  toRedo(): WriteStep | null;
  /** After the write of a step has arrived; `memory` is what a redo has written of it this time. */
  walked(word: 'undo' | 'redo', memory?: readonly MemoryPatch[]): void;
  /** How many steps there are to walk back, and forth again. */
  readonly undoable: number;
  readonly redoable: number;
  /** General registers that hold what was written: by the writes that stand, since everything last went back. */
  general(): readonly GeneralName[];
  /** Guest memory that holds what was written, in order, by the same count. */
  memory(): readonly MemoryPatch[];
  /** Everything is as it was found at attach, by the last write; or without any, where the guest had put it back itself. */
  allWentBack(byWrite?: boolean): void;
}

/** Far more than anyone walks back, and a bound for what a page that writes without end can hold. */
const MOST_WRITES = 10_000;

interface Stood {
  readonly general: readonly GeneralName[];
  readonly memory: readonly MemoryPatch[];
  /** With it everything went back. */
  readonly endsAll: boolean;
  /** What it wrote was found gone, until undo or redo is used again. */
  readonly isGone: boolean;
}

interface Standing {
  readonly general: ReadonlySet<GeneralName>;
  readonly memory: readonly MemoryPatch[];
}

const NOTHING: Standing = { general: new Set(), memory: [] };

const standingAfter = (before: Standing, { general, memory, endsAll, isGone }: Stood): Standing => {
  if (endsAll) return NOTHING;
  if (isGone || general.length + memory.length === 0) return before;
  return { general: new Set([...before.general, ...general]), memory: [...before.memory, ...memory] };
};

export const createWriteHistory = (): WriteHistory => {
  // What a write leaves is what the next one finds: kept once.
  const states = createHistory();
  let done: (Parts & Stood & { readonly over: Kept; readonly after: Kept })[] = [];
  /** From the writes that are too long ago to be walked back to. */
  let long: Standing = NOTHING;
  let standing = 0;
  const standingOf = (count: number, everyOne = false): Standing =>
    done
      .slice(0, count)
      .map((write) => (everyOne ? { ...write, isGone: false } : write))
      .reduce(standingAfter, long);
  /** @param left how many writes stand once it is walked: by a walk all of them count again */
  const step = ({ scope, general, memory }: Parts, from: Kept, to: Kept, left: number): WriteStep => ({
    ...{ scope, general, memory, standingMemory: () => standingOf(left, true).memory },
    from: states.captureOf(from),
    to: states.captureOf(to),
  });
  return {
    add: ({ scope, general, memory, over, after }) => {
      const kept = { over: states.add(over), after: states.add(after) };
      const write = { scope, general, memory, ...kept, endsAll: false, isGone: false };
      const all = [...done.slice(0, standing), write];
      const tooMany = Math.max(0, all.length - MOST_WRITES);
      long = all.slice(0, tooMany).reduce(standingAfter, long);
      done = all.slice(tooMany);
      standing = done.length;
    },
    toUndo: () => {
      const last = done[standing - 1];
      return last === undefined ? null : step(last, last.after, last.over, standing - 1);
    },
    toRedo: () => {
      const next = done[standing];
      return next === undefined ? null : step(next, next.over, next.after, standing + 1);
    },
    walked: (word, memory = []) => {
      // What a walk writes is what an earlier write wrote: from here on they count again.
      if (done.some(({ isGone }) => isGone)) done = done.map((write) => ({ ...write, isGone: false }));
      const redone = word === 'redo' ? done[standing] : undefined;
      if (redone !== undefined) done[standing] = { ...redone, memory };
      standing += word === 'undo' ? -1 : 1;
    },
    get undoable() {
      return standing;
    },
    get redoable() {
      return done.length - standing;
    },
    general: () => [...standingOf(standing).general],
    memory: () => standingOf(standing).memory,
    allWentBack: (byWrite = true) => {
      if (!byWrite) {
        long = NOTHING;
        done = done.map((write, at) => (at < standing ? { ...write, isGone: true } : write));
        return;
      }
      const last = done[standing - 1];
      if (last === undefined) long = NOTHING;
      else done[standing - 1] = { ...last, endsAll: true };
    },
  };
};
