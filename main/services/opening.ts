import type { Answer } from '../../app/bridge.ts';
import { refuse } from '../../app/refusals/refusal.ts';
import { createSlots, type Slots } from './slots.ts';

/** What all pages of a host share. */
export interface Shared {
  /** Ids of the sessions that are open in this process, whichever page's: what they keep in the journal is in use. */
  readonly openIds: Set<string>;
  /** Which process each of them is attached to, and from which page, by the session's id. */
  readonly attachedPids: Map<string, { readonly pid: number; readonly tab: string | null }>;
  /** Entries of the journal that a page recovers or forgets: the second of two clicks finds it busy, in whichever page. */
  readonly entriesInHand: Set<string>;
  /** Sessions, and helpers that are started for a moment. */
  readonly sessions: Slots;
  /** Bytes of files that are kept for their other states. */
  readonly fileBytes: Slots;
  /** Characters that pages have given to keep. */
  readonly keptText: Slots;
}

/** More than anyone looks at, and few enough that pages gone wild cannot fill the machine with helpers, or with files. */
export const MAX_SESSIONS = 64;
const MAX_FILE_BYTES_KEPT = 512 * 1024 * 1024;
const MAX_TEXT_KEPT = 256 * 1024 * 1024;

export const createShared = (): Shared => ({
  openIds: new Set(),
  attachedPids: new Map(),
  entriesInHand: new Set(),
  sessions: createSlots(MAX_SESSIONS),
  fileBytes: createSlots(MAX_FILE_BYTES_KEPT),
  keptText: createSlots(MAX_TEXT_KEPT),
});

/**
 * Does work that takes a slot, which is kept where the work answers that it holds it on, and given back where it does not:
 * also where it is refused or throws.
 */
export const inSlot = async <T>(
  slots: Slots,
  work: () => Promise<Answer<T>>,
  holdsOn: (answer: Answer<T>) => boolean = () => false,
): Promise<Answer<T>> => {
  if (!slots.take()) {
    return refuse('too-many-sessions', `${slots.most} sessions are open`, { remedy: 'Detach one' });
  }
  let isHeld = false;
  try {
    const done = await work();
    isHeld = holdsOn(done);
    return done;
  } finally {
    if (!isHeld) slots.give();
  }
};
