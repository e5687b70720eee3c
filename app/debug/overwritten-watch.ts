import type { Capture } from '../capture/capture.ts';
import { overwrittenParts } from '../session/overwritten.ts';
import type { Clock } from './clock.ts';

/** A VMM that puts a copy of its own back does so when its monitor is asked, or at its next look at the vCPU. */
const FIRST_LOOK_MS = 60;
const SECOND_LOOK_MS = 600;

export interface Overwritten {
  /** Components and registers, as shown, that do not hold what was written any more. */
  readonly parts: readonly string[];
  readonly capture: Capture;
}

/**
 * Looks at a vCPU again once it has run on after a write: whether what was written is still there. A write that is found
 * gone is told once.
 */
export interface OverwrittenWatch {
  /** A write was read back and verified. */
  wrote(over: Capture, after: Capture): void;
  /** The vCPU runs on. */
  resumed(): void;
  /** The first look at the last write: null where nothing was to be looked at, or all of it is still there. */
  firstLook(): Promise<Overwritten | null>;
  /** Nothing is looked at any more. */
  stop(): void;
}

interface WatchOptions {
  readonly clock: Clock;
  /** Whether the vCPU stands still: then what is pending is looked at when it runs on. */
  readonly isFrozen: () => boolean;
  /** One capture in turn; null: it cannot be had, or the vCPU stands still or is outside KVM_RUN. */
  readonly look: () => Promise<Capture | null>;
  readonly tell: (found: Overwritten) => void;
}

interface Pending {
  readonly over: Capture;
  readonly after: Capture;
  readonly isFrozen: boolean;
}

export const createOverwrittenWatch = ({ clock, look, isFrozen, tell }: WatchOptions): OverwrittenWatch => {
  let pending: Pending | null = null;
  let callOff: (() => void)[] = [];
  let first: Promise<Overwritten | null> = Promise.resolve(null);
  let endFirst: (found: Overwritten | null) => void = () => undefined;

  const callOffLooks = (): void => {
    for (const cancel of callOff) cancel();
    callOff = [];
  };
  const quiet = (): void => {
    callOffLooks();
    endFirst(null);
  };

  /** What a capture says of a write; told, and then no longer pending. */
  const judge = (write: Pending, now: Capture): Overwritten | null => {
    const parts = overwrittenParts(write.over, write.after, now);
    if (parts.length === 0) return null;
    if (pending === write) {
      pending = null;
      callOffLooks();
    }
    const found = { parts, capture: now };
    tell(found);
    return found;
  };

  const lookAt = async (write: Pending): Promise<Overwritten | null> => {
    const now = pending === write ? await look() : null;
    return now === null || pending !== write ? null : judge(write, now);
  };

  const schedule = (write: Pending): void => {
    quiet();
    first = new Promise((resolve) => {
      endFirst = resolve;
    });
    const end = endFirst;
    callOff = [
      clock.after(FIRST_LOOK_MS, () => void lookAt(write).then(end)),
      clock.after(SECOND_LOOK_MS, () => {
        void lookAt(write).then(() => {
          if (pending === write && !isFrozen()) pending = null;
        });
      }),
    ];
  };

  return {
    wrote: (over, after) => {
      const previous = pending;
      const isStill = isFrozen();
      // The write before this one is judged by what this one found; while the vCPU stands still they are one.
      const isOne = previous?.isFrozen === true && isStill;
      if (previous !== null && !isOne) judge(previous, over);
      quiet();
      pending = { over: isOne ? previous.over : over, after, isFrozen: isStill };
      if (!isStill) schedule(pending);
    },
    resumed: () => {
      if (pending === null) return;
      pending = { ...pending, isFrozen: false };
      schedule(pending);
    },
    firstLook: () => first,
    stop: () => {
      pending = null;
      quiet();
    },
  };
};
