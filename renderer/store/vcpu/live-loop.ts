import type { LivePace } from '../state/live.ts';

/** Asks again and again, at a rate that may change, never for a second answer before the first has come. */
export interface LiveLoop {
  /** The rate may have changed: starts, goes on at another rate, or ends. */
  nudge(): void;
}

export interface LiveLoopOptions {
  /** Readings a second that are wanted now; 0: none. */
  readonly hz: () => number;
  /** One reading, and how long the vCPU stood still for it. Null: it came to nothing, and does not count. */
  readonly read: () => Promise<{ readonly pauseMs: number } | null>;
  /** The vCPU is to stand still for this part of the time at most; null: however long it takes. */
  readonly mostStopped: () => number | null;
  readonly tell: (pace: LivePace | null) => void;
}

/** Readings come this much apart at least: a host that answers at once leaves the page time to draw. */
const LEAST_PAUSE_MS = 1;
/** The rate told is that of the last two seconds. */
const RATE_WINDOW_MS = 2000;
const TELL_EVERY_MS = 500;
/** What a reading costs is the mean of so many: one that took long is paid for over the next ones. */
const MEAN_OF = 8;

const meanOf = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);

const roundedHz = (hz: number): number => (hz < 1 ? Math.round(hz * 10) / 10 : Math.round(hz));

export const createLiveLoop = ({ hz, read, mostStopped, tell }: LiveLoopOptions): LiveLoop => {
  let isLooping = false;
  let lastHz = 0;
  let wake: (() => void) | null = null;

  const sleep = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        wake = null;
        resolve();
      };
      const timer = setTimeout(done, ms);
      wake = done;
    });

  const loop = async (): Promise<void> => {
    isLooping = true;
    let dueMs = performance.now();
    let toldMs = dueMs;
    let times: number[] = [];
    let pausesMs: number[] = [];
    for (let rate = hz(); rate > 0; rate = hz()) {
      if (rate !== lastHz) {
        [lastHz, times, dueMs] = [rate, [], performance.now()];
        tell(null);
      }
      const reading = await read();
      const nowMs = performance.now();
      if (reading !== null) {
        times.push(nowMs);
        pausesMs = [...pausesMs, reading.pauseMs].slice(-MEAN_OF);
      }
      const most = mostStopped();
      const restMs = most === null ? 0 : meanOf(pausesMs) / most;
      // At least two intervals, however slow the readings are.
      while (times.length > 3 && nowMs - (times[0] ?? nowMs) > RATE_WINDOW_MS) times.shift();
      const [first, last] = [times[0], times.at(-1)];
      if (times.length > 2 && first !== undefined && last !== undefined && nowMs - toldMs >= TELL_EVERY_MS) {
        toldMs = nowMs;
        tell({
          hz: roundedHz(((times.length - 1) * 1000) / Math.max(1, last - first)),
          backsOffMs: restMs > 1000 / rate ? meanOf(pausesMs) : null,
        });
      }
      // What was missed is not made up for: a slow answer lowers the rate.
      dueMs = Math.max(dueMs + 1000 / rate, nowMs + LEAST_PAUSE_MS, nowMs + restMs);
      await sleep(dueMs - nowMs);
    }
    isLooping = false;
    lastHz = 0;
    tell(null);
  };

  return {
    nudge() {
      const rate = hz();
      if (isLooping) {
        if (rate !== lastHz) wake?.();
      } else if (rate > 0) void loop();
    },
  };
};
