import { setTimeout as delay } from 'node:timers/promises';

/** Time as a session sees it, so that a test need not wait. */
export interface Clock {
  sleep(ms: number): Promise<void>;
  /** Does the work later; returns the way to call it off. */
  after(ms: number, work: () => void): () => void;
}

export const CLOCK: Clock = {
  sleep: (ms) => delay(ms),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
