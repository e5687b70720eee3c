import type { Capture } from '../../../app/capture/capture.ts';
import { otherVcpu } from '../select/attached.ts';
import { stopTitle } from '../select/stop-name.ts';
import type { CompareFile } from '../state/compare.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';
import { indexOfStop, pinnedIndex } from './compare-slice.ts';

interface StopOfA {
  readonly stop: Stop;
  readonly labels: State['labels'];
  /** Of which other vCPU it is; null: of the one on screen. */
  readonly vcpu: number | null;
}

/** The stop that A is, of this vCPU or of another; null: A is a file, or nothing is open. */
const stopOfA = (state: State): StopOfA | null => {
  const { source, stops, pinned, labels } = state;
  if (source.kind === 'file' && state.compareFile !== null) return null;
  const other = source.kind === 'vcpu' ? otherVcpu(state, source.vcpu) : null;
  if (source.kind === 'vcpu' && other !== null) {
    const stop = other.stops[indexOfStop(other.stops, source.number)];
    if (stop !== undefined) return { stop, labels: other.labels, vcpu: source.vcpu };
  }
  // What A was may be gone with its vCPU; this one has a first stop always.
  const stop = stops[pinnedIndex(stops, pinned)] ?? stops[0];
  return stop === undefined ? null : { stop, labels, vcpu: null };
};

/** The left side of Compare; null: none is chosen. */
export const selectCaptureA = (state: State): Capture | null => {
  const found = stopOfA(state);
  if (found !== null) return found.stop.capture;
  return state.stops.length === 0 ? null : (state.compareFile?.capture ?? null);
};

/** "thread 9 of guest.core"; the name alone where the file holds one state. */
const fileTitle = ({ name, file, state }: CompareFile): string => {
  const label = file.states.length < 2 ? undefined : file.states.find(({ vcpu }) => vcpu === state)?.label;
  return label === undefined ? name : `${label} of ${name}`;
};

/** How the left side is called; empty where none is chosen. */
export const selectTitleA = (state: State): string => {
  const found = stopOfA(state);
  if (found === null) return state.compareFile === null ? '' : fileTitle(state.compareFile);
  return `${found.vcpu === null ? '' : `vCPU ${found.vcpu}, `}${stopTitle(found.stop, found.labels)}`;
};

/** How the right side is called: the stop that is shown. */
export const selectTitleB = (state: State): string => {
  const stop = state.stops[state.at];
  return stop === undefined ? '' : stopTitle(stop, state.labels);
};

/** Which entry of the list A is: "3" a stop of this vCPU, "1:3" one of vCPU 1, "file". */
export const selectValueA = (state: State): string => {
  const found = stopOfA(state);
  if (found === null) return 'file';
  return found.vcpu === null ? String(found.stop.number) : `${found.vcpu}:${found.stop.number}`;
};

/** So many stops are listed whole. */
const MOST_LISTED = 60;

/**
 * The stops to choose from. Of a long timeline the ones that mean something: the first and the newest, labelled ones, those that
 * wrote, the last few, and the chosen one; any other is chosen by its number.
 */
export const stopsToList = (
  stops: readonly Stop[],
  labels: ReadonlyMap<number, string>,
  chosen: number | null,
): readonly Stop[] => {
  if (stops.length <= MOST_LISTED) return stops;
  const at = new Set([0, stops.length - 1]);
  if (chosen !== null) at.add(indexOfStop(stops, chosen));
  for (const number of [...labels.keys()].slice(-MOST_LISTED)) at.add(indexOfStop(stops, number));
  for (let back = 1; back < 10; back += 1) at.add(stops.length - 1 - back);
  for (let index = stops.length - 1; index > 0 && at.size < MOST_LISTED; index -= 1) {
    if (stops[index]?.write != null) at.add(index);
  }
  return [...at].sort((a, b) => a - b).flatMap((index) => stops[index] ?? []);
};

export const isListedWhole = (stops: readonly Stop[]): boolean => stops.length <= MOST_LISTED;
