import type { Capture } from '../capture/capture.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, type Refused } from '../refusals/refusal.ts';
import type { Clock } from './clock.ts';
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

/** Freezes the vCPU unless it stands still, and reads it; it stays frozen. */
export const freezeAndRead = async (target: Target): Promise<Answer<Capture>> => {
  const frozen = isStopped(target) ? answer(null) : await target.freeze();
  return frozen.ok ? target.capture() : frozen;
};

export const withMemory = <T>(target: Target, use: Use<T>): Promise<Answer<T>> =>
  standingStill(target, use, () => freezeAndRead(target));

/** A vCPU that exits often is outside KVM_RUN for some of the time. */
const ATTEMPTS = 5;
const PAUSE_MS = 3;

/**
 * Stops a vCPU inside KVM_RUN where that can be had: outside it the thread may hold a lock of its VMM's that the vCPU which is
 * driven meanwhile waits for. One that is outside at every attempt waits in its VMM, and is held there.
 */
export const holdStill = async (target: Target, clock: Clock): Promise<Answer<null>> => {
  for (let attempt = 1; ; attempt += 1) {
    const frozen = await target.freeze();
    if (!frozen.ok) return frozen;
    if (frozen.value.inKvmRun || attempt === ATTEMPTS) return answer(null);
    const resumed = await target.resume();
    if (!resumed.ok) return resumed;
    await clock.sleep(PAUSE_MS);
  }
};
