import { fromBase64 } from '../bits/base64.ts';
import { fromHexInOrder } from '../bits/bytes.ts';
import { type Decoded, decoded, type Problem, undecodable } from '../bits/decoded.ts';
import type { Capture, Facts } from '../capture/capture.ts';
import type { Image, Layout } from '../capture/image.ts';
import type { Cpuid } from '../cpu/cpuid.ts';
import type { Assignment, RestoreScope } from '../edit/assignment.ts';
import { decodeCutImage } from '../xsave/view.ts';
import { MAX_COMPONENT_BIT, MAX_IMAGE_BYTES, readLayout } from './document.ts';
import { count, shortText } from './facts-document.ts';
import { createHistory, type History, type Kept, wholeCapture } from './history.ts';
import type { ModelEvent } from './model-event.ts';
import {
  type SavedBreakpoint,
  type SavedSession,
  type SavedStop,
  SESSION_FORMAT,
  SESSION_VERSION,
} from './saved-session.ts';
import { readFacts } from './session-facts.ts';
import {
  flag,
  hex64Text,
  integer,
  isObject,
  list,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
  unexpected,
} from './shape.ts';
import { type RestoredFrom, STOP_CAUSES, type Write } from './stop.ts';

/** A stop of an opened session, with what the history keeps of it. */
export interface OpenedStop extends SavedStop {
  readonly kept: Kept;
}

/** A session with the history that keeps its stops: more can be added behind the last. */
export interface OpenedSession extends SavedSession {
  readonly staged: readonly Assignment[];
  readonly stops: readonly OpenedStop[];
  readonly history: History;
}

/**
 * Bounds of what a file may claim. A piece and a stop can be named in a few characters each: what all stops take together
 * is bounded besides, in bytes that are put together and in pieces that are referred to.
 */
const MAX_STOPS = 100_000;
const MAX_NUMBER = 2 ** 31 - 1;
const MAX_PIECES = 1 << 20;
const MAX_ALL_IMAGE_BYTES = 3 * 2 ** 29;
const MAX_ALL_REFERENCES = 1 << 23;
/** As main takes them from a page. */
const MAX_ASSIGNMENTS = 4096;
const MAX_PATH_CHARACTERS = 128;
const MAX_VALUE_CHARACTERS = 65_536;

const pathText = text(MAX_PATH_CHARACTERS);
const assignments = list(object({ path: pathText, value: text(MAX_VALUE_CHARACTERS) }), MAX_ASSIGNMENTS);
const stopNumber = integer(1, MAX_NUMBER);

/** An object of which a word tells what else it holds. */
const byKind =
  <T>(kinds: Readonly<Record<string, Reader<unknown>>>): Reader<T> =>
  (value, path) => {
    const kind = object({ kind: oneOf(...Object.keys(kinds)) })(value, path);
    if (!kind.ok) return kind;
    const rest = kinds[kind.value.kind]?.(value, path);
    if (rest?.ok === false) return rest;
    return decoded({ ...kind.value, ...((rest?.value ?? {}) as object) } as T);
  };

const optional =
  <T>(reader: Reader<T>): Reader<T | undefined> =>
  (value, path) =>
    value === undefined ? decoded(undefined) : reader(value, path);

const scopeReader: Reader<RestoreScope> = byKind({
  all: object({}),
  components: object({ bits: list(integer(0, MAX_COMPONENT_BIT), MAX_COMPONENT_BIT + 1) }),
  paths: object({ paths: list(pathText, MAX_ASSIGNMENTS) }),
});

const fromReader: Reader<RestoredFrom> = byKind({
  stop: object({ number: stopNumber }),
  file: object({ name: shortText }),
});

/** @param stops how many stand before: a write is over one of them */
const writeReader = (stops: number): Reader<Write> => {
  const about = { over: integer(0, stops - 1), writtenBytes: integer(0, MAX_NUMBER) };
  const restore: Reader<unknown> = (value, path) => {
    const read = object({ scope: scopeReader, from: optional(fromReader), ...about })(value, path);
    if (!read.ok) return read;
    const { from, ...rest } = read.value;
    return decoded(from === undefined ? rest : { ...rest, from });
  };
  return byKind({ apply: object({ assignments, ...about }), restore, undo: object(about), redo: object(about) });
};

