import { surveyJson } from '../../app/formats/json-survey.ts';
import { problemOfCall } from './verbs.ts';

/** One text message of a page: {"id", "verb", "args"}. */
export interface PageMessage {
  readonly id: number;
  readonly verb: unknown;
  /** The file of `openFile` and `readState` is there as bytes where it has been decoded already. */
  readonly args: unknown;
  /** Why the call may not be made, where that is known already. */
  readonly problem: string | null;
}

/** What hands over a whole file, or a text to be kept. Every other call is far shorter. */
const LONG_VERBS: readonly unknown[] = ['openFile', 'readState', 'keep', 'takeSymbols'];
const WITH_FILE: readonly unknown[] = ['openFile', 'readState'];
const MOST_OTHER_BYTES = 4 * 1024 * 1024;

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();

/** Null: this is not our page, for without an id there is nothing to answer to. */
export const readMessage = (bytes: Uint8Array): PageMessage | null => {
  let message: { id?: unknown; verb?: unknown; args?: unknown } | null;
  try {
    // Counted first: some megabytes of brackets are no request, and would become gigabytes.
    message = surveyJson('message', bytes).ok ? JSON.parse(textOf(bytes)) : null;
  } catch {
    message = null;
  }
  const id = message?.id;
  if (typeof id !== 'number' || !Number.isSafeInteger(id)) return null;
  return { id, verb: message?.verb, args: message?.args, problem: null };
};

/**
 * The same for a long message, and in a thread of its own: checked whole, so that what is handed back is no more than a call
 * holds, with its file decoded.
 */
export const readLongMessage = (bytes: Uint8Array): PageMessage | null => {
  const message = readMessage(bytes);
  if (message === null) return null;
  const { id, verb, args } = message;
  const refused = (problem: string): PageMessage => ({ id, verb: null, args: [], problem });
  if (bytes.length > MOST_OTHER_BYTES && !LONG_VERBS.includes(verb)) {
    return refused(`a call of ${bytes.length} bytes is one that hands over a file`);
  }
  const problem = problemOfCall(verb, args);
  if (problem !== null) return refused(problem);
  const [name, file, ...more] = args as unknown[];
  return WITH_FILE.includes(verb) && typeof file === 'string' && file !== ''
    ? { ...message, args: [name, new Uint8Array(Buffer.from(file, 'base64')), ...more] }
    : message;
};
