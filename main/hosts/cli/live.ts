import { randomBytes } from 'node:crypto';
import type { Answer } from '../../../app/bridge.ts';
import { ROLL_BACK } from '../../../app/debug/apply.ts';
import { captureInPassing } from '../../../app/debug/passing-capture.ts';
import type { Session } from '../../../app/debug/session.ts';
import { CLOCK } from '../../services/clock.ts';
import type { Host } from '../../services/host.ts';
import { createKeptSession } from '../../services/kept-session.ts';
import type { VcpuChoice } from './choices.ts';

/** Attaches, does the work, and lets go, whatever came of it. */
export const withSession = async <T>(
  host: Host,
  { pid, vcpu, suspendSeccomp }: VcpuChoice,
  work: (session: Session) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  const target = await host.openLive(pid, 0n, vcpu, suspendSeccomp);
  if (!target.ok) return target;
  const first = await captureInPassing(target.value, CLOCK);
  if (!first.ok) return lettingGo(first, await target.value.detach());
  const session = createKeptSession(randomBytes(16).toString('hex'), target.value, first.value, host.journalFolder);
  const done = await work(session);
  if (!done.ok && done.refusal.code === ROLL_BACK) {
    // Half written, and nobody has said to keep it: the journal keeps what was found, for `tilescope journal restore`.
    await session.abandon();
    return done;
  }
  return lettingGo(done, await session.detach(false));
};

/** What came of the work, and what was refused in letting go: neither keeps the other from being said. */
const lettingGo = <T>(done: Answer<T>, detached: Answer<null>): Answer<T> => {
  if (detached.ok) return done;
  if (done.ok) return detached;
  const { refusal: first } = done;
  const { refusal: then } = detached;
  const remedy = [...new Set([first.remedy, then.remedy].filter((text) => text !== null))].join('; ');
  const where = then.where === null ? '' : `, ${then.where}`;
  const what = `${first.what}; letting go of the target was refused as well: ${then.what}${where}`;
  return { ok: false, refusal: { ...first, what, remedy: remedy === '' ? null : remedy } };
};
