import { type Answer, BRIDGE_VERBS, type SessionEvent } from '../../app/bridge.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import type { Sessions } from '../services/sessions.ts';
import type { Verbs } from '../services/verbs.ts';

/** Sessions that refuse every verb but those given, and note their end. */
export interface FakeSessions extends Sessions {
  readonly listeners: Set<(event: SessionEvent) => void>;
  readonly closed: boolean;
  isHolding: boolean;
}

export const fakeSessions = (verbs: Partial<Verbs> = {}): FakeSessions => {
  const refused = async (): Promise<Answer<never>> => refuse('fault', 'not in this test');
  const listeners = new Set<(event: SessionEvent) => void>();
  let closed = false;
  const fake: FakeSessions = {
    ...(Object.fromEntries(BRIDGE_VERBS.map((verb) => [verb, refused])) as unknown as Verbs),
    ...verbs,
    listeners,
    get closed() {
      return closed;
    },
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    isHolding: false,
    holds: () => fake.isHolding,
    close: async () => {
      closed = true;
    },
  };
  return fake;
};
