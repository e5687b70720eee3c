import type { Refusal } from '../../../app/bridge.ts';
import { memoizeByIdentity, memoizePair } from '../base/memoize.ts';
import type { Parked } from '../state/parked.ts';
import type { State } from '../state/state.ts';
import type { Session } from '../state/target.ts';
import type { Stop } from '../state/timeline.ts';

export const NONE_PARKED: Parked = new Map();

/** Writes that are in the vCPU: those since attach, or since everything was last given back. */
export const writesIn = memoizeByIdentity((stops: readonly Stop[]): number => {
  const given = stops.findLastIndex(
    ({ write }) => write?.kind === 'restore' && write.scope.kind === 'all' && write.from === undefined,
  );
  let writes = 0;
  for (let at = given + 1; at < stops.length; at += 1) if (stops[at]?.write != null) writes += 1;
  return writes;
});

/** An attached vCPU, and what is in it that a user would not lose unasked. */
export interface AttachedVcpu {
  readonly vcpu: number;
  readonly run: Session['run'];
  readonly onScreen: boolean;
  readonly stops: number;
  readonly writes: number;
  readonly staged: number;
}

type Own = Pick<State, 'stops' | 'staged'> & { readonly session: Session };

const attachedRow = ({ session, stops, staged }: Own, onScreen: boolean): AttachedVcpu => ({
  vcpu: session.vcpu,
  run: session.run,
  onScreen,
  stops: stops.length,
  // A saved session shows writes and staged edits of another time: there is nothing to lose.
  writes: session.kind === 'file' ? 0 : writesIn(stops),
  staged: session.kind === 'file' ? 0 : staged.length,
});

const rowsOfParked = memoizeByIdentity((parked: Parked) => [...parked.values()].map((one) => attachedRow(one, false)));
const rowNow = memoizePair((session: Session, stops: readonly Stop[]) =>
  memoizeByIdentity((staged: State['staged']) => attachedRow({ session, stops, staged }, true)),
);
const rowsTogether = memoizePair((now: AttachedVcpu, others: readonly AttachedVcpu[]) =>
  [now, ...others].sort((a, b) => a.vcpu - b.vcpu),
);

const NO_ROWS: readonly AttachedVcpu[] = [];

/** Every vCPU that is attached, the one on screen among them, by its number. */
export const selectAttached = (state: State): readonly AttachedVcpu[] =>
  state.session === null
    ? NO_ROWS
    : rowsTogether(rowNow(state.session, state.stops)(state.staged), rowsOfParked(state.parked));

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
