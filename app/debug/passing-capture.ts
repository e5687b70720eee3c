import type { Capture } from '../capture/capture.ts';
import type { Answer } from '../refusals/answer.ts';
import type { Clock } from './clock.ts';
import { isStopped } from './run-state.ts';
import type { Target } from './target.ts';

/** A vCPU that exits often is outside KVM_RUN for some of the time, a paused one always. */
const ATTEMPTS = 5;
const PAUSE_MS = 3;

/**
 * One capture of a vCPU that runs, inside KVM_RUN where it can be had. One that was outside at every attempt is held by
 * its VMM: paused, or halted in userspace. Such a capture says so, and what it shows may be older than the VMM's own copy.
 */
export const captureInPassing = async (target: Target, clock: Clock): Promise<Answer<Capture>> => {
  for (let attempt = 1; ; attempt += 1) {
    const now = await target.capture();
    const isOutside = now.ok && now.value.facts.inKvmRun === false;
    if (!isOutside || isStopped(target) || target.identity.kind !== 'live' || attempt === ATTEMPTS) return now;
    await clock.sleep(PAUSE_MS);
  }
};
