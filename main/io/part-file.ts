import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import type { PartReader } from '../../app/bits/part-reader.ts';

/** A file that is open to be read in parts. */
export interface PartFile extends PartReader {
  /** All of it, whatever size it says that it has: /proc/kallsyms says none. null: there is more than that. */
  whole(mostBytes: number): Buffer | null;
  close(): void;
}

/** What comes through a pipe is kept, for nothing of it can be read twice. */
const MOST_PIPED_BYTES = 1 << 28;
const CHUNK_BYTES = 1 << 20;

/** To its end, from its start or, of a pipe, from where it stands; null: that is more. */
const readToEnd = (fd: number, isPipe: boolean, mostBytes: number): Buffer | null => {
  const parts: Buffer[] = [];
  for (let total = 0; ; ) {
    const part = Buffer.alloc(CHUNK_BYTES);
    const got = readSync(fd, part, 0, CHUNK_BYTES, isPipe ? null : total);
    if (got === 0) return Buffer.concat(parts);
    total += got;
    if (total > mostBytes) return null;
    parts.push(part.subarray(0, got));
  }
};

/** A file, or a pipe as a shell's <(…) names it. Throws what the file system says, and where a pipe has more than 256 MiB. */
export const openParts = (path: string): PartFile => {
  const fd = openSync(path, 'r');
  try {
    const facts = fstatSync(fd);
    if (!facts.isFIFO()) {
      return {
        bytes: facts.size,
        read: (offsetBytes, bytes) => {
          const part = Buffer.alloc(bytes);
          return readSync(fd, part, 0, bytes, offsetBytes) === bytes ? part : null;
        },
        whole: (mostBytes) => readToEnd(fd, false, mostBytes),
        close: () => closeSync(fd),
      };
    }
    const all = readToEnd(fd, true, MOST_PIPED_BYTES);
    if (all === null) throw new Error(`more than ${MOST_PIPED_BYTES} bytes come through this pipe`);
    return {
      bytes: all.length,
      read: (offsetBytes, bytes) =>
        offsetBytes + bytes <= all.length ? all.subarray(offsetBytes, offsetBytes + bytes) : null,
      whole: (mostBytes) => (all.length > mostBytes ? null : all),
      close: () => closeSync(fd),
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
};
