import type { Answer } from '../../app/bridge.ts';
import { answer, refuse } from '../../app/refusals/refusal.ts';
import type { FoundTarget } from '../../app/wire/list-reply.ts';
import type { Helper } from '../helper/helper.ts';

/** What the helper found on this machine. */
export interface Listing {
  readonly targets: readonly FoundTarget[];
  readonly skippedCount: number;
}

/** Every target, page after page: a process with very many vCPUs or arguments hides neither itself nor another. */
export const listAll = async (helper: Pick<Helper, 'ask'>): Promise<Answer<Listing>> => {
  const targets: FoundTarget[] = [];
  let skippedCount = 0;
  let afterPid = 0;
  for (;;) {
    const page = await helper.ask('listTargets', { afterPid });
    if (!page.ok) return page;
    targets.push(...page.value.targets);
    skippedCount += page.value.skippedCount;
    const { moreAfterPid } = page.value;
    if (moreAfterPid === 0) return answer({ targets, skippedCount });
    // Pids have an end, and each page begins after the last one.
    if (moreAfterPid <= afterPid)
      return refuse('helper-protocol', `a page of the list goes back to pid ${moreAfterPid}`);
    afterPid = moreAfterPid;
  }
};
