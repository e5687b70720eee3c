import type { RestoreScope } from '../../app/bridge.ts';
import type { Capture } from '../../app/session/capture.ts';
import { createHistory, type Kept } from '../../app/session/history.ts';

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
  // What a write leaves is what the next one finds: kept once.
  const states = createHistory();
  let done: { readonly scope: RestoreScope; readonly over: Kept; readonly after: Kept }[] = [];
  let standing = 0;
  const step = (scope: RestoreScope, state: Kept): WriteStep => ({ scope, state: states.captureOf(state) });
  return {
    add: ({ scope, over, after }) => {
      const write = { scope, over: states.add(over), after: states.add(after) };
      done = [...done.slice(0, standing), write].slice(-MOST_WRITES);
      standing = done.length;
    },
    toUndo: () => {
      const last = done[standing - 1];
      return last === undefined ? null : step(last.scope, last.over);
    },
    toRedo: () => {
      const next = done[standing];
      return next === undefined ? null : step(next.scope, next.after);
    },
    walked: (word) => {
      standing += word === 'undo' ? -1 : 1;
    },
  };
};
