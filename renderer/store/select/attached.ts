import type { Refusal } from '../../../app/bridge.ts';
import { memoizeByIdentity, memoizePair, sameList } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import type { Stop } from '../state/timeline.ts';
import type { OpenVcpu } from '../state/vcpus.ts';
import { type RunWord, runWord } from './run.ts';

const givesAllBack = ({ write }: Stop): boolean =>
  write?.kind === 'restore' && write.scope.kind === 'all' && write.from === undefined;

/** Writes that stand in the vCPU: those since everything was last given back, without what was undone. */
export const writesIn = memoizeByIdentity((stops: readonly Stop[]): number => {
  const done: Stop[] = [];
  const undone: Stop[] = [];
  for (const stop of stops) {
    const kind = stop.write?.kind;
    const walked = kind === 'undo' ? done.pop() : kind === 'redo' ? undone.pop() : undefined;
    if (kind === 'undo') undone.push(...(walked === undefined ? [] : [walked]));
    else if (kind !== undefined) done.push(walked ?? stop);
  }
  return done.length - 1 - done.findLastIndex(givesAllBack);
});

/** An attached vCPU, and what is in it that a user would not lose unasked. */
export interface AttachedVcpu {
  readonly vcpu: number;
  readonly run: RunWord;
  readonly stops: number;
  readonly writes: number;
  readonly staged: number;
}

const rowOf = memoizePair((session: Session, stops: readonly Stop[]) =>
  memoizePair(
    (staged: State['staged'], run: State['run']): AttachedVcpu => ({
      vcpu: session.vcpu,
      run: runWord({ session, run }) ?? 'file',
      stops: stops.length,
      // A saved session shows writes and staged edits of another time: there is nothing to lose.
      writes: session.kind === 'file' ? 0 : writesIn(stops),
      staged: session.kind === 'file' ? 0 : staged.length,
    }),
  ),
);

const sameRows = sameList<AttachedVcpu>();

/** Every vCPU that is open, by its number. */
export const selectAttached = ({ vcpus }: Pick<State, 'vcpus'>): readonly AttachedVcpu[] =>
  sameRows(
    [...vcpus.values()]
      .map(({ session, stops, staged, run }) => rowOf(session, stops)(staged, run))
      .sort((a, b) => a.vcpu - b.vcpu),
  );

const sameVcpus = sameList<OpenVcpu>();

/** Those that are open and not on screen, by their number. */
export const selectOthers = ({ vcpus, current }: Pick<State, 'vcpus' | 'current'>): readonly OpenVcpu[] =>
  sameVcpus(
    [...vcpus.values()].filter(({ session }) => session.id !== current).sort((a, b) => a.session.vcpu - b.session.vcpu),
  );

/** Another vCPU than the one on screen, by its number; null: it is not open. */
export const otherVcpu = (state: Pick<State, 'vcpus' | 'current'>, vcpu: number): OpenVcpu | null =>
  selectOthers(state).find(({ session }) => session.vcpu === vcpu) ?? null;

const withEdits = memoizeByIdentity((rows: readonly AttachedVcpu[]) =>
  rows.filter(({ writes, staged, run }) => run !== 'ended' && writes + staged > 0),
);
/** Those that hold written or staged edits: leaving them is asked about. */
export const selectWithEdits = (state: State): readonly AttachedVcpu[] => withEdits(selectAttached(state));

/** "vCPU 1", "vCPU 1 and vCPU 3". */
export const vcpuWords = (vcpus: readonly number[]): string =>
  vcpus
    .map((vcpu) => `vCPU ${vcpu}`)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');

/** Refusals of several vCPUs as one; `verb` says what they do instead: "stay attached". Null: there is none. */
export const refusalOfSeveral = (refused: ReadonlyMap<number, Refusal>, one: string, many: string): Refusal | null => {
  const [first] = refused.values();
  if (first === undefined) return null;
  const who = `${vcpuWords([...refused.keys()])} ${refused.size === 1 ? one : many}`;
  const others = [...refused].slice(1).map(([vcpu, { what }]) => `vCPU ${vcpu}: ${what}`);
  const where = [first.where, ...others].filter((text) => text !== null && text !== '').join('; ');
  return { ...first, what: `${who}: ${first.what}`, where: where === '' ? null : where };
};
