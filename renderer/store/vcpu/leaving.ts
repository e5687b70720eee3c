import type { WritesSoFar } from '../../../app/bridge.ts';
import { generalToRestore } from '../../../app/debug/general-to-restore.ts';
import { type DifferentValue, differences } from '../../../app/diff/diff-elements.ts';
import { captureAfter } from '../../../app/edit/assign.ts';
import { stageRestore } from '../../../app/edit/restore.ts';
import { count } from '../../wording.ts';
import { memoizeByIdentity, memoizePair } from '../base/memoize.ts';
import { hasEnded } from '../select/run.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';
import type { OpenVcpu } from '../state/vcpus.ts';

/** What giving the state found at attach back would write to one vCPU, by its last reading. */
export interface LeavingWrite {
  readonly vcpu: number;
  /** Without the general registers. */
  readonly changes: readonly Pick<DifferentValue, 'path' | 'before' | 'after'>[];
  /** General registers that were written here, and go back by a tick alone once the guest has run. */
  readonly general: readonly DifferentValue[];
  readonly hasRun: boolean;
}

const changesBack = memoizePair((writes: WritesSoFar, stops: readonly Stop[]) => {
  const [first, now] = [stops[0], stops.at(-1)];
  if (first === undefined || now === undefined) return null;
  const names = generalToRestore(writes, true);
  const write = stageRestore(now.capture, first.capture, { kind: 'all' }, names);
  if (!write.ok) return null;
  const values = differences(now.capture, captureAfter(now.capture, write.value), 'f32').flatMap((one) => one.values);
  const isGeneral = ({ path }: DifferentValue): boolean => names.some((name) => name === path);
  return { changes: values.filter((row) => !isGeneral(row)), general: values.filter(isGeneral) };
});

const writeOf = (one: OpenVcpu): LeavingWrite | null => {
  const { session, stops, writes } = one;
  if (session.kind === 'file' || hasEnded(one)) return null;
  const back = changesBack(writes, stops);
  if (back === null) return null;
  const hasRun = one.hasRun || stops.some(({ cause }) => cause === 'step');
  const bytes = writes.standingMemoryBytes;
  const memory = { path: 'guest memory', before: `${count(bytes, 'byte')} written`, after: 'as it stood before' };
  return { vcpu: session.vcpu, ...back, changes: bytes === 0 ? back.changes : [...back.changes, memory], hasRun };
};

const together = memoizeByIdentity((vcpus: State['vcpus']): readonly LeavingWrite[] =>
  [...vcpus.values()]
    .flatMap((one) => {
      const write = writeOf(one);
      return write === null || write.changes.length + write.general.length === 0 ? [] : [write];
    })
    .sort((a, b) => a.vcpu - b.vcpu),
);

/** What "restore and leave" would write, vCPU by vCPU. */
export const selectLeaving = (state: State): readonly LeavingWrite[] => together(state.vcpus);

/**
 * Whether a page that goes takes along what nobody has kept: stops, labels, staged edits of a target that still answers; of a
 * file what was edited in the copy of it.
 */
export const wouldLose = ({ session, stops, staged, vcpus, hostLost, saveDone, writes, done }: State): boolean => {
  if (session === null || hostLost) return false;
  const isSaved = saveDone !== null && saveDone.stops === stops.length;
  if (session.kind === 'file')
    return (staged.length > 0 && done.length > 0) || (writes.undoable + writes.redoable > 0 && !isSaved);
  return staged.length > 0 || vcpus.size > 1 || (stops.length > 1 && !isSaved);
};
