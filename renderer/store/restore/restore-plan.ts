import { type Decoded, decoded, describeProblem } from '../../../app/bits/decoded.ts';
import type { RestoreScope } from '../../../app/bridge.ts';
import type { Capture, TargetIdentity } from '../../../app/capture/capture.ts';
import { checkRestore } from '../../../app/compat/check.ts';
import { isOfSameVcpu, toRestore, type Unsaid } from '../../../app/compat/to-restore.ts';
import type { Lost, RestoreVerdict } from '../../../app/compat/verdict.ts';
import { generalToRestore } from '../../../app/debug/general-to-restore.ts';
import type { StagedWrite } from '../../../app/edit/assign.ts';
import { stageRestore } from '../../../app/edit/restore.ts';
import { bitsOfScope } from '../../../app/edit/scope.ts';
import type { RestoredFrom } from '../../../app/session/stop.ts';
import { componentLabel } from '../../../app/xsave/components.ts';
import { firstRefusal, type PreflightStep, preflight } from '../../../app/xsave/preflight.ts';
import { busyRefusal } from '../base/availability.ts';
import { memoizePair } from '../base/memoize.ts';
import { captureAfter } from '../select/provenance.ts';
import { selectSelectedPath } from '../select/selected-path.ts';
import { selectSelectedBit, selectWriteRefusal } from '../select/selectors.ts';
import type { RestoreWhat } from '../state/restore.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';

/** The state to be restored, as it would be sent. */
export interface Source {
  readonly capture: Capture;
  /** null: the state found at attach, which the host keeps itself. */
  readonly from: RestoredFrom | null;
  /** Can a state of a file be had here; null for a stop, which came from here. */
  readonly verdict: RestoreVerdict | null;
  /** Whose state it is, where it is not known to be this very vCPU's: it is restored with the user's consent alone. */
  readonly stranger: TargetIdentity | null;
  /** What of it cannot be restored here, and what it has no room for: both stay as they are. */
  readonly lost: readonly Lost[];
  readonly unsaid: readonly Unsaid[];
  /** Why all of it is refused; null: it is not. */
  readonly refused: string | null;
}

/** One choice of how much is restored: what would be written, or why not. */
export interface Choice {
  readonly scope: RestoreScope;
  readonly write: StagedWrite | null;
  /** Why it cannot be done; null: it can. */
  readonly refused: string | null;
}

/** Whether it is known what a state was taken from: a raw image does not say. */
export const isNamed = ({ kind, pid }: TargetIdentity): boolean => kind !== 'file' || pid !== null;

/** A state of a file in the vCPU's layout, without what cannot be had of it: that is left alone, as by the command line. */
const fromFile = memoizePair((file: Capture, now: Capture): Decoded<Omit<Source, 'from'>> => {
  const verdict = checkRestore(file, { kind: 'target', facts: now.facts });
  if (!verdict.ok) return verdict;
  const { capture, lost, unsaid, refused } = toRestore(file, now, verdict.value, null);
  const stranger = isOfSameVcpu(file, now) ? null : file.facts.target;
  return decoded({ capture, verdict: verdict.value, stranger, lost, unsaid, refused });
});

const fileSource = memoizePair(
  (source: Omit<Source, 'from'>, named: { readonly name: string }): Decoded<Source> =>
    decoded({ ...source, from: { kind: 'file', name: named.name } }),
);

const stopSource = memoizePair(
  (stop: Stop, stops: readonly Stop[]): Decoded<Source> =>
    decoded({
      capture: stop.capture,
      from: stop === stops[0] && stop.cause === 'attach' ? null : { kind: 'stop', number: stop.number },
      verdict: null,
      stranger: null,
      lost: [],
      unsaid: [],
      refused: null,
    }),
);

/** null: a file is meant and none was chosen yet. */
const selectSource = (state: State): Decoded<Source> | null => {
  const { restoreTo, restoreFile, stops } = state;
  const now = stops.at(-1);
  if (now === undefined) return null;
  if (restoreTo.kind === 'file') {
    if (restoreFile === null) return null;
    const source = fromFile(restoreFile.capture, now.capture);
    return source.ok ? fileSource(source.value, restoreFile) : source;
  }
  const stop = restoreTo.kind === 'attach' ? stops[0] : stops.find(({ number }) => number === restoreTo.number);
  return stop === undefined ? null : stopSource(stop, stops);
};

const stagedByScope = memoizePair((now: Capture, then: Capture) => {
  const known = new Map<string, Decoded<StagedWrite>>();
  return (scope: RestoreScope, general: readonly string[]): Decoded<StagedWrite> => {
    const key = JSON.stringify([scope, general]);
    const write = known.get(key) ?? stageRestore(now, then, scope, general);
    known.set(key, write);
    return write;
  };
});

const general = (write: StagedWrite, now: Capture): number => {
  const before = now.facts.general;
  const after = write.general;
  if (before === null || after === null) return 0;
  return (Object.keys(after) as (keyof typeof after)[]).filter((key) => after[key] !== before[key]).length;
};

