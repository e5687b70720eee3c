import { fromBase64, toBase64 } from '../bits/base64.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import type { ComponentPlace, Image, Layout, LayoutGuess, LostBytes } from '../capture/image.ts';
import { componentName } from '../xsave/components.ts';
import { layoutOf } from '../xsave/layout.ts';
import { decodeCutImage } from '../xsave/view.ts';
import type { CaptureDocument } from './document-types.ts';
import { factsDocument, factsReader, shortText } from './facts-document.ts';
import { flag, integer, isObject, list, object, oneOf, type Reader, text, unexpected } from './shape.ts';

const CAPTURE_FORMAT = 'tilescope-capture';
/** Of the capture file; a greater one is refused. */
const CAPTURE_VERSION = 1;

/** Bounds of what a file may claim; real ones stay far below. */
export const MAX_IMAGE_BYTES = 1 << 20;
export const MAX_COMPONENT_BIT = 62;

// ---- writing -------------------------------------------------------------------------------------------------------

/** The format is the image's, and stands with it. */
export const layoutDocument = (layout: Layout): CaptureDocument => ({
  source: layout.source,
  totalBytes: layout.totalBytes,
  components: layout.components.map((place) => ({ name: componentName(place.bit), ...place })),
  ...(layout.guess === undefined ? {} : { guess: layout.guess }),
  ...(layout.lost === undefined ? {} : { lost: layout.lost }),
});

/** The capture as plain JSON; SPEC.md describes it field by field. */
export const encodeCapture = ({ image, facts }: Capture): CaptureDocument => ({
  format: CAPTURE_FORMAT,
  version: CAPTURE_VERSION,
  image: { format: image.layout.format, bytes: image.bytes.length, base64: toBase64(image.bytes) },
  layout: layoutDocument(image.layout),
  facts: factsDocument(facts),
});

// ---- reading -------------------------------------------------------------------------------------------------------

const imageReader = object({
  format: oneOf('standard', 'compacted'),
  bytes: integer(0, MAX_IMAGE_BYTES),
  base64: text(Math.ceil(MAX_IMAGE_BYTES / 3) * 4),
});

const placeReader: Reader<ComponentPlace> = object({
  bit: integer(0, MAX_COMPONENT_BIT),
  offsetBytes: integer(0, MAX_IMAGE_BYTES),
  sizeBytes: integer(1, MAX_IMAGE_BYTES),
  aligned64: flag,
  xfdCapable: flag,
  supervisor: flag,
});

const layoutReader = object({
  source: shortText,
  totalBytes: integer(0, 2 * MAX_IMAGE_BYTES),
  components: list(placeReader, MAX_COMPONENT_BIT + 1),
});

const phrases = list(text(1000), 32);
const guessReader: Reader<LayoutGuess> = object({
  candidates: list(object({ cpu: shortText, label: text(1000), speaksFor: phrases, speaksAgainst: phrases }), 16),
  doubtful: list(integer(0, MAX_COMPONENT_BIT), MAX_COMPONENT_BIT + 1),
});
const lostReader: Reader<readonly LostBytes[]> = list(
  object({ offsetBytes: integer(0, MAX_IMAGE_BYTES), sizeBytes: integer(1, MAX_IMAGE_BYTES), why: text(1000) }),
  16,
);

/** What a document may leave out: absent stays absent. */
const optional = <T>(reader: Reader<T>, value: unknown, path: string): Decoded<T | null> =>
  value === undefined ? decoded(null) : reader(value, path);

const headReader = object({ format: shortText, version: integer(0, 2 ** 31 - 1) });

/** Kind and version first: a later version may mean anything by the rest. */
const checkHead = (document: unknown): Decoded<null> => {
  const head = headReader(document, '');
  if (!head.ok) return head;
  if (head.value.format !== CAPTURE_FORMAT) {
    return unexpected('format', `"${head.value.format.slice(0, 40)}" is not ${CAPTURE_FORMAT}`);
  }
  if (head.value.version !== CAPTURE_VERSION) {
    const why = `version ${head.value.version} is not known here; this program reads version ${CAPTURE_VERSION}`;
    return unexpected('version', why);
  }
  return decoded(null);
};