/** As many as a vCPU has registers for. */
const MAX_BREAKPOINTS = 4;
const breakpointReader: Reader<SavedBreakpoint> = (value, path) => {
  const read = object({
    address: hex64Text,
    on: oneOf('execute', 'write', 'access'),
    bytes: integer(1, 8),
    enabled: flag,
    when: optional(shortText),
    hits: optional(count),
  })(value, path);
  if (!read.ok) return read;
  const { address, bytes, when, hits, ...rest } = read.value;
  const isAligned = [1, 2, 4, 8].includes(bytes) && address % BigInt(bytes) === 0n;
  if (!isAligned) return unexpected(`${path}.bytes`, `${bytes} bytes cannot be watched there`);
  return decoded({
    ...{ ...rest, bytes, address: `0x${address.toString(16)}` },
    ...(when === undefined ? {} : { when }),
    ...(hits === undefined ? {} : { hits }),
  });
};

const headReader = object({ format: shortText, version: integer(0, MAX_NUMBER) });
const sessionReader = object({
  product: shortText,
  savedAtMs: count,
  pinned: nullable(stopNumber),
  staged: optional(assignments),
  breakpoints: optional(list(breakpointReader, MAX_BREAKPOINTS)),
});
const eventReader: Reader<ModelEvent> = object({ kind: oneOf('nm', 'ud', 'gp'), text: shortText });
const stopReader = object({
  number: stopNumber,
  cause: oneOf(...STOP_CAUSES),
  label: optional(nullable(shortText)),
  event: optional(nullable(eventReader)),
});

/** What the document has named so far, and the stop before. */
interface Reading {
  readonly history: History;
  readonly pieces: Uint8Array[];
  readonly layouts: Layout[];
  readonly tables: Cpuid[];
  readonly codes: Uint8Array[];
  readonly stops: OpenedStop[];
  image: Image | null;
  /** The pieces of that image, as the history keeps them. */
  cut: readonly Uint8Array[];
  facts: Facts | null;
  /** Two images by turns, the one of this stop and the one before: what is kept of them are the pieces. */
  buffers: readonly [Uint8Array, Uint8Array];
  imageBytes: number;
  references: number;
}

/** A number of what was named before, or, as text, a new piece. */
const readPiece = (reading: Reading, value: unknown, path: string): Decoded<number> => {
  const { pieces } = reading;
  if (typeof value === 'number') return integer(0, pieces.length - 1)(value, path);
  const base64 = text(Math.ceil(MAX_IMAGE_BYTES / 3) * 4)(value, path);
  if (!base64.ok) return base64;
  if (pieces.length >= MAX_PIECES) return unexpected(path, `is one of more than ${MAX_PIECES} pieces`);
  const bytes = fromBase64(base64.value);
  if (!bytes.ok) return within(path, bytes.problem);
  if (bytes.value.length === 0) return unexpected(path, 'is empty');
  pieces.push(bytes.value);
  return decoded(pieces.length - 1);
};

/** An instruction of x86 has no more. (Intel SDM vol. 2, 2.3.11) */
const MAX_CODE_BYTES = 15;

const readCode = ({ codes }: Reading, value: unknown, path: string): Decoded<Uint8Array | null> => {
  if (value === undefined) return decoded(null);
  if (typeof value === 'number') {
    const number = integer(0, codes.length - 1)(value, path);
    return number.ok ? decoded(codes[number.value] ?? null) : number;
  }
  const hex = text(2 * MAX_CODE_BYTES)(value, path);
  if (!hex.ok) return hex;
  const code = fromHexInOrder(hex.value);
  if (code === null) return unexpected(path, 'has to be bytes in hex');
  codes.push(code);
  return decoded(code);
};

const readStopLayout = (reading: Reading, value: unknown, path: string): Decoded<Layout> => {
  const { layouts } = reading;
  if (typeof value === 'number') {
    const number = integer(0, layouts.length - 1)(value, path);
    return number.ok ? decoded(layouts[number.value] as Layout) : number;
  }
  const format = object({ format: oneOf('standard', 'compacted') })(value, path);
  if (!format.ok) return format;
  const layout = readLayout(format.value.format, value, path);
  if (layout.ok) layouts.push(layout.value);
  return layout.ok ? layout : within(path, layout.problem);
};

