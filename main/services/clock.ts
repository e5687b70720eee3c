import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../app/debug/clock.ts';

/** The machine's own. */
export const CLOCK: Clock = {
  sleep: (ms) => delay(ms),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};
