import type { RestoreScope } from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';

/** One write that arrived: which parts it was about, and the states before and after. */
interface Done {
  readonly scope: RestoreScope;
  readonly over: Capture;
  readonly after: Capture;
}

/** The parts to be made equal to a former state. */
export interface WriteStep {
  readonly scope: RestoreScope;
  readonly state: Capture;
}

/** What was written in a session, in order, and how much of it stands. */
export interface WriteHistory {
  /** A new write: what was undone before it cannot be redone any more. */
  add(write: Done): void;
  toUndo(): WriteStep | null;
  toRedo(): WriteStep | null;
  /** After the write of a step has arrived. */
  walked(word: 'undo' | 'redo'): void;
}

/** Far more than anyone walks back, and a bound for what a page that writes without end can hold. */
const MOST_WRITES = 10_000;

export const createWriteHistory = (): WriteHistory => {
  let done: Done[] = [];
  let standing = 0;
  return {
    add: (write) => {
      done = [...done.slice(0, standing), write].slice(-MOST_WRITES);
      standing = done.length;
    },
    toUndo: () => {
      const last = done[standing - 1];
      return last === undefined ? null : { scope: last.scope, state: last.over };
    },
    toRedo: () => {
      const next = done[standing];
      return next === undefined ? null : { scope: next.scope, state: next.after };
    },
    walked: (word) => {
      standing += word === 'undo' ? -1 : 1;
    },
  };
};