/** Registers outside the image that would be written: XCR0, MSRs, general registers. */
export const outsideCount = (write: StagedWrite, now: Capture): number =>
  write.msrs.length + (write.xcr0 === null ? 0 : 1) + general(write, now);

const choiceOf = (now: Capture, source: Source, scope: RestoreScope, written: readonly string[]): Choice => {
  const refuse = (refused: string): Choice => ({ scope, write: null, refused });
  if (scope.kind === 'all' && source.refused !== null) return refuse(`this state does not fit: ${source.refused}`);
  const bits = bitsOfScope(scope) ?? [];
  const lost = source.lost.find(({ bit }) => bits.includes(bit));
  if (lost !== undefined) return refuse(lost.why);
  if (source.unsaid.some(({ bit }) => bits.includes(bit))) return refuse('not in the file, stays as it is');
  const xcr0 = source.verdict?.xcr0Refusal ?? null;
  if (xcr0 !== null && scope.kind === 'paths' && scope.paths.includes('xcr0')) return refuse(xcr0);
  const write = stagedByScope(now, source.capture)(scope, written);
  if (!write.ok) return refuse(describeProblem(write.problem));
  const same = write.value.writtenBytes === 0 && outsideCount(write.value, now) === 0;
  return { scope, write: write.value, refused: same ? 'nothing differs' : null };
};

/** A component that may be restored, or why it may not. */
export interface ComponentChoice extends Choice {
  readonly bit: number;
  readonly label: string;
  readonly chosen: boolean;
}

export interface RestorePlan {
  readonly source: Source;
  readonly all: Choice;
  /** The selected component and register; null: none is selected. */
  readonly component: ComponentChoice | null;
  readonly register: (Choice & { readonly path: string }) | null;
  /** Every component that either image has room for. */
  readonly components: readonly ComponentChoice[];
  /** Those of them that are chosen; null: none is. */
  readonly set: Choice | null;
  /** The choice that stands, and why it cannot be done. */
  readonly chosen: Choice | null;
  readonly refused: string | null;
  /** Pre-flight of what the vCPU would hold; empty where nothing would be written. */
  readonly steps: readonly PreflightStep[];
  /** Names of what is not restored although it was asked for. */
  readonly without: readonly string[];
  /** Names of what the file has no room for, where all of it is asked for: it stays as it is. */
  readonly stays: readonly string[];
}

const planOf = (state: State, source: Source, now: Capture): RestorePlan => {
  const written = generalToRestore(state.writes, source.from === null);
  const make = (scope: RestoreScope): Choice => choiceOf(now, source, scope, written);
  const bits = [
    ...new Set([...source.capture.image.layout.components, ...now.image.layout.components].map((place) => place.bit)),
  ];
  const components = bits
    .sort((a, b) => a - b)
    .map((bit) => ({
      ...make({ kind: 'components', bits: [bit] }),
      bit,
      label: componentLabel(bit),
      chosen: state.restoreBits.includes(bit),
    }));
  const all = make({ kind: 'all' });
  const selectedBit = selectSelectedBit(state);
  const path = selectSelectedPath(state);
  const component = components.find(({ bit }) => bit === selectedBit) ?? null;
  const register = path === null ? null : { ...make({ kind: 'paths', paths: [path] }), path };
  const wanted = components.filter((row) => row.chosen && row.refused === null).map(({ bit }) => bit);
  const set = wanted.length === 0 ? null : make({ kind: 'components', bits: wanted });
  const chosen = { all, components: set, component, register }[state.restoreWhat satisfies RestoreWhat];
  const steps = chosen?.write == null ? [] : stepsAfter(now, chosen.write);
  const step = firstRefusal(steps);
  const refused =
    selectWriteRefusal(state) ??
    busyRefusal(state.busy) ??
    (chosen === null
      ? 'nothing is chosen'
      : (chosen.refused ?? step?.sentence ?? consentRefusal(source, state.restoreConsent)));
  const xcr0 = source.verdict?.xcr0Refusal == null ? [] : ['XCR0'];
  const without = state.restoreWhat === 'all' ? [...source.lost.map(({ name }) => name), ...xcr0] : [];
  const stays = state.restoreWhat === 'all' ? source.unsaid.map(({ name }) => name) : [];
  return { source, all, component, register, components, set, chosen, refused, steps, without, stays };
};

const stepsAfter = memoizePair((now: Capture, write: StagedWrite): readonly PreflightStep[] => {
  const after = captureAfter(now, write);
  return preflight(after.image, after.facts);
});

const consentRefusal = ({ stranger }: Source, given: boolean): string | null => {
  if (stranger === null || given) return null;
  return isNamed(stranger)
    ? 'the state of another vCPU: tick above that it goes here'
    : 'not known whose state this is: tick above that it goes here';
};

/** What the dialog shows; a problem where the file cannot be judged here, null where no state is chosen yet. */
export const restorePlan = (state: State): Decoded<RestorePlan> | null => {
  const now = state.stops.at(-1)?.capture;
  const source = selectSource(state);
  if (now === undefined || source === null) return null;
  return source.ok ? decoded(planOf(state, source.value, now)) : source;
};
