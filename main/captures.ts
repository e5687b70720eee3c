import { readFile, stat, writeFile } from 'node:fs/promises';
import type { Answer } from '../app/bridge.ts';
import type { Capture } from '../app/session/capture.ts';
import { captureText, parseCaptureText } from '../app/session/document.ts';
import { answer, messageOf, refuse, refuseProblem } from './services/refusals.ts';

/** Captures on disk. What is inside is app/'s business: here bytes become text and text bytes. */

/** A capture is some 50 KB; nothing larger than this is read. */
export const MAX_CAPTURE_FILE_BYTES = 16 * 1024 * 1024;

/** @param name for the message: the path, or the name the page gave */
export const decodeCaptureFile = (name: string, bytes: Uint8Array): Answer<Capture> => {
  if (bytes.length > MAX_CAPTURE_FILE_BYTES) {
    return refuse('file', `the file has ${bytes.length} bytes; a capture has at most ${MAX_CAPTURE_FILE_BYTES}`, {
      where: name,
    });
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return refuse('file', 'this is no capture: not UTF-8 text', { where: name, mend: 'Choose a file made by capture' });
  }
  const capture = parseCaptureText(text);
  return capture.ok ? answer(capture.value) : refuseProblem('file', capture.problem, { where: name });
};

export const readCaptureFile = async (path: string): Promise<Answer<Capture>> => {
  try {
    const { size } = await stat(path);
    if (size > MAX_CAPTURE_FILE_BYTES) {
      return refuse('file', `the file has ${size} bytes; a capture has at most ${MAX_CAPTURE_FILE_BYTES}`, {
        where: path,
      });
    }
    return decodeCaptureFile(path, await readFile(path));
  } catch (error) {
    return refuse('file', `the file cannot be read: ${messageOf(error)}`, { where: path });
  }
};

/** Only for its owner: vector registers hold keys. */
export const writeCaptureFile = async (path: string, capture: Capture): Promise<Answer<number>> => {
  const text = captureText(capture);
  try {
    await writeFile(path, text, { mode: 0o600 });
    return answer(Buffer.byteLength(text));
  } catch (error) {
    return refuse('file', `the file cannot be written: ${messageOf(error)}`, { where: path });
  }
};
