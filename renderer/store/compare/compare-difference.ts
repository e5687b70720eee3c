import { type Decoded, describeProblem } from '../../../app/bits/decoded.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { checkRestore } from '../../../app/compat/check.ts';
import type { RestoreVerdict } from '../../../app/compat/verdict.ts';
import { diffCaptures } from '../../../app/diff/compare.ts';
import type { DifferentComponent } from '../../../app/diff/diff-elements.ts';
import type { PreflightOutcome, PreflightStep } from '../../../app/xsave/preflight.ts';
import { fixed } from '../../fixed.ts';
import { count } from '../../wording.ts';
import { memoizePair } from '../base/memoize.ts';
import { otherVcpu } from '../select/attached.ts';
import { lastChange } from '../select/last-change.ts';
import { selectCapture } from '../select/selectors.ts';
import type { State } from '../state/state.ts';
import { selectCaptureA, selectTitleA } from './compare-sides.ts';
import { pinnedIndex } from './compare-slice.ts';

const differingBytes = memoizePair(
  (before: Capture, after: Capture): ReadonlyMap<number, number> =>
    new Map(diffCaptures(before, after).components.map(({ bit, changedBytes }) => [bit, changedBytes])),
);

/** How many bytes of each component differ between A and B; null where they are not compared now. */
export const selectDifferingBytes = (state: State): ReadonlyMap<number, number> | null => {
  const [before, after] = state.tab === 'compare' ? [selectCaptureA(state), selectCapture(state)] : [null, null];
  return before === null || after === null ? null : differingBytes(before, after);
};

/** The place of A among the stops of the vCPU on screen; null: A is a file, or a stop of another vCPU. */
export const placeOfA = (state: State): number | null => {
  const { source, stops, pinned, compareFile } = state;
  if (source.kind === 'file' && compareFile !== null) return null;
  if (source.kind === 'vcpu' && otherVcpu(state, source.vcpu) !== null) return null;
  const at = pinnedIndex(stops, pinned);
  return stops[at] === undefined ? (stops.length === 0 ? null : 0) : at;
};

/**
 * Whose the difference between A and B is: of whoever changed the value last on the way. 'none': A is of elsewhere, or comes
 * after B, and nobody can be named.
 */
export const differenceMark = (state: State, path: string): 'changed' | 'written' | 'none' => {
  const at = placeOfA(state);
  const a = at === null ? undefined : state.stops[at];
  if (at === null || a === undefined || at >= state.at) return 'none';
  const last = lastChange(state.stops, state.at, path);
  if (last === null || last.stop <= a.number) return 'none';
  return last.by === 'edit' ? 'written' : 'changed';
};

/**
 * The same of a whole component: written here, where any value of it was; of one whose state alone differs, in use without other values,
 * the guest of a model began or ended it.
 */
export const componentMark = (
  state: State,
  { before, after, values }: Pick<DifferentComponent, 'before' | 'after' | 'values'>,
): 'changed' | 'written' | 'none' => {
  const marks = new Set(values.map(({ path }) => differenceMark(state, path)));
  if (marks.has('written')) return 'written';
  if (marks.has('changed')) return 'changed';
  const at = placeOfA(state);
  const isOnTheWay = at !== null && at < state.at && before !== after;
  return isOnTheWay && state.session?.kind === 'model' ? 'changed' : 'none';
};

const timeText = (ms: number): string => {
  const seconds = Math.abs(ms) / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 3600 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
};

/** "stop 371 to stop 412, 2.1 s and 41 stops apart". */
export const selectApart = (state: State): string => {
  const b = state.stops[state.at];
  const before = selectCaptureA(state);
  if (b === undefined || before === null) return '';
  const at = placeOfA(state);
  const a = at === null ? undefined : state.stops[at];
  const [was, is] = [before.facts.takenAtMs, b.takenAtMs];
  // Clocks of two machines are not compared; a write reads back in the stop that it was made in, at one time.
  const time =
    was === 0 || is === 0 || was === is || (a === undefined && state.source.kind === 'file')
      ? null
      : fixed('clock', timeText(is - was));
  const stops = at === null ? null : count(Math.abs(state.at - at), 'stop');
  const apart = at === state.at ? [] : [time, stops].filter((words) => words !== null);
  const title = a === undefined ? selectTitleA(state) : `stop ${a.number}`;
  return `${title} to stop ${b.number}${apart.length === 0 ? '' : `, ${apart.join(' and ')} apart`}`;
};