/** Which piece stands where: all of them beside a layout, else those that differ from the stop before. */
const readPlaces = (reading: Reading, value: unknown, path: string, isWhole: boolean): Decoded<Map<number, number>> => {
  if (!Array.isArray(value)) return unexpected(path, 'has to be a list');
  if (value.length > MAX_IMAGE_BYTES) return unexpected(path, `has ${value.length} entries`);
  const places = new Map<number, number>();
  for (const [index, entry] of value.entries()) {
    const at = `${path}[${index}]`;
    if (!isWhole && !(Array.isArray(entry) && entry.length === 2))
      return unexpected(at, 'has to be a place and a piece');
    const place = isWhole ? decoded(index) : integer(0, reading.cut.length - 1)(entry[0], at);
    if (!place.ok) return place;
    const piece = readPiece(reading, isWhole ? entry : entry[1], at);
    if (!piece.ok) return piece;
    places.set(place.value, piece.value);
  }
  return decoded(places);
};

/** The image of a stop and its pieces, and for each place that is named the number of its piece. */
interface ReadImage {
  readonly image: Image;
  readonly cut: readonly Uint8Array[];
  readonly places: ReadonlyMap<number, number>;
}

/** In the buffer that does not hold the image before. A new one for each stop is what most of the time would go to. */
const putTogether = (reading: Reading, cut: readonly Uint8Array[], sizeBytes: number): Uint8Array => {
  const [free, used] = reading.buffers;
  const bytes = free.length === sizeBytes ? free : new Uint8Array(sizeBytes);
  reading.buffers = [used, bytes];
  let at = 0;
  for (const piece of cut) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
};

const readImage = (reading: Reading, stop: Readonly<Record<string, unknown>>, path: string): Decoded<ReadImage> => {
  const isWhole = reading.image === null || stop.layout !== undefined;
  if (!isWhole && stop.pieces === undefined && reading.image !== null) {
    return decoded({ image: reading.image, cut: reading.cut, places: new Map() });
  }
  const layout =
    isWhole || reading.image === null
      ? readStopLayout(reading, stop.layout, `${path}.layout`)
      : decoded(reading.image.layout);
  if (!layout.ok) return layout;
  const where = `${path}.pieces`;
  const places = readPlaces(reading, stop.pieces, where, isWhole);
  if (!places.ok) return places;
  const cut = isWhole ? [] : [...reading.cut];
  for (const [at, piece] of places.value) cut[at] = reading.pieces[piece] as Uint8Array;
  const sizeBytes = cut.reduce((sum, piece) => sum + piece.length, 0);
  if (sizeBytes > MAX_IMAGE_BYTES) return unexpected(where, `make ${sizeBytes} bytes; ${MAX_IMAGE_BYTES} are the most`);
  reading.imageBytes += sizeBytes;
  reading.references += cut.length;
  if (reading.imageBytes > MAX_ALL_IMAGE_BYTES || reading.references > MAX_ALL_REFERENCES) {
    return unexpected(where, 'the images up to here take more than can be read');
  }
  const image = decodeCutImage(putTogether(reading, cut, sizeBytes), layout.value);
  return image.ok ? decoded({ image: image.value, cut, places: places.value }) : within(where, image.problem);
};

const readStop = (reading: Reading, value: unknown, path: string): Decoded<OpenedStop> => {
  const head = stopReader(value, path);
  if (!head.ok) return head;
  // Own fields only: what an object inherits is not in the document.
  const fields: Readonly<Record<string, unknown>> = { ...(value as object) };
  const { number, cause, label, event } = head.value;
  const previous = reading.stops.at(-1);
  if (previous !== undefined && number <= previous.number)
    return unexpected(`${path}.number`, 'is not above the one before');
  const write = optional(nullable(writeReader(reading.stops.length)))(fields.write, `${path}.write`);
  if (!write.ok) return write;
  const code = readCode(reading, fields.code, `${path}.code`);
  if (!code.ok) return code;
  const read = readImage(reading, fields, path);
  if (!read.ok) return read;
  const facts = readFacts(fields.facts, `${path}.facts`, reading.facts, reading.tables);
  if (!facts.ok) return facts;
  const kept = reading.history.add({ image: read.value.image, facts: facts.value }, read.value.cut);
  // The history's own pieces and tables from here on: they are known as equal without being looked at.
  for (const [at, piece] of read.value.places) reading.pieces[piece] = kept.pieces[at] as Uint8Array;
  for (const name of ['guestCpuid', 'hostCpuid'] as const) {
    const at = facts.value[name] === kept.facts[name] ? -1 : reading.tables.lastIndexOf(facts.value[name]);
    if (at >= 0) reading.tables[at] = kept.facts[name];
  }
  Object.assign(reading, { image: read.value.image, cut: kept.pieces, facts: kept.facts });
  return decoded(
    openedStop({
      ...{ number, cause, label: label ?? null, write: write.value ?? null, event: event ?? null, kept },
      ...(code.value === null ? {} : { code: code.value }),
    }),
  );
};

