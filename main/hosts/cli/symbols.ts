import { type Decoded, decoded, describeProblem, undecodable } from '../../../app/bits/decoded.ts';
import { textFromUtf8 } from '../../../app/bits/text.ts';
import type { Answer } from '../../../app/bridge.ts';
import type { SymbolFile } from '../../../app/debug/place-symbols.ts';
import { readSymbolFile } from '../../../app/disas/symbols/read-symbols.ts';
import { answer, messageOf, refuse } from '../../../app/refusals/refusal.ts';
import { openParts, type PartFile } from '../../io/part-file.ts';

/** The file that --symbols names. */
export interface SymbolsChoice {
  readonly path: string;
  /** Where the program was loaded; null: a kernel is looked for by its own handlers, and a program lies where it says. */
  readonly loadAddress: bigint | null;
}

/** A System.map or /proc/kallsyms is a few megabytes. */
const MOST_MAP_BYTES = 1 << 28;
const wholeText = (file: PartFile): Decoded<string> => {
  const all = file.whole(MOST_MAP_BYTES);
  if (all !== null) return decoded(textFromUtf8(all));
  return undecodable({ kind: 'not-allowed', what: 'symbols', why: `more than ${MOST_MAP_BYTES} bytes of text` });
};

/**
 * A vmlinux, a System.map or /proc/kallsyms; of an ELF file the parts alone that are needed. Refused where it gives
 * none.
 */
export const readSymbols = (path: string): Answer<SymbolFile> => {
  let file: PartFile | null = null;
  try {
    const opened = openParts(path);
    file = opened;
    const read = readSymbolFile(opened, () => wholeText(opened));
    if (read.ok) return answer({ path, ...read.value });
    return refuse('file', `${path} gives no symbols: ${describeProblem(read.problem)}`, {
      remedy: 'a vmlinux, a program with its symbols, a System.map, or a copy of /proc/kallsyms',
    });
  } catch (error) {
    return refuse('file', `${path} cannot be read: ${messageOf(error)}`);
  } finally {
    file?.close();
  }
};
