import { toBase64 } from '../bits/base64.ts';
import { toHexInOrder } from '../bits/bytes.ts';
import type { Layout } from '../capture/image.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import { layoutDocument } from './document.ts';
import type { SessionDocument } from './document-types.ts';
import { FACTS_FIELDS } from './facts-document.ts';
import { createHistory, type Kept } from './history.ts';
import { type SavedSession, type SavedStop, SESSION_FORMAT, SESSION_VERSION } from './saved-session.ts';
import { encodeFacts } from './session-facts.ts';

export type { SavedBreakpoint, SavedSession, SavedStop } from './saved-session.ts';
export {
  decodeSession,
  isSessionDocument,
  type OpenedSession,
  type OpenedStop,
  parseSessionText,
} from './session-reader.ts';

/** What stands in a document once: the thing itself where it is first needed, from then on its number. */
const createNumbers = <T>(write: (one: T) => unknown, keyOf: (written: unknown) => string) => {
  const byIdentity = new Map<T, number>();
  const byKey = new Map<string, number>();
  return (one: T): unknown => {
    const known = byIdentity.get(one);
    if (known !== undefined) return known;
    const written = write(one);
    const key = keyOf(written);
    const equal = byKey.get(key);
    const number = equal ?? byKey.size;
    byIdentity.set(one, number);
    byKey.set(key, number);
    return equal ?? written;
  };
};

const changedPlaces = (now: readonly Uint8Array[], previous: readonly Uint8Array[]): number[] =>
  now === previous ? [] : [...now.keys()].filter((at) => now[at] !== previous[at]);

/** The session as plain JSON; SPEC.md describes it field by field. Stops are written in order, each over the one before. */
export const encodeSession = (session: SavedSession): SessionDocument => {
  const pieceNumber = createNumbers(toBase64 as (piece: Uint8Array) => unknown, String);
  const layoutNumber = createNumbers(
    (layout: Layout) => ({ format: layout.format, ...layoutDocument(layout) }),
    (written) => JSON.stringify(written),
  );
  const cpuidNumber = createNumbers(FACTS_FIELDS.guestCpuid.write as (table: Cpuid) => unknown, (written) =>
    JSON.stringify(written),
  );
  const codeNumber = createNumbers(toHexInOrder as (code: Uint8Array) => unknown, String);
  const history = createHistory();
  let previous: Kept | null = null;

  const imageFields = (kept: Kept): Readonly<Record<string, unknown>> => {
    const { pieces, layout } = kept;
    if (previous === null || previous.layout !== layout || previous.pieces.length !== pieces.length) {
      return { layout: layoutNumber(layout), pieces: pieces.map(pieceNumber) };
    }
    const places = changedPlaces(pieces, previous.pieces);
    if (places.length === 0) return {};
    return { pieces: places.map((at) => [at, pieceNumber(pieces[at] ?? new Uint8Array(0))]) };
  };

  const stopDocument = (stop: SavedStop): Readonly<Record<string, unknown>> => {
    const kept = stop.kept ?? history.add(stop.capture);
    const facts = encodeFacts(kept.facts, previous?.facts ?? null, cpuidNumber);
    const written = {
      number: stop.number,
      cause: stop.cause,
      ...(stop.label === null ? {} : { label: stop.label }),
      ...(stop.write === null ? {} : { write: stop.write }),
      ...(stop.event == null ? {} : { event: { kind: stop.event.kind, text: stop.event.text } }),
      ...(stop.code == null || stop.code.length === 0 ? {} : { code: codeNumber(stop.code) }),
      ...imageFields(kept),
      ...(Object.keys(facts).length === 0 ? {} : { facts }),
    };
    previous = kept;
    return written;
  };

  return {
    format: SESSION_FORMAT,
    version: SESSION_VERSION,
    product: session.product,
    savedAtMs: session.savedAtMs,
    pinned: session.pinned,
    staged: session.staged ?? [],
    ...((session.breakpoints ?? []).length === 0 ? {} : { breakpoints: session.breakpoints }),
    stops: session.stops.map(stopDocument),
  };
};

/** The session file: the document with a line for each stop, so that it can be searched and compared as text. */
export const sessionText = (session: SavedSession): string => {
  const { stops, ...head } = encodeSession(session);
  const lines = (stops as readonly unknown[]).map((stop) => JSON.stringify(stop));
  return `${JSON.stringify(head).slice(0, -1)},"stops":[\n${lines.join(',\n')}\n]}\n`;
};
