import type { Answer } from '../../app/bridge.ts';
import type { GeneralName } from '../../app/register/registers.ts';
import type { Capture } from '../../app/session/capture.ts';
import { type JournalFile, removeJournal, writeJournal } from '../journal.ts';
import { answer } from './refusals.ts';

/**
 * A session's entry in the journal: the state found at attach, and which general registers were written since. Those alone
 * go back with everything, so they are on disk before the first write to one of them.
 */
export interface SessionJournal {
  /** Whether anything was written since attach, or since everything went back. */
  readonly exists: boolean;
  /** The entry is on disk, and names these registers too, when this answers. */
  ready(general: readonly GeneralName[]): Promise<Answer<null>>;
  /** After a write, an undo or a roll back: these hold what was written; what else was named is the guest's own again. */
  settle(general: readonly GeneralName[]): Promise<void>;
  /** An entry that cannot be removed is told on standard error, and is no failure of what was done. */
  forget(): Promise<void>;
}

/** @param folder null: a target that ends with this process, of which nothing would be left to restore */
export const createSessionJournal = (folder: string | null, session: string, attached: Capture): SessionJournal => {
  let file: JournalFile | null = null;
  let wasWritten = false;
  let onDisk = new Set<GeneralName>();

  const write = async (names: ReadonlySet<GeneralName>): Promise<Answer<null>> => {
    if (folder !== null) {
      const written = await writeJournal(folder, session, attached, [...names]);
      if (!written.ok) return written;
      file = written.value;
    }
    onDisk = new Set(names);
    wasWritten = true;
    return answer(null);
  };

  return {
    get exists() {
      return wasWritten;
    },
    ready: async (general) => {
      const isThere = wasWritten && general.every((name) => onDisk.has(name));
      return isThere ? answer(null) : write(new Set([...onDisk, ...general]));
    },
    settle: async (general) => {
      // An entry that cannot be written anew names a register too many, which would go back to what it was at attach.
      if (wasWritten && [...onDisk].some((name) => !general.includes(name))) await write(new Set(general));
    },
    forget: async () => {
      const entry = file;
      file = null;
      wasWritten = false;
      onDisk = new Set();
      const removed = entry === null ? answer(null) : await removeJournal(entry);
      if (!removed.ok) process.stderr.write(`Tilescope: ${removed.refusal.what} (${removed.refusal.where})\n`);
    },
  };
};
