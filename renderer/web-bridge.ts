import { type Answer, BRIDGE_VERBS, type Bridge, type BridgeVerb, type SessionEvent } from '../app/bridge.ts';
import { isObject } from '../app/session/shape.ts';
import { hostGone } from './store/base/ask.ts';
import { HOST_LOST } from './store/base/availability.ts';

/** What the bridge needs of a WebSocket; a test hands in its own. */
export interface Socket {
  send(text: string): void;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: (() => void) | null;
}

const isAnswer = (value: unknown): value is Answer<never> =>
  isObject(value) && (value.ok === true || (value.ok === false && isObject(value.refusal)));

const isSessionEvent = (value: unknown): value is SessionEvent => {
  if (!isObject(value)) return false;
  if (value.kind === 'helper') return value.problem === null || typeof value.problem === 'string';
  if (value.kind === 'reading') {
    const { name, sizeBytes, elapsedMs } = value;
    return (
      typeof name === 'string' && typeof sizeBytes === 'number' && (elapsedMs === null || typeof elapsedMs === 'number')
    );
  }
  if (value.kind === 'taken') return true;
  if (typeof value.session !== 'string') return false;
  if (value.kind === 'gone') return isObject(value.refusal);
  const { parts } = value;
  const named = Array.isArray(parts) && parts.every((part) => typeof part === 'string');
  return value.kind === 'overwritten' && named && isObject(value.capture);
};

/**
 * The bridge over a WebSocket, for a page served by the web host. Requests are {"id", "verb", "args"}, replies
 * {"id", "answer"}, events {"event"}, all text. Every request ends: in its answer, or refused when the socket closes.
 * A socket that closed stays closed, since the sessions it carried are gone with it. The page that the host's one-time
 * token opened is told the secret by which it comes in again, {"secret"}.
 */
export const createWebBridge = (open: () => Socket, keepSecret: (secret: string) => void = () => undefined): Bridge => {
  const waiting = new Map<number, (answer: Answer<never>) => void>();
  const listeners = new Set<(event: SessionEvent) => void>();
  const unsent: string[] = [];
  let state: 'opening' | 'open' | 'closed' = 'opening';
  let lastId = 0;
  const closed: Answer<never> = { ok: false, refusal: hostGone('the connection to the web host is closed') };
  /** A page that the host does not know is told so by nothing but the end of its socket. */
  const notLetIn: Answer<never> = {
    ok: false,
    refusal: {
      ...hostGone('the host is gone, or does not know this page'),
      remedy:
        'Open the address that Tilescope printed at its start; it is good for one use, so start Tilescope again for another',
    },
  };
  let gone = notLetIn;
  const tell = (event: SessionEvent): void => {
    for (const listener of listeners) listener(event);
  };

  const socket = open();
  socket.onopen = () => {
    state = 'open';
    gone = closed;
    for (const text of unsent.splice(0)) socket.send(text);
  };
  socket.onclose = () => {
    state = 'closed';
    for (const answer of waiting.values()) answer(gone);
    waiting.clear();
    tell({ kind: 'host-gone', problem: HOST_LOST });
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== 'string') return;
    let message: unknown;
    try {
      message = JSON.parse(data);
    } catch {
      return;
    }
    if (!isObject(message)) return;
    if (typeof message.secret === 'string') keepSecret(message.secret);
    if (isSessionEvent(message.event)) tell(message.event);
    if (typeof message.id !== 'number') return;
    const answer = waiting.get(message.id);
    waiting.delete(message.id);
    answer?.(isAnswer(message.answer) ? message.answer : gone);
  };

  const request = (verb: BridgeVerb, args: readonly unknown[]): Promise<Answer<never>> =>
    new Promise((resolve) => {
      if (state === 'closed') {
        resolve(gone);
        return;
      }
      lastId += 1;
      waiting.set(lastId, resolve);
      const text = JSON.stringify({ id: lastId, verb, args });
      if (state === 'open') socket.send(text);
      else unsent.push(text);
    });

  const verbs = Object.fromEntries(
    BRIDGE_VERBS.map((verb) => [verb, (...args: readonly unknown[]) => request(verb, args)]),
  ) as unknown as Omit<Bridge, 'onEvent'>;
  return {
    ...verbs,
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
