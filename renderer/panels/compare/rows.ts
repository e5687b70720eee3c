import type { DifferentComponent, DifferentValue } from '../../../app/diff/diff-elements.ts';
import { movedInList } from '../../keys/chord.ts';
import type { Command } from '../../keys/keymap.ts';
import { count } from '../../wording.ts';

/** How much of a component is shown: its first values, all of them, its head alone. */
export type Openness = 'first' | 'all' | 'closed';

/** A component that is the same in both, named for the whole picture. */
export interface EqualComponent {
  readonly bit: number;
  readonly label: string;
  readonly words: string;
  /** '' where it is in use: the class of its swatch. */
  readonly state: '' | 'init' | 'absent';
}

export type CompareRow =
  | { readonly kind: 'head'; readonly key: string; readonly label: string; readonly component: DifferentComponent }
  | { readonly kind: 'value'; readonly key: string; readonly label: string; readonly value: DifferentValue }
  | { readonly kind: 'more'; readonly key: string; readonly label: string; readonly hidden: number }
  | { readonly kind: 'equal'; readonly key: string; readonly label: string; readonly equal: EqualComponent };

/** Enough to see what kind of difference it is; a component has up to two thousand bytes that may differ. */
export const SHOWN_FIRST = 8;
/** Registers outside the components are few, and each is another one. */
const SHOWN_FIRST_OUTSIDE = 32;
/** One more row is no shorter than the line that stands for it. */
const LEAST_HIDDEN = 2;

export const isTile = ({ path }: DifferentValue): boolean => /^tmm\d$/.test(path);

const shownFirst = ({ bit, values }: DifferentComponent): number => {
  const most = bit === null ? SHOWN_FIRST_OUTSIDE : SHOWN_FIRST;
  return values.length - most < LEAST_HIDDEN ? values.length : most;
};

/** "3 registers, 9 elements": what differs, in the units that its rows are. */
export const summaryOf = ({ values, label }: DifferentComponent): string => {
  const names = new Set(values.map(({ path }) => path.replace(/[:.[].*$/, '')));
  const elements = values.filter(({ path }) => path.includes(':')).length;
  const fields = values.filter(({ path }) => path.startsWith('tilecfg.')).length;
  if (fields > 0) return count(fields, 'field');
  const words = values.some(isTile) ? count(names.size, 'tile') : count(names.size, 'register');
  return values.length === 0 ? `${label} alone` : elements === 0 ? words : `${words}, ${count(elements, 'element')}`;
};

const rowsOfComponent = (component: DifferentComponent, openness: Openness): readonly CompareRow[] => {
  const { label, values } = component;
  const head: CompareRow = { kind: 'head', key: label, label, component };
  if (openness === 'closed') return [head];
  const shown = openness === 'all' ? values : values.slice(0, shownFirst(component));
  const rows: CompareRow[] = [
    head,
    ...shown.map((value): CompareRow => ({ kind: 'value', key: `${label} ${value.path}`, label, value })),
  ];
  const hidden = values.length - shown.length;
  return hidden === 0 ? rows : [...rows, { kind: 'more', key: `${label} more`, label, hidden }];
};

const bitOf = (row: DifferentComponent | EqualComponent): number => row.bit ?? Number.POSITIVE_INFINITY;

/** Every row there is, in order of component; what lies outside the image comes last. */
export const rowsOf = (
  found: readonly DifferentComponent[],
  equal: readonly EqualComponent[],
  opened: ReadonlyMap<string, Openness>,
): readonly CompareRow[] =>
  [...found, ...equal]
    .sort((a, b) => bitOf(a) - bitOf(b))
    .flatMap((one): readonly CompareRow[] =>
      'values' in one
        ? rowsOfComponent(one, opened.get(one.label) ?? 'first')
        : [{ kind: 'equal', key: one.label, label: one.label, equal: one }],
    );

const HEAD_PX = 32;
const ROW_PX = 24;
const TILE_ROW_PX = 60;

const heightOf = (row: CompareRow): number =>
  row.kind === 'head' ? HEAD_PX : row.kind === 'value' && isTile(row.value) ? TILE_ROW_PX : ROW_PX;

/** Where each row begins, and behind the last one where the list ends, CSS px. */
export const offsetsOf = (rows: readonly CompareRow[]): readonly number[] => {
  const offsets = [0];
  for (const row of rows) offsets.push((offsets.at(-1) ?? 0) + heightOf(row));
  return offsets;
};

/** The first row whose end lies behind `px`. */
const rowAt = (offsets: readonly number[], px: number): number => {
  let [low, high] = [0, Math.max(0, offsets.length - 2)];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((offsets[middle + 1] ?? 0) > px) high = middle;
    else low = middle + 1;
  }
  return low;
};

/** More rows than this are not all put into the page. */
const MOST_WHOLE = 150;
const BEYOND_PX = 400;

export interface RowWindow {
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
}

/** The rows between two heights of the list, and a screen's edge more; all of a short list. */
export const windowOf = (offsets: readonly number[], topPx: number, bottomPx: number): RowWindow => {
  const count = offsets.length - 1;
  if (count <= MOST_WHOLE) return { first: 0, end: count };
  return { first: rowAt(offsets, topPx - BEYOND_PX), end: Math.min(count, rowAt(offsets, bottomPx + BEYOND_PX) + 1) };
};

/** Where the keyboard goes from a row; null: the key is none of the list's. */
export const nextRow = (command: Command<'rows'> | null, at: number, count: number, page: number): number | null => {
  if (count === 0) return null;
  if (command === 'page-previous') return Math.max(0, at - page);
  if (command === 'page-next') return Math.min(count - 1, at + page);
  return movedInList(command, at, count);
};

export interface TextPart {
  readonly at: number;
  readonly text: string;
  readonly differs: boolean;
}

const HEX = /^(0x)?[0-9a-f_]+$/;

/** The digits of B that differ from A's in the same place, where both are hex of one length; else B as one part. */
export const differingDigits = (before: string, after: string): readonly TextPart[] => {
  if (before.length !== after.length || after.length < 8 || !HEX.test(before) || !HEX.test(after)) {
    return [{ at: 0, text: after, differs: false }];
  }
  const parts: { at: number; text: string; differs: boolean }[] = [];
  for (let at = 0; at < after.length; at += 1) {
    const differs = before[at] !== after[at];
    const last = parts.at(-1);
    if (last?.differs === differs) last.text += after[at];
    else parts.push({ at, text: after[at] ?? '', differs });
  }
  return parts;
};
