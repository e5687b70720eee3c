import type { GuestMemory } from '../memory/guest-memory.ts';
import type { Answer } from '../refusals/answer.ts';
import { answer, refuse } from '../refusals/refusal.ts';
import { MOST_KEPT_PATCHES } from '../session/journal-entry.ts';
import type { SessionJournal } from './journal.ts';
import {
  type MemoryPatch,
  type MemoryWriteRequest,
  type MemoryWritten,
  putMemoryBack,
  writeGuestMemory,
} from './memory-write.ts';

/** Guest memory that a session has written, in order, with what stood there: it can be taken back. */
export interface MemoryWrites {
  write(memory: GuestMemory, request: MemoryWriteRequest): Promise<Answer<MemoryWritten>>;
  /** Takes the last write back. Refused where nothing is left of it to take back. */
  undo(memory: GuestMemory): Promise<Answer<MemoryWritten>>;
  /** All that stands goes back, the last write first. */
  putAllBack(memory: GuestMemory): Promise<Answer<null>>;
  /** Whether anything stands. */
  readonly any: boolean;
}

export const createMemoryWrites = (journal: SessionJournal): MemoryWrites => {
  let done: readonly MemoryWritten[] = [];
  const patchesOf = (writes: readonly MemoryWritten[]): readonly MemoryPatch[] =>
    writes.flatMap(({ patches }) => patches);

  /** What does not stand any more, or was never made, need not go back. */
  const settle = (): Promise<Answer<null>> => journal.readyMemory(patchesOf(done));

  return {
    get any() {
      return done.length > 0;
    },
    write: async (memory, request) => {
      const standing = patchesOf(done);
      let isKept = false;
      const written = await writeGuestMemory(memory, request, async (patches) => {
        if (standing.length + patches.length > MOST_KEPT_PATCHES) {
          return refuse('not-allowed', `one session writes ${MOST_KEPT_PATCHES} pieces of memory at most`, {
            remedy: 'Restore what was written, or attach anew',
          });
        }
        const ready = await journal.readyMemory([...standing, ...patches]);
        isKept = ready.ok;
        return ready;
      });
      if (written.ok) done = [...done, written.value];
      // What could not be rolled back stays in the entry.
      else if (isKept && written.refusal.code !== 'roll-back') await settle();
      return written;
    },
    undo: async (memory) => {
      const last = done.at(-1);
      if (last === undefined) return refuse('nothing-to-undo', 'no guest memory was written');
      const back = await putMemoryBack(memory, last.patches);
      // What somebody else has written over since cannot be taken back a second time either.
      if (!back.ok && back.refusal.code !== 'overtaken') return back;
      done = done.slice(0, -1);
      await settle();
      return back.ok ? answer(last) : back;
    },
    putAllBack: async (memory) => {
      const back = await putMemoryBack(memory, patchesOf(done));
      if (!back.ok && back.refusal.code !== 'overtaken') return back;
      done = [];
      await settle();
      return back;
    },
  };
};
