import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromUtf8 } from '../bits/text.ts';
import { decodeCapture, isCaptureDocument, parseCaptureText } from '../session/document.ts';
import { isSessionDocument } from '../session/session-document.ts';
import { EXTENDED_OFFSET_BYTES } from '../xsave/layout.ts';
import { isCloudHypervisor, openCloudHypervisor } from './cloud-hypervisor.ts';
import { openElfCore } from './elf-core.ts';
import { isElf } from './elf-notes.ts';
import { BITCODE_REFUSAL, isFirecracker, isFirecrackerBitcode, openFirecracker } from './firecracker.ts';
import { parseJson } from './json.ts';
import { surveyJson } from './json-survey.ts';
import { isMinidump, openMinidump } from './minidump.ts';
import { notRead } from './not-read.ts';
import { type OpenedFile, type OpenOptions, stateOf } from './opened.ts';
import { bytesSource, isQcow2, openQcow2 } from './qcow2.ts';
import { isQemuStream, openQemuStream } from './qemu-stream.ts';
import { openRaw } from './raw.ts';
import { openSession } from './session.ts';
import { isSignalFrame, openSignalFrame } from './signal-frame.ts';

export type { FileKind, OpenedFile, OpenedState, OpenOptions } from './opened.ts';

const WHITE_SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);
const BRACE = 0x7b;

/** Text larger than this is no capture and no state.json; it would be decoded as a whole. */
const MOST_TEXT_BYTES = 256 << 20;

/** Text has no NUL, and an XSAVE image has always one before its extended region: FCW 037BH begins with a brace too. */
const beginsObject = (bytes: Uint8Array): boolean => {
  const first = bytes.subarray(0, 64).find((byte) => !WHITE_SPACE.has(byte));
  return first === BRACE && !bytes.subarray(0, EXTENDED_OFFSET_BYTES).includes(0);
};

/** What the engine reads as JSON, many times as fast as the reader that keeps every number exact; undefined: it is none. */
const plainJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

const openText = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  if (bytes.length > MOST_TEXT_BYTES) {
    return undecodable({ kind: 'not-allowed', what: name, why: `${bytes.length} bytes of JSON are too many` });
  }
  const survey = surveyJson(name, bytes);
  if (!survey.ok) return survey;
  const text = textFromUtf8(bytes);
  // Tilescope's own documents name their format; what does not is parsed once, by the other reader.
  const plain = survey.value.names.has('format') ? plainJson(text) : undefined;
  if (isSessionDocument(plain)) return openSession(name, plain, options);
  if (!isCaptureDocument(plain)) {
    // Only here do numbers of 64 bits stand as numbers, which the engine's own JSON rounds.
    const document = parseJson(name, text);
    if (!document.ok) return document;
    if (isCloudHypervisor(document.value)) return openCloudHypervisor(name, document.value, options);
  }
  // Without a format it is not parsed again to be told so.
  const isOther = plain === undefined && !survey.value.names.has('format');
  const capture = isOther ? decodeCapture({}) : plain === undefined ? parseCaptureText(text) : decodeCapture(plain);
  if (!capture.ok) return capture;
  const label = `vCPU ${capture.value.facts.target.vcpu}`;
  const state = stateOf(label, capture.value.image, capture.value.facts);
  return onlyState(name, { kind: 'capture', states: [state] }, options);
};

/** A file of one state has no other: whoever asks for one by its number is not given this one in its place. */
const onlyState = (name: string, file: OpenedFile, { thread }: OpenOptions): Decoded<OpenedFile> => {
  const [state] = file.states;
  if (thread === undefined || state?.number === thread) return decoded(file);
  const what = file.kind === 'raw' ? 'one image, number 0' : `the state of ${state?.label} alone`;
  return undecodable({ kind: 'not-allowed', what: name, why: `there is no state ${thread} in it: it holds ${what}` });
};

interface Format {
  readonly opens: (bytes: Uint8Array) => boolean;
  readonly open: (name: string, bytes: Uint8Array, options: OpenOptions) => Decoded<OpenedFile>;
}

/** The first that knows the file opens it. What knows itself by a mark of its own comes before what is known by its shape. */
const FORMATS: readonly Format[] = [
  { opens: isElf, open: openElfCore },
  { opens: isFirecracker, open: openFirecracker },
  { opens: isQemuStream, open: openQemuStream },
  { opens: isQcow2, open: (name, bytes, options) => openQcow2(name, bytesSource(bytes), options) },
  { opens: isMinidump, open: openMinidump },
  { opens: beginsObject, open: openText },
  { opens: isSignalFrame, open: openSignalFrame },
];

const openImage = (name: string, bytes: Uint8Array, options: OpenOptions): Decoded<OpenedFile> => {
  const raw = openRaw(name, bytes, options);
  if (raw.ok) return onlyState(name, raw.value, options);
  const other = notRead(bytes) ?? (isFirecrackerBitcode(bytes) ? BITCODE_REFUSAL : null);
  return other === null ? raw : undecodable({ kind: 'not-allowed', what: name, why: other });
};

/**
 * Opens what someone dropped on the window or named on the command line: a capture, a saved session, a raw image, an ELF
 * core, a minidump, a signal frame, a migration stream of QEMU or what savevm keeps in a disk image, a Firecracker or Cloud Hypervisor snapshot. What it is, its content says; its name only labels it.
 * Everything in it is hostile until checked: the answer is a file or a problem, in time and memory bounded by its size.
 */
export const openBytes = (name: string, file: Uint8Array, options: OpenOptions = {}): Decoded<OpenedFile> => {
  // A subclass may come from outside (Node's Buffer), whose slice() shares its memory instead of copying.
  const bytes = new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length === 0) return undecodable({ kind: 'not-allowed', what: name, why: 'the file is empty' });
  const other = options.preset === undefined ? notRead(bytes) : null;
  if (other !== null) return undecodable({ kind: 'not-allowed', what: name, why: other });
  const format = FORMATS.find(({ opens }) => opens(bytes));
  return format === undefined ? openImage(name, bytes, options) : format.open(name, bytes, options);
};
