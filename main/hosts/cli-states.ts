import { randomBytes } from 'node:crypto';
import type { Answer } from '../../app/bridge.ts';
import { ROLL_BACK } from '../../app/debug/apply.ts';
import { captureInPassing } from '../../app/debug/passing-capture.ts';
import type { Session } from '../../app/debug/session.ts';
import { answer } from '../../app/refusals/refusal.ts';
import type { Capture } from '../../app/session/capture.ts';
import { CLOCK } from '../services/clock.ts';
import type { Host } from '../services/host.ts';
import { createKeptSession } from '../services/kept-session.ts';
import type { Source, VcpuChoice } from './cli-arguments.ts';
import { stateOfFile } from './cli-files.ts';

/** Where the states come from that verbs are about: a file, or a vCPU that is attached to and let go. */

/** Attaches, does the work, and lets go, whatever came of it. */
export const withSession = async <T>(
  host: Host,
  { pid, vcpu, suspendSeccomp }: VcpuChoice,
  work: (session: Session) => Promise<Answer<T>>,
): Promise<Answer<T>> => {
  const target = await host.openLive(pid, 0n, vcpu, suspendSeccomp);
  if (!target.ok) return target;
  const first = await captureInPassing(target.value, CLOCK);
  if (!first.ok) {
    await target.value.detach();
    return first;
  }
  const session = createKeptSession(randomBytes(16).toString('hex'), target.value, first.value, host.journalFolder);
  const done = await work(session);
  if (!done.ok && done.refusal.code === ROLL_BACK) {
    // Half written, and nobody has said to keep it: the journal keeps what was found, for `tilescope journal restore`.
    await session.abandon();
    return done;
  }
  const detached = await session.detach(false);
  return done.ok && !detached.ok ? detached : done;
};

/** For standard error: what a VMM that has paused its guest holds is its own, and may be newer than what KVM gives. */
export const outsideNote = ({ facts }: Capture): string =>
  facts.inKvmRun === false
    ? `vCPU ${facts.target.vcpu} is outside KVM_RUN, paused or halted by its VMM: this is KVM's copy, the VMM may hold a newer one\n`
    : '';

export interface FoundState {
  readonly capture: Capture;
  /** For standard error. */
  readonly note: string;
}

/**
 * A capture from a file, or taken now.
 *
 * @param isFirstMeant of a file with several states the first, where none is named; otherwise that is refused
 */
export const stateFrom = async (host: Host, from: Source, isFirstMeant = false): Promise<Answer<FoundState>> =>
  from.kind === 'file'
    ? stateOfFile(from.file, isFirstMeant)
    : withSession(host, from.vcpu, async ({ attached }) => answer({ capture: attached, note: outsideNote(attached) }));
