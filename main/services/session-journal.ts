import type { Answer } from '../../app/bridge.ts';
import type { Capture } from '../../app/capture/capture.ts';
import type { SessionJournal } from '../../app/debug/journal.ts';
import { answer } from '../../app/refusals/refusal.ts';
import type { GeneralName } from '../../app/register/registers.ts';
import type { KeptMemory } from '../../app/session/journal-entry.ts';
import { type JournalFile, removeJournal, writeJournal } from '../io/journal.ts';

/**
 * A session's entry on disk. One that cannot be removed is told on standard error.
 * @param folder null: a target that ends with this process, of which nothing would be left to restore
 */
export const createSessionJournal = (folder: string | null, session: string, attached: Capture): SessionJournal => {
  let file: JournalFile | null = null;
  let wasWritten = false;
  let onDisk = new Set<GeneralName>();
  let memory: readonly KeptMemory[] = [];

  const write = async (names: ReadonlySet<GeneralName>, patches = memory): Promise<Answer<null>> => {
    if (folder !== null) {
      const written = await writeJournal(folder, session, attached, [...names], patches);
      if (!written.ok) return written;
      file = written.value;
    }
    onDisk = new Set(names);
    memory = patches;
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
    readyMemory: (patches) => write(onDisk, patches),
    settle: async (general) => {
      // An entry that cannot be written anew names a register too many, which would go back to what it was at attach.
      if (wasWritten && [...onDisk].some((name) => !general.includes(name))) await write(new Set(general));
    },
    forget: async () => {
      const entry = file;
      file = null;
      wasWritten = false;
      onDisk = new Set();
      memory = [];
      const removed = entry === null ? answer(null) : await removeJournal(entry);
      if (!removed.ok) process.stderr.write(`Tilescope: ${removed.refusal.what} (${removed.refusal.where})\n`);
    },
  };
};
