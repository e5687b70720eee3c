import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { decodeSession, encodeSession } from '../session/session-document.ts';
import { stopWords } from '../session/stop.ts';
import type { OpenedFile, OpenOptions } from './opened.ts';

/** A saved session: one state for each stop, put together when it is asked for. Its layouts are its own: no preset counts. */
export const openSession = (name: string, document: unknown, options: OpenOptions): Decoded<OpenedFile> => {
  const read = decodeSession(document);
  if (!read.ok) return read;
  const session = read.value;
  const { thread } = options;
  const stops = session.stops.filter((stop) => thread === undefined || stop.number === thread);
  if (stops.length === 0) {
    const numbers = session.stops.map(({ number }) => number);
    const why = `there is no stop ${thread} in it; they are numbered from ${numbers[0]} to ${numbers.at(-1)}`;
    return undecodable({ kind: 'not-allowed', what: name, why });
  }
  const states = stops.map((stop) => ({
    label: stopWords(stop),
    number: stop.number,
    get capture() {
      return stop.capture;
    },
  }));
  return decoded({
    kind: 'session',
    states,
    // Written anew: what is passed on is what was understood, and nothing else that the file may hold.
    get session() {
      return encodeSession(session);
    },
  });
};