const isSamePlace = (a: ComponentPlace, b: ComponentPlace | undefined): boolean =>
  b !== undefined &&
  a.offsetBytes === b.offsetBytes &&
  a.sizeBytes === b.sizeBytes &&
  !a.aligned64 &&
  !a.xfdCapable &&
  !a.supervisor;

/** The layout built anew from the places, and compared with what the document says of it. */
export const readLayout = (format: Layout['format'], value: unknown, path = 'layout'): Decoded<Layout> => {
  const read = layoutReader(value, path);
  if (!read.ok) return read;
  const { source, components, totalBytes } = read.value;
  if (new Set(components.map((place) => place.bit)).size !== components.length) {
    return unexpected(`${path}.components`, 'a component is named twice');
  }
  const layout = layoutOf(
    format,
    source,
    components.filter((place) => place.bit >= 2),
  );
  if (!layout.ok) return layout;
  const legacy = components.filter((place) => place.bit < 2);
  if (legacy.length !== 2 || !legacy.every((place) => isSamePlace(place, layout.value.components[place.bit]))) {
    return unexpected(`${path}.components`, 'x87 is at 0 with 160 bytes and SSE at 160 with 256, in every image');
  }
  if (layout.value.totalBytes !== totalBytes) {
    const why = `is ${totalBytes} and the components end at ${layout.value.totalBytes}`;
    return unexpected(`${path}.totalBytes`, why);
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const guess = optional(guessReader, fields.guess, `${path}.guess`);
  if (!guess.ok) return guess;
  const lost = optional(lostReader, fields.lost, `${path}.lost`);
  if (!lost.ok) return lost;
  return decoded({
    ...layout.value,
    ...(guess.value === null ? {} : { guess: guess.value }),
    ...(lost.value === null ? {} : { lost: lost.value }),
  });
};

const readImage = (document: Readonly<Record<string, unknown>>): Decoded<Image> => {
  const read = imageReader(document.image, 'image');
  if (!read.ok) return read;
  const bytes = fromBase64(read.value.base64);
  if (!bytes.ok) return bytes;
  if (bytes.value.length !== read.value.bytes) {
    return unexpected('image.bytes', `is ${read.value.bytes} and the base64 holds ${bytes.value.length}`);
  }
  const layout = readLayout(read.value.format, document.layout);
  // An image that ends inside a component in use is kept as it was opened: what is lost is shown as lost.
  return layout.ok ? decodeCutImage(bytes.value, layout.value) : layout;
};

/** A capture from a document of any origin: everything is checked, fields that are not known are ignored. */
export const decodeCapture = (document: unknown): Decoded<Capture> => {
  const head = checkHead(document);
  if (!head.ok) return head;
  const fields = document as Readonly<Record<string, unknown>>;
  const image = readImage(fields);
  if (!image.ok) return image;
  const facts = factsReader(fields.facts, 'facts');
  return facts.ok ? decoded({ image: image.value, facts: facts.value }) : facts;
};

export const isCaptureDocument = (document: unknown): boolean =>
  isObject(document) && Object.hasOwn(document, 'format') && document.format === CAPTURE_FORMAT;

/** The capture file: the document as JSON, indented so that it can be read and compared as text. */
export const captureText = (capture: Capture): string => `${JSON.stringify(encodeCapture(capture), null, 2)}\n`;

/** A capture file's text. A problem where it is no JSON, of another version, or a value is not as described. */
export const parseCaptureText = (text: string): Decoded<Capture> => {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undecodable({ kind: 'syntax', what: 'capture file', at: 0, expected: 'a JSON document' });
  }
  return decodeCapture(document);
};
