import type { Answer, Refusal } from '../../../app/bridge.ts';
import { refusal } from '../../../app/refusals/refusal.ts';
import type { DebuggerStore, State } from '../state/state.ts';
import type { Busy } from '../state/target.ts';
import { ask } from './ask.ts';
import { BUSY } from './availability.ts';

const REFUSED = refusal('busy', BUSY);

/**
 * One act on a target at a time; its refusal lands in the centre, and an act that succeeds takes an older one away. What the
 * host told meanwhile, as that the target has ended, stays.
 */
export type Act = <T>(busy: Busy, request: () => Promise<Answer<T>>) => Promise<Answer<T>>;

/** The refusal on screen, where it came after this one; null: it did not. */
export const newerThan = (older: Refusal | null, { refusal }: Pick<State, 'refusal'>): Refusal | null =>
  refusal === older ? null : refusal;

export const createAct =
  ({ getState: get, set, put }: DebuggerStore): Act =>
  async (busy, request) => {
    const { busy: other, refusal: older } = get();
    if (other !== null) return { ok: false, refusal: REFUSED };
    set({ busy });
    const answer = await ask(request);
    put({ refusal: answer.ok ? newerThan(older, get()) : answer.refusal }, { busy: null });
    return answer;
  };