const openedStop = (stop: Omit<OpenedStop, 'capture'>): OpenedStop => ({
  ...stop,
  get capture(): Capture {
    return wholeCapture(stop.kept);
  },
});

/** The problem with the place where it stands; a problem of this document names its place already. */
const within = (path: string, problem: Problem): Decoded<never> => {
  if (!('what' in problem)) return undecodable(problem);
  const isPlaced = problem.what.startsWith(CAPTURE_WORDS);
  return undecodable({ ...problem, what: isPlaced ? problem.what : `${CAPTURE_WORDS}, ${path}: ${problem.what}` });
};

const CAPTURE_WORDS = 'capture document';
/** The readers are those of the capture document, which speak of one. */
const inSession = (problem: Problem): Problem =>
  'what' in problem && problem.what.startsWith(CAPTURE_WORDS)
    ? { ...problem, what: `session document${problem.what.slice(CAPTURE_WORDS.length)}` }
    : problem;

const readSession = (document: unknown): Decoded<OpenedSession> => {
  const head = headReader(document, '');
  if (!head.ok) return head;
  const { format, version } = head.value;
  if (format !== SESSION_FORMAT) return unexpected('format', `"${format.slice(0, 40)}" is not ${SESSION_FORMAT}`);
  if (version !== SESSION_VERSION) {
    const why = `version ${version} is not known here; this program reads version ${SESSION_VERSION}`;
    return unexpected('version', why);
  }
  const about = sessionReader(document, '');
  if (!about.ok) return about;
  const given = isObject(document) && Object.hasOwn(document, 'stops') ? document.stops : undefined;
  if (!Array.isArray(given) || given.length === 0) return unexpected('stops', 'has to be a list of one stop or more');
  if (given.length > MAX_STOPS) return unexpected('stops', `has ${given.length} entries, ${MAX_STOPS} are the most`);
  const reading: Reading = {
    history: createHistory(),
    ...{ pieces: [], layouts: [], tables: [], codes: [], stops: [] },
    ...{ image: null, cut: [], facts: null, imageBytes: 0, references: 0 },
    buffers: [new Uint8Array(0), new Uint8Array(0)],
  };
  for (const [index, entry] of given.entries()) {
    const stop = readStop(reading, entry, `stops[${index}]`);
    if (!stop.ok) return stop;
    reading.stops.push(stop.value);
  }
  const { product, savedAtMs, pinned, staged, breakpoints } = about.value;
  if (pinned !== null && !reading.stops.some((stop) => stop.number === pinned)) {
    return unexpected('pinned', `there is no stop ${pinned}`);
  }
  const { history, stops } = reading;
  const kept = breakpoints === undefined ? {} : { breakpoints };
  return decoded({ product, savedAtMs, pinned, staged: staged ?? [], ...kept, stops, history });
};

/**
 * A session from a document of any origin: everything is checked once, fields that are not known are ignored. Equal parts of
 * the stops are one object; a capture is put together when it is asked for, anew each time.
 */
export const decodeSession = (document: unknown): Decoded<OpenedSession> => {
  const read = readSession(document);
  return read.ok ? read : undecodable(inSession(read.problem));
};

export const isSessionDocument = (document: unknown): boolean =>
  isObject(document) && Object.hasOwn(document, 'format') && document.format === SESSION_FORMAT;

/** A session file's text. A problem where it is no JSON, of another version, or a value is not as described. */
export const parseSessionText = (text: string): Decoded<OpenedSession> => {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undecodable({ kind: 'syntax', what: 'session file', at: 0, expected: 'a JSON document' });
  }
  return decodeSession(document);
};
