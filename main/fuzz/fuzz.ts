import { messageOf } from '../../app/refusals/refusal.ts';
import { createRandom, mutated } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

export interface Fault {
  readonly target: string;
  readonly bytes: Uint8Array;
  readonly what: string;
}

export interface Fuzzed {
  readonly name: string;
  readonly executions: number;
  readonly ms: number;
  /** Different things that came of it. */
  readonly outcomes: number;
  readonly slowestMs: number;
  readonly fault: Fault | null;
}

export interface FuzzBounds {
  readonly seed: number;
  readonly executions?: number;
  readonly ms?: number;
}

/** What one input may take: far more than any takes, on a machine with others on it. */
const MOST_MS_EACH = 20_000;
/** Inputs that are gone on from. */
const MOST_KEPT = 2_000;

/** Feeds a target with what it was given as seeds, and with what becomes of them. The first fault ends it. */
export const fuzz = async (
  target: FuzzTarget,
  { seed, executions = Number.POSITIVE_INFINITY, ms = Number.POSITIVE_INFINITY }: FuzzBounds,
  more: readonly Uint8Array[] = [],
): Promise<Fuzzed> => {
  const random = createRandom(seed);
  const kept: Uint8Array[] = [...target.seeds(), ...more];
  const seeds = [...kept];
  const outcomes = new Set<string>();
  const began = performance.now();
  let [done, slowestMs] = [0, 0];
  const report = (fault: Fault | null): Fuzzed => ({
    ...{ name: target.name, executions: done, ms: performance.now() - began },
    ...{ outcomes: outcomes.size, slowestMs, fault },
  });
  while (done < executions && performance.now() - began < ms) {
    const bytes = seeds[done] ?? mutated(random.pick(kept), random, kept);
    const fault = (what: string): Fuzzed => report({ target: target.name, bytes, what });
    done += 1;
    const at = performance.now();
    try {
      const running = target.run(bytes.slice());
      const outcome = typeof running === 'string' ? running : await running;
      const took = performance.now() - at;
      slowestMs = Math.max(slowestMs, took);
      if (took > MOST_MS_EACH) return fault(`it took ${Math.round(took)} ms`);
      if (!outcomes.has(outcome)) {
        outcomes.add(outcome);
        if (kept.length < MOST_KEPT) kept.push(bytes);
      }
    } catch (error) {
      return fault(error instanceof Error ? (error.stack ?? error.message) : messageOf(error));
    }
  }
  return report(null);
};
