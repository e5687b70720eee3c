import type { WritesSoFar } from '../../app/bridge.ts';
import { generalToRestore } from '../../app/debug/general-to-restore.ts';
import type { PathChange } from '../../app/edit/assign.ts';
import { stageRestore } from '../../app/edit/restore.ts';
import { memoizeByIdentity, memoizePair } from './memoize.ts';
import { type ParkedVcpu, parkedNow } from './parked.ts';
import type { State } from './state.ts';
import type { Stop } from './timeline-slice.ts';

/** What giving the state found at attach back would write to one vCPU, by its last reading. */
export interface LeavingWrite {
  readonly vcpu: number;
  /** Without the general registers. */
  readonly changes: readonly PathChange[];
  /** General registers that were written here, and go back by a tick alone once the guest has run. */
  readonly general: readonly PathChange[];
  readonly hasRun: boolean;
}

const isGeneral = (names: readonly string[]) => (change: PathChange) => names.includes(change.path);

const changesBack = memoizePair((writes: WritesSoFar, stops: readonly Stop[]) => {
  const [first, now] = [stops[0], stops.at(-1)];
  if (first === undefined || now === undefined) return null;
  const names = generalToRestore(writes, true);
  const write = stageRestore(now.capture, first.capture, { kind: 'all' }, names);
  if (!write.ok) return null;
  const general = write.value.changes.filter(isGeneral(names));
  return { changes: write.value.changes.filter((row) => !general.includes(row)), general };
});

const writeOf = ({ session, stops, writes }: ParkedVcpu): LeavingWrite | null => {
  if (session.kind === 'file' || session.run === 'ended') return null;
  const back = changesBack(writes, stops);
  const hasRun = session.hasRun || stops.some(({ cause }) => cause === 'step');
  return back === null ? null : { vcpu: session.vcpu, ...back, hasRun };
};

const together = memoizeByIdentity((state: State): readonly LeavingWrite[] =>
  [parkedNow(state), ...state.parked.values()]
    .flatMap((one) => {
      const write = one === null ? null : writeOf(one);
      return write === null || write.changes.length + write.general.length === 0 ? [] : [write];
    })
    .sort((a, b) => a.vcpu - b.vcpu),
);

/** What "restore and leave" would write, vCPU by vCPU. */
export const selectLeaving = (state: State): readonly LeavingWrite[] => together(state);
