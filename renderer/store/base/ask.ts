import type { Answer, Refusal } from '../../../app/bridge.ts';
import { messageOf, refusal } from '../../../app/refusals/refusal.ts';

/** A bridge that throws is a host that is gone: the caller gets a refusal either way, never a rejection. */
export const ask = async <T>(request: () => Promise<Answer<T>>): Promise<Answer<T>> => {
  try {
    return await request();
  } catch (error) {
    return { ok: false, refusal: hostGone(messageOf(error)) };
  }
};

/** The host does not answer any more: why, in its own words. */
export const hostGone = (why: string): Refusal =>
  refusal('host-gone', 'The Tilescope host does not answer', {
    ...{ where: why, remedy: 'Start Tilescope again; the vCPU runs on without it' },
  });

/** A refusal made here, for data that came over the bridge and did not decode. */
export const undecodedRefusal = (what: string, where: string): Refusal => refusal('undecodable', what, { where });

/** The helper or the host ended: what was read stays on screen. */
export const helperGone = (problem: string): Refusal =>
  refusal('helper-gone', `${problem[0]?.toUpperCase() ?? ''}${problem.slice(1)}`, {
    where: 'What was read last stays on screen; the vCPU runs on',
  });
