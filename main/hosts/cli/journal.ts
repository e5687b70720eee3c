import type { Answer, Orphan } from '../../../app/bridge.ts';
import { answer } from '../../../app/refusals/refusal.ts';
import { createRecovery } from '../../services/recovery.ts';
import type { VcpuChoice } from './choices.ts';
import { jsonText, type Output, printed, table, writeJson, writeText } from './output.ts';
import { wrongUsage } from './usage.ts';
import type { JournalCommand } from './words.ts';

const usage = (what: string) => wrongUsage(what, 'journal');

const STATE_WORDS = { there: 'can be restored', gone: 'gone', unreadable: 'unreadable' } as const;

const keptSince = (ms: number | null): string => (ms === null ? 'not known' : new Date(ms).toISOString());

const listText = (left: readonly Orphan[]): string => {
  if (left.length === 0) return 'Nothing was left behind\n';
  const rows = left.map((one) => [
    one.id.slice(0, 8),
    String(one.pid),
    String(one.vcpu),
    one.vmm === '' ? 'not known' : `${one.vmm} ${one.name}`,
    keptSince(one.keptSinceMs),
    one.why === null ? STATE_WORDS[one.state] : `${STATE_WORDS[one.state]}: ${one.why}`,
  ]);
  return `${table([['ID', 'PID', 'VCPU', 'TARGET', 'KEPT SINCE', 'STATE'], ...rows])}`;
};

/** Where the journal lies, and the way to a live target. */
interface Place {
  readonly journalFolder: string;
  readonly openLive: (
    pid: number,
    startTimeTicks: bigint,
    vcpu: VcpuChoice['vcpu'],
    suspendSeccomp?: boolean,
  ) => ReturnType<Parameters<typeof createRecovery>[0]['openLive']>;
}

/** `journal`: lists, restores or forgets what a Tilescope that died has kept. */
export const journal = async (place: Place, command: JournalCommand): Promise<Answer<Output>> => {
  const recovery = createRecovery({
    journalFolder: place.journalFolder,
    openLive: (pid, ticks, vcpu) => place.openLive(pid, ticks, vcpu, command.suspendSeccomp),
    // The command line opens no session beside this.
    isOpen: () => false,
  });
  const left = await recovery.orphans();
  if (!left.ok) return left;
  if (command.act === 'list') return answer(printed(command.json ? jsonText(left.value) : listText(left.value)));
  const named = left.value.filter((one) => one.id.startsWith(command.id));
  const [only, another] = named;
  if (another !== undefined) return usage(`${command.id} begins ${named.length} IDs`);
  // One that is in use is not listed; asked for by its whole ID, it says so.
  const id = only?.id ?? command.id;
  if (command.act === 'forget') {
    const forgotten = await recovery.forget(id);
    if (!forgotten.ok) return forgotten;
    return answer(printed(command.json ? jsonText({ forgotten: id }) : `${id}: forgotten\n`));
  }
  const outcome = await recovery.recover(id);
  if (!outcome.ok) return outcome;
  return answer(printed(command.json ? jsonText(writeJson(outcome.value)) : writeText(outcome.value)));
};
