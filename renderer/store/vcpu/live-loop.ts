/** Asks again and again, at a rate that may change, never for a second answer before the first has come. */
export interface LiveLoop {
  /** The rate may have changed: starts, goes on at another rate, or ends. */
  nudge(): void;
}

export interface LiveLoopOptions {
  /** Readings a second that are wanted now; 0: none. */
  readonly hz: () => number;
  /** One reading. False: it came to nothing, and does not count. */
  readonly read: () => Promise<boolean>;
  /** How many readings a second there are, as a whole number; null: not known yet, or none. */
  readonly tell: (hz: number | null) => void;
}

/** Readings come this much apart at least: a host that answers at once leaves the page time to draw. */
const LEAST_PAUSE_MS = 1;
/** The rate told is that of the last two seconds. */
const RATE_WINDOW_MS = 2000;
const TELL_EVERY_MS = 500;

export const createLiveLoop = ({ hz, read, tell }: LiveLoopOptions): LiveLoop => {
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
    for (let rate = hz(); rate > 0; rate = hz()) {
      if (rate !== lastHz) {
        [lastHz, times, dueMs] = [rate, [], performance.now()];
        tell(null);
      }
      const counted = await read();
      const nowMs = performance.now();
      if (counted) times.push(nowMs);
      // At least two intervals, however slow the readings are.
      while (times.length > 3 && nowMs - (times[0] ?? nowMs) > RATE_WINDOW_MS) times.shift();
      const [first, last] = [times[0], times.at(-1)];
      if (times.length > 2 && first !== undefined && last !== undefined && nowMs - toldMs >= TELL_EVERY_MS) {
        toldMs = nowMs;
        tell(Math.round(((times.length - 1) * 1000) / Math.max(1, last - first)));
      }
      // What was missed is not made up for: a slow answer lowers the rate.
      dueMs = Math.max(dueMs + 1000 / rate, nowMs + LEAST_PAUSE_MS);
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
