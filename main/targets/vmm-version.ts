import { open } from 'node:fs/promises';

/** What every build of QEMU's carries, for it prints it at --version: "QEMU emulator version 7.2.22 (Debian …)". */
const QEMU_WORDS = 'QEMU emulator version ';
const VERSION = /^\d{1,3}\.\d{1,3}(\.\d{1,3})?/;
/** Longer than any version, so that one that lies across two parts is found. */
const OVERLAP_BYTES = 64;
const PART_BYTES = 4 * 1024 * 1024;
/** The largest builds have a tenth of it. */
const MOST_BYTES = 512 * 1024 * 1024;

/** The version that a program of QEMU's carries, as "7.2.22"; null: none is found, or the file may not be read. */
export const qemuVersionIn = async (path: string): Promise<string | null> => {
  try {
    const file = await open(path, 'r');
    try {
      const part = Buffer.alloc(OVERLAP_BYTES + PART_BYTES);
      for (let at = 0, kept = 0; at < MOST_BYTES; ) {
        const { bytesRead } = await file.read(part, kept, PART_BYTES, at);
        if (bytesRead === 0) return null;
        const seen = part.subarray(0, kept + bytesRead);
        const found = seen.indexOf(QEMU_WORDS, 0, 'latin1');
        if (found !== -1 && found + OVERLAP_BYTES <= seen.length) {
          const words = seen.toString('latin1', found + QEMU_WORDS.length, found + OVERLAP_BYTES);
          return VERSION.exec(words)?.[0] ?? null;
        }
        at += bytesRead;
        kept = Math.min(OVERLAP_BYTES, seen.length);
        seen.copyWithin(0, seen.length - kept);
      }
      return null;
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
};

/**
 * The version of a running VMM, by the program that the process executes, whatever stands at its path now; null: not known. The
 * program is read, never run.
 */
export const vmmVersion = async (vmm: string, pid: number): Promise<string | null> =>
  vmm === 'QEMU' ? qemuVersionIn(`/proc/${pid}/exe`) : null;
