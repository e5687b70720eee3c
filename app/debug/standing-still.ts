import type { Capture } from '../capture/capture.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, type Refused } from '../refusals/refusal.ts';
import { memoryOf } from './memory-of.ts';
import { isStopped } from './run-state.ts';
import type { Target } from './target.ts';

type Use<T> = (memory: GuestMemory, capture: Capture) => Promise<Answer<T>>;

/**
 * The vCPU stands still while its memory is used, and runs on as it did.
 * @param hold stops it where it runs, and reads it
 */
export const standingStill = async <T>(
  target: Target,
  use: Use<T>,
  hold: () => Promise<Answer<Capture>>,
): Promise<Answer<T>> => {
  const wasFrozen = isStopped(target);
  try {
    const now = await hold();
    const memory = now.ok ? await memoryOf(target, now.value.facts) : now;
    return now.ok && memory.ok ? await use(memory.value, now.value) : (memory as Refused);
  } finally {
    if (!wasFrozen && isStopped(target)) await target.resume();
  }
};

export const freezeAndRead = async (target: Target): Promise<Answer<Capture>> => {
  const frozen = isStopped(target) ? answer(null) : await target.freeze();
  return frozen.ok ? target.capture() : frozen;
};

export const withMemory = <T>(target: Target, use: Use<T>): Promise<Answer<T>> =>
  standingStill(target, use, () => freezeAndRead(target));
