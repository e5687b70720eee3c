import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';

/**
 * How files are written, everywhere: whole or not at all. The new one is made beside the old one, under a name that nobody
 * else knows, for its owner alone, and takes its place once it is on the disk. So a full disk and a death in between leave
 * the old one as it was, and what lies at a place that others may write to (a link, a pipe, their own file) is never opened.
 */

/** A file that cannot be written; the message says why. */
export class NotWritable extends Error {}

const NAME_BYTES = 9;
/** A chain of links that is longer than this leads nowhere. (Linux: 40) */
const MOST_LINKS = 40;

const kindOf = (facts: Stats): string | null => {
  if (facts.isFile()) return null;
  if (facts.isDirectory()) return 'a folder';
  if (facts.isFIFO()) return 'a pipe';
  if (facts.isSocket()) return 'a socket';
  if (facts.isSymbolicLink()) return 'a link';
  return 'a device';
};

/** What a look finds; null: there is nothing. */
const ifThere = <T>(look: () => T): T | null => {
  try {
    return look();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
};

/**
 * The file that a path means. A link of one's own is gone after, as a user means it who keeps files elsewhere; one of
 * somebody else's is refused: it would let them choose which of this user's files is replaced.
 */
const placeMeant = (path: string): string => {
  let at = path;
  for (let links = 0; links <= MOST_LINKS; links += 1) {
    const facts = ifThere(() => lstatSync(at));
    if (facts === null || !facts.isSymbolicLink()) {
      const kind = facts === null ? null : kindOf(facts);
      if (kind !== null) throw new NotWritable(`it is ${kind}, not a file`);
      return at;
    }
    if (facts.uid !== process.geteuid?.() && facts.uid !== 0)
      throw new NotWritable('it is a link that belongs to another user');
    const to = readlinkSync(at);
    at = isAbsolute(to) ? to : join(dirname(at), to);
  }
  throw new NotWritable('its links lead nowhere');
};

const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } catch (error) {
    // Some file systems keep no folders of their own, and say so.
    if (!['EINVAL', 'ENOTSUP'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle.close();
  }
};

const fill = async (handle: FileHandle, bytes: Uint8Array): Promise<void> => {
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
};

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
const AS_NEW = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
const halfBeside = (folder: string): string =>
  join(folder, `.tilescope-${randomBytes(NAME_BYTES).toString('hex')}.new`);

/** What a death in between leaves behind. */
export const HALF = /^\.tilescope-[0-9a-f]{18}\.new$/;

/**
 * Writes the file so that it is whole on disk when this returns, or as it was before: not there, or what stood there.
 * Throws what the system says, or NotWritable. For its owner alone: vector registers hold keys.
 */
export const writeWhole = async (path: string, bytes: Uint8Array): Promise<void> => {
  const place = placeMeant(path);
  const folder = dirname(place);
  const half = halfBeside(folder);
  const handle = await open(half, AS_NEW, 0o600);
  try {
    await fill(handle, bytes);
    await rename(half, place);
  } catch (error) {
    await rm(half, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(folder);
};

/** The same at once, for what is written while the program ends, and with the rights of what is everybody's to read. */
export const writeWholeNow = (path: string, text: string, mode = 0o600): void => {
  const place = placeMeant(path);
  const half = halfBeside(dirname(place));
  const handle = openSync(half, AS_NEW, mode);
  try {
    try {
      // Whatever the umask takes away.
      fchmodSync(handle, mode);
      writeFileSync(handle, text);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    renameSync(half, place);
  } catch (error) {
    rmSync(half, { force: true });
    throw error;
  }
};

/** Whether writing there can work, before anything is done for what is to be written. Throws as writeWhole does. */
export const checkPlace = async (path: string): Promise<void> => {
  const facts = await stat(dirname(placeMeant(path)));
  if (!facts.isDirectory()) throw new NotWritable('where it is to lie is no folder');
};

/** The uppermost folder on the way that is there. */
const firstThere = (folder: string): { path: string; facts: Stats } => {
  for (let at = folder; ; at = dirname(at)) {
    const facts = ifThere(() => statSync(at));
    if (facts !== null || at === dirname(at)) return { path: at, facts: facts ?? statSync(at) };
  }
};

/**
 * Makes a folder and those on the way to it, for their owner alone. As root with another user's HOME they would be root's,
 * and lock that user out of their own: refused.
 */
export const makeFolder = async (folder: string): Promise<void> => {
  const { path, facts } = firstThere(folder);
  const self = process.geteuid?.();
  if (path !== folder && self === 0 && facts.uid !== 0) {
    throw new NotWritable(`${path} belongs to user ${facts.uid}: what root makes there would lock that user out`);
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
};
