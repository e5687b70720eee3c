import type { Answer } from '../refusals/answer.ts';
import type { GeneralName } from '../register/registers.ts';
import type { KeptMemory } from '../session/journal-entry.ts';

/**
 * Where a session keeps the state found at attach before its first write: the host's port. The entry names the general
 * registers that were written since; those alone go back with everything, so they are kept before the first write to one.
 */
export interface SessionJournal {
  /** Whether anything was written since attach, or since everything went back. */
  readonly exists: boolean;
  /** The entry is kept, and names these registers too, when this answers. */
  ready(general: readonly GeneralName[]): Promise<Answer<null>>;
  /**
   * The entry names this guest memory, and no other, when this answers: all that was written, and what is about to be, each
   * before it is.
   */
  readyMemory(patches: readonly KeptMemory[]): Promise<Answer<null>>;
  /** After a write, an undo or a roll back: these hold what was written; what else was named is the guest's own again. */
  settle(general: readonly GeneralName[]): Promise<void>;
  /** An entry that cannot be removed is told by the host, and is no failure of what was done. */
  forget(): Promise<void>;
}
