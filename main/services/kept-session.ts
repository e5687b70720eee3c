import type { Capture } from '../../app/capture/capture.ts';
import type { Clock } from '../../app/debug/clock.ts';
import type { Overwritten } from '../../app/debug/overwritten-watch.ts';
import { createSession, type Session } from '../../app/debug/session.ts';
import type { Target } from '../../app/debug/target.ts';
import { CLOCK } from './clock.ts';
import { createSessionJournal } from './session-journal.ts';

interface KeptSessionOptions {
  readonly clock?: Clock;
  readonly onOverwritten?: (found: Overwritten) => void;
}

/** A session over this machine's clock and disk. */
export const createKeptSession = (
  id: string,
  target: Target,
  attached: Capture,
  journalFolder: string,
  { clock = CLOCK, ...told }: KeptSessionOptions = {},
): Session => {
  // A model and the copy of a file end with this process: nothing would be left to restore.
  const folder = target.identity.kind === 'live' ? journalFolder : null;
  const journal = createSessionJournal(folder, id, attached);
  return createSession(id, target, attached, { clock, journal, ...told });
};
