import type { Answer, Bridge, SessionId, Told } from '../../../app/bridge.ts';
import { withChange } from '../../../app/session/json-change.ts';
import { ask } from './ask.ts';

interface Last {
  readonly session: SessionId;
  readonly number: number;
  readonly whole: unknown;
}

/** What was told last over each bridge: the next may come as what differs from it. */
const toldLast = new WeakMap<Bridge, Last>();

/** The whole of what is told, whether it came whole or not. */
export const askTold = async <T>(
  bridge: Bridge,
  session: SessionId,
  request: (have: number | null) => Promise<Answer<Told<T>>>,
): Promise<Answer<T>> => {
  const last = toldLast.get(bridge);
  const known = last?.session === session ? last : null;
  const answer = await ask(() => request(known?.number ?? null));
  if (!answer.ok) return answer;
  const { value } = answer;
  const whole = 'whole' in value ? value.whole : (withChange(known?.whole, value.change) as T);
  toldLast.set(bridge, { session, number: value.number, whole });
  return { ok: true, value: whole };
};
