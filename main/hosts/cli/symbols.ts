import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { type Decoded, decoded, describeProblem, undecodable } from '../../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../../app/bits/text.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { SymbolFile } from '../../../app/debug/place-symbols.ts';
import { readSymbolFile } from '../../../app/disas/symbols/read-symbols.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';

/** The file that --symbols names. */
export interface SymbolsChoice {
  readonly path: string;
  /** Where the program was loaded; null: a kernel is looked for by its own handlers, and a program lies where it says. */
  readonly loadAddress: bigint | null;
}

/** A System.map or /proc/kallsyms is a few megabytes. */
const MOST_MAP_BYTES = 1 << 28;
const CHUNK_BYTES = 1 << 20;

const wholeText = (fd: number): Decoded<string> => {
  const parts: Buffer[] = [];
  for (let total = 0; ; ) {
    const part = Buffer.alloc(CHUNK_BYTES);
    const got = readSync(fd, part, 0, CHUNK_BYTES, total);
    if (got === 0) break;
    total += got;
    if (total > MOST_MAP_BYTES) {
      return undecodable({ kind: 'not-allowed', what: 'symbols', why: `more than ${MOST_MAP_BYTES} bytes of text` });
    }
    parts.push(part.subarray(0, got));
  }
  return decoded(textFromUtf8(Buffer.concat(parts)));
};

/**
 * A vmlinux, a System.map or /proc/kallsyms; of an ELF file the parts alone that are needed. Refused where it gives
 * none.
 */
export const readSymbols = (path: string): Answer<SymbolFile> => {
  let fd: number | null = null;
  try {
    const file = openSync(path, 'r');
    fd = file;
    const read = readSymbolFile(
      {
        bytes: fstatSync(file).size,
        read: (offsetBytes, bytes) => {
          const part = Buffer.alloc(bytes);
          return readSync(file, part, 0, bytes, offsetBytes) === bytes ? part : null;
        },
      },
      () => wholeText(file),
    );
    if (read.ok) return answer({ path, ...read.value });
    return refuse('file', `${path} gives no symbols: ${describeProblem(read.problem)}`, {
      remedy: 'a vmlinux, a program with its symbols, a System.map, or a copy of /proc/kallsyms',
    });
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  } finally {
    if (fd !== null) closeSync(fd);
  }
};