export interface FitLine {
  readonly label: string;
  readonly outcome: PreflightOutcome;
  /** Said below where it is not simply so. */
  readonly sentence: string | null;
  readonly value: string | null;
}

const ofStep = (step: PreflightStep | undefined, label: string): FitLine =>
  step === undefined
    ? { label, outcome: 'not-reached', sentence: null, value: null }
    : { label, outcome: step.outcome, sentence: step.outcome === 'pass' ? null : step.sentence, value: null };

const layoutLine = ({ layoutDiffers, image, asItIs }: RestoreVerdict): FitLine => {
  const names = layoutDiffers.map(({ name }) => name).join(', ');
  const value = String(image.bytes.length);
  if (asItIs.outcome === 'taken' && names === '')
    return { label: 'Same layout', outcome: 'pass', sentence: null, value };
  if (names === '') return { label: 'Same layout', outcome: 'pass', sentence: null, value };
  return { label: 'Same layout', outcome: 'warning', sentence: `${names} would be moved to its place here`, value };
};

/** What is told first, in the words of the question; each stands for one step of the pre-flight. */
const TOLD = [
  ['xcr0', 'Components within XCR0'],
  ['xfd', 'XFD covers nothing in use'],
] as const;

const linesOf = (verdict: RestoreVerdict): readonly FitLine[] => {
  const told = TOLD.map(([id, label]) =>
    ofStep(
      verdict.steps.find((step) => step.id === id),
      label,
    ),
  );
  const others = verdict.steps
    .filter(({ id, outcome }) => (outcome === 'fail' || outcome === 'warning') && !TOLD.some(([told]) => told === id))
    .map((step) => ofStep(step, step.label));
  const lost = verdict.lost.map(
    ({ name, why }): FitLine => ({ label: `${name} stays as it is`, outcome: 'warning', sentence: why, value: null }),
  );
  return [layoutLine(verdict), ...told, ...others, ...lost];
};

const fitOf = memoizePair((a: Capture, now: Capture): readonly FitLine[] => {
  const verdict: Decoded<RestoreVerdict> = checkRestore(a, { kind: 'target', facts: now.facts });
  return verdict.ok
    ? linesOf(verdict.value)
    : [{ label: 'Same layout', outcome: 'not-known', sentence: describeProblem(verdict.problem), value: null }];
});

const NO_LINES: readonly FitLine[] = [];

/** What A meets where it is written to the vCPU as it is now; none where nothing can be written. */
export const selectFit = (state: State): readonly FitLine[] => {
  const now = state.stops.at(-1)?.capture;
  const before = selectCaptureA(state);
  return now === undefined || before === null || state.session?.kind === 'file' ? NO_LINES : fitOf(before, now);
};

/** Why A cannot be what is restored, whatever the vCPU would say; null: it can. */
export const restoreToARefusal = (state: State): string | null => {
  const at = placeOfA(state);
  if (at === null)
    return state.source.kind === 'file' ? null : 'A is of another vCPU: go there to restore it, or save it as a file';
  return at === state.stops.length - 1 ? 'A is what the vCPU holds' : null;
};

/** Opens the dialog with A as what is to be restored. */
export const openRestoreToA = (state: State): void => {
  const at = placeOfA(state);
  const a = at === null ? undefined : state.stops[at];
  if (a !== undefined) {
    const isAttach = at === 0 && a.cause === 'attach';
    state.openRestore(isAttach ? { kind: 'attach' } : { kind: 'stop', number: a.number }, 'all');
    return;
  }
  const file = state.compareFile;
  if (file === null) return;
  state.openRestore({ kind: 'file' }, 'all');
  void state.readRestoreFile(file.name, file.base64, file.state, '');
};
