import { constants, readSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { Answer } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import { type OpenedFile, type OpenedState, type OpenOptions, openBytes } from '../../app/formats/detect.ts';
import { coreOfNotes, noteSegments } from '../../app/formats/elf-notes.ts';
import { isQcow2, openQcow2 } from '../../app/formats/qcow2.ts';
import { isQemuStream, partsOfQemuStream } from '../../app/formats/qemu-stream.ts';
import { answer, messageOf, refuse, refuseProblem } from '../../app/refusals/refusal.ts';
import { captureText } from '../../app/session/document.ts';
import { unpacked } from './unpack.ts';

/** Files of state on disk. What is inside is app/'s business: here bytes are read and written, and their number bounded. */

/**
 * A raw image has some 11 KB and a capture 50 KB; a snapshot's state file holds every device of a VM, and few MB; a saved
 * session of 10,000 stops, at each of which something has changed, some 10 MB.
 */
export const MAX_FILE_BYTES = 64 * 1024 * 1024;

/** By which a file is known. */
const HEAD_BYTES = 4096;
const ELF_MAGIC = [0x7f, 0x45, 0x4c, 0x46];

/** @param name for the message: the path, or the name the page gave */
export const decodeFile = async (
  name: string,
  bytes: Uint8Array,
  options: OpenOptions = {},
): Promise<Answer<OpenedFile>> => {
  if (bytes.length > MAX_FILE_BYTES) return tooLarge(name, bytes.length);
  const whole = await unpacked(name, bytes, MAX_FILE_BYTES);
  if (!whole.ok) return whole;
  const opened = openBytes(name, whole.value, options);
  return opened.ok ? answer(opened.value) : refuseProblem('file', opened.problem, { where: name });
};

const tooLarge = (name: string, sizeBytes: number) =>
  refuse('file', `the file has ${sizeBytes} bytes; at most ${MAX_FILE_BYTES} are read`, {
    where: name,
    remedy: 'Choose the file of the vCPU state, not that of the guest’s memory',
  });

/** Of each part, from and to, what is there; one behind the other. A file that has become shorter meanwhile ends there. */
const readParts = async (
  file: FileHandle,
  parts: readonly (readonly [from: number, to: number])[],
): Promise<Uint8Array> => {
  const bytes = new Uint8Array(parts.reduce((sum, [from, to]) => sum + to - from, 0));
  let filled = 0;
  for (const [from, to] of parts) {
    for (let at = from; at < to; ) {
      const { bytesRead } = await file.read(bytes, filled, to - at, at);
      if (bytesRead === 0) return bytes.subarray(0, filled);
      at += bytesRead;
      filled += bytesRead;
    }
  }
  return bytes;
};

/** The tables of a core's segments lie in its beginning; gdb writes its notes behind the memory of the process. */
const CORE_HEAD_BYTES = 16 * 1024 * 1024;

const readLargeCore = async (path: string, file: FileHandle, sizeBytes: number): Promise<Answer<Uint8Array>> => {
  const head = await readParts(file, [[0, CORE_HEAD_BYTES]]);
  const found = noteSegments(path, head, sizeBytes);
  if (!found.ok) return refuseProblem('file', found.problem, { where: path });
  const segments = found.value;
  const notesBytes = segments.reduce((sum, { sizeBytes: one }) => sum + one, 0);
  if (notesBytes > MAX_FILE_BYTES) return tooLarge(path, sizeBytes);
  const notes = await readParts(
    file,
    segments.map(({ offsetBytes, sizeBytes: one }) => [offsetBytes, offsetBytes + one] as const),
  );
  return answer(coreOfNotes(head, segments, notes));
};

/**
 * The bytes of a file. Of a core larger than the bound its notes alone, as a core of its own: the memory of the process is not
 * looked at. Of a migration stream of QEMU beginning and end: the guest's memory lies between.
 */
export const readBytes = async (path: string): Promise<Answer<Uint8Array>> => {
  try {
    // Without O_NONBLOCK a pipe that nobody writes to would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile()) return refuse('file', 'this is not a file', { where: path });
      if (facts.size <= MAX_FILE_BYTES) return answer(await readParts(file, [[0, facts.size]]));
      const head = await readParts(file, [[0, HEAD_BYTES]]);
      if (isQemuStream(head)) return answer(await readParts(file, partsOfQemuStream(facts.size, MAX_FILE_BYTES)));
      const isCore = ELF_MAGIC.every((byte, index) => head[index] === byte);
      return isCore ? await readLargeCore(path, file, facts.size) : tooLarge(path, facts.size);
    } finally {
      await file.close();
    }
  } catch (error) {
    return refuse('file', `the file cannot be read: ${messageOf(error)}`, { where: path });
  }
};

/** A disk image may be far larger than memory: what leads to the states in it is read, and they. Null: it is none. */
const readDiskImage = async (path: string, options: OpenOptions): Promise<Answer<OpenedFile> | null> => {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const facts = await file.stat();
      if (!facts.isFile() || facts.size <= MAX_FILE_BYTES) return null;
      if (!isQcow2(await readParts(file, [[0, HEAD_BYTES]]))) return null;
      const read = (offsetBytes: number, sizeBytes: number): Uint8Array => {
        const bytes = new Uint8Array(sizeBytes);
        return Number.isSafeInteger(offsetBytes)
          ? bytes.subarray(0, readSync(file.fd, bytes, 0, sizeBytes, offsetBytes))
          : new Uint8Array(0);
      };
      const opened = openQcow2(path, { sizeBytes: facts.size, read }, options);
      return opened.ok ? answer(opened.value) : refuseProblem('file', opened.problem, { where: path });
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
};

/** Every state of a file, whatever its kind. Refused where it cannot be read or is too large. */
export const readStates = async (path: string, options: OpenOptions = {}): Promise<Answer<OpenedFile>> => {
  const disk = await readDiskImage(path, options);
  if (disk !== null) return disk;
  const bytes = await readBytes(path);
  return bytes.ok ? decodeFile(path, bytes.value, options) : bytes;
};

/** The one state of a file, or a refusal that lists what there is to choose from. */
export const oneState = (path: string, { states }: OpenedFile): Answer<OpenedState> => {
  const [only, ...more] = states;
  if (only === undefined) return refuse('file', 'the file holds no state', { where: path });
  if (more.length === 0) return answer(only);
  const shown = states.slice(0, 16).map(({ label }) => label);
  const rest = states.length > shown.length ? ` and ${states.length - shown.length} more` : '';
  return refuse('usage', `the file holds ${states.length} states: ${shown.join(', ')}${rest}`, {
    where: path,
    remedy: 'Name one with --thread N, the number of its thread, vCPU or stop',
  });
};

/** Whole or not at all, and only for its owner. */
export const writeBytes = async (path: string, bytes: Uint8Array): Promise<Answer<number>> => {
  try {
    await (await import('./files.ts')).writeWhole(path, bytes);
    return answer(bytes.length);
  } catch (error) {
    return refuse('file', `the file cannot be written: ${messageOf(error)}`, { where: path });
  }
};

/** Whether it can be written there, before a target is attached to for what goes into it. */
export const checkWritable = async (path: string): Promise<Answer<null>> => {
  try {
    await (await import('./files.ts')).checkPlace(path);
    return answer(null);
  } catch (error) {
    return refuse('file', `the file cannot be written: ${messageOf(error)}`, { where: path });
  }
};

export const writeCaptureFile = (path: string, capture: Capture): Promise<Answer<number>> =>
  writeBytes(path, new TextEncoder().encode(captureText(capture)));
