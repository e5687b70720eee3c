import type { Answer } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { looksProtected } from '../../../app/xsave/header.ts';
import type { Source } from './choices.ts';
import type { HostOf } from './host.ts';

/** Where the states come from that verbs are about: a file, or a vCPU that is attached to and let go. */

/**
 * For standard error: zeros that stand for a protected guest; and what a VMM that has paused its guest holds is its own, and
 * may be newer than what KVM gives.
 */
export const stateNote = ({ image, facts }: Capture): string =>
  looksProtected(image)
    ? `vCPU ${facts.target.vcpu} is a protected guest's: KVM gives zeros instead of its registers\n`
    : facts.inKvmRun === false
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
export const stateFrom = async (host: HostOf, from: Source, isFirstMeant = false): Promise<Answer<FoundState>> => {
  if (from.kind === 'file') return (await import('./files.ts')).stateOfFile(from.file, isFirstMeant);
  const { withSession } = await import('./live.ts');
  return withSession(await host(), from.vcpu, async ({ attached }) =>
    answer({ capture: attached, note: stateNote(attached) }),
  );
};
