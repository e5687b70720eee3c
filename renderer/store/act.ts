import type { Answer, Refusal } from '../../app/bridge.ts';
import { ask } from './ask.ts';
import type { State } from './state.ts';
import type { Busy } from './target-slice.ts';

const BUSY: Refusal = {
  code: 'busy',
  what: 'another act is under way',
  where: null,
  mend: null,
  call: null,
  errno: null,
};

/** One act on a target at a time; its refusal lands in the centre, and an act that succeeds takes an older one away. */
export type Act = <T>(busy: Busy, request: () => Promise<Answer<T>>) => Promise<Answer<T>>;

export const createAct =
  (set: (part: Partial<State>) => void, get: () => State): Act =>
  async (busy, request) => {
    if (get().busy !== null) return { ok: false, refusal: BUSY };
    set({ busy });
    const answer = await ask(request);
    set({ busy: null, refusal: answer.ok ? null : answer.refusal });
    return answer;
  };
