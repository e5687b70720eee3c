import type { Clock } from '../../app/debug/clock.ts';

/** Time that passes when a test says so. */
export interface FakeClock extends Clock {
  nowMs: number;
  readonly slept: number[];
  /** Lets time pass, and what was due be done, in order. */
  pass(ms: number): Promise<void>;
}

export const fakeClock = (): FakeClock => {
  let due: { readonly atMs: number; readonly work: () => void }[] = [];
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  const clock: FakeClock = {
    nowMs: 0,
    slept: [],
    sleep: async (ms) => {
      clock.slept.push(ms);
    },
    after: (ms, work) => {
      const one = { atMs: clock.nowMs + ms, work };
      due.push(one);
      return () => {
        due = due.filter((other) => other !== one);
      };
    },
    pass: async (ms) => {
      const until = clock.nowMs + ms;
      for (;;) {
        const [next] = due.filter(({ atMs }) => atMs <= until).sort((a, b) => a.atMs - b.atMs);
        if (next === undefined) break;
        due = due.filter((other) => other !== next);
        clock.nowMs = next.atMs;
        next.work();
        await settle();
      }
      clock.nowMs = until;
      await settle();
    },
  };
  return clock;
};
