import { componentLabel } from '../../../app/xsave/components.ts';
import { viewComponent } from '../../../app/xsave/view.ts';
import { textAtStop } from '../../store/select/watched-memory.ts';
import { asNumber } from '../../store/select/watched-text.ts';
import type { Stop, WatchedMemory } from '../../store/state/timeline.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import type { TilePair } from '../compare/tile-pair.ts';

/** What is drawn: one value a place, null where there is none. */
export interface PlotData {
  readonly title: string;
  /** What stands along the bottom: "stop", "column", "value". */
  readonly along: string;
  readonly labels: readonly string[];
  readonly values: readonly (number | null)[];
  /** Bars stand on the ground, a line holds its value until the next place. */
  readonly look: 'line' | 'bars';
  /** The place that the rest of the window is about; null: none. */
  readonly here: number | null;
}

/** A matrix of numbers, row by row, as heat with its numbers where they fit. */
export interface MatrixData {
  readonly look: 'matrix';
  readonly title: string;
  readonly rows: number;
  readonly columns: number;
  /** Null: no number stands there on one side. */
  readonly values: readonly (number | null)[];
  /** The greatest magnitude. */
  readonly end: number;
  readonly differing: number;
  /** The element that the rest of the window is about; null: none. */
  readonly here: number | null;
}

export type LaneState = 'in use' | 'init' | 'absent';

/** How a component was at each stop. */
export interface LanesData {
  readonly look: 'lanes';
  readonly title: string;
  readonly labels: readonly string[];
  readonly lanes: readonly { readonly bit: number; readonly label: string; readonly states: readonly LaneState[] }[];
  readonly here: number | null;
}

export type Shown = PlotData | MatrixData | LanesData;

export const MOST_DRAWN = 2_000;

const NO_MEMORY: WatchedMemory = new Map();

/** @param memory what was read of memory at the stops, where the path is one of memory */
export const overStops = (
  path: string,
  stops: readonly Stop[],
  at: number,
  memory: WatchedMemory = NO_MEMORY,
): PlotData => {
  const first = Math.max(0, stops.length - MOST_DRAWN);
  const shown = stops.slice(first);
  return {
    title: path,
    along: 'stop',
    labels: shown.map(({ number }) => String(number)),
    values: shown.map((stop) => asNumber(textAtStop(memory, stop, path))),
    look: 'line',
    here: at >= first ? at - first : null,
  };
};

const finite = (value: number | undefined): number | null =>
  value !== undefined && Number.isFinite(value) ? value : null;

export const ofRow = ({ values, matrix, tile }: TileScene, row: number, column: number): PlotData => ({
  title: `tmm${tile}, row ${row}`,
  along: 'column',
  labels: Array.from({ length: matrix.columns }, (_, at) => String(at)),
  values: Array.from({ length: matrix.columns }, (_, at) => finite(values[row * matrix.columns + at])),
  look: 'bars',
  here: column,
});

export const ofColumn = ({ values, matrix, tile }: TileScene, row: number, column: number): PlotData => ({
  title: `tmm${tile}, column ${column}`,
  along: 'row',
  labels: Array.from({ length: matrix.rows }, (_, at) => String(at)),
  values: Array.from({ length: matrix.rows }, (_, at) => finite(values[at * matrix.columns + column])),
  look: 'bars',
  here: row,
});

const MOST_BINS = 24;
const shortText = (value: number): string => String(Number(value.toPrecision(4)));

/** How often values of a tile fall into each of up to 24 stretches of equal width; NaN and infinities are left out. */
export const histogram = ({ values, tile }: TileScene, selected: number | null): PlotData => {
  const known = [...values].filter(Number.isFinite);
  const least = known.reduce((most, value) => Math.min(most, value), Number.POSITIVE_INFINITY);
  const greatest = known.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  const title = `tmm${tile}, ${known.length} values`;
  if (known.length === 0) return { title, along: 'value', labels: [], values: [], look: 'bars', here: null };
  const isWhole = known.every(Number.isInteger);
  const span = greatest - least;
  // Whole numbers of a small range have a bin each.
  const bins = span === 0 ? 1 : isWhole && span < MOST_BINS ? span + 1 : MOST_BINS;
  const width = span === 0 ? 1 : isWhole && span < MOST_BINS ? 1 : span / bins;
  const binOf = (value: number): number => Math.min(bins - 1, Math.floor((value - least) / width));
  const counts = new Array<number>(bins).fill(0);
  for (const value of known) counts[binOf(value)] = (counts[binOf(value)] ?? 0) + 1;
  return {
    title,
    along: 'value',
    labels: counts.map((_, at) => shortText(least + at * width)),
    values: counts,
    look: 'bars',
    here: selected === null || !Number.isFinite(selected) ? null : binOf(selected),
  };
};

const NAMES = { inUse: 'in use', init: 'init', absent: 'absent' } as const;

/** Each component that the layout of the newest of these stops has, over the last of them. */
export const componentLanes = (stops: readonly Stop[], at: number): LanesData => {
  const first = Math.max(0, stops.length - MOST_DRAWN);
  const shown = stops.slice(first);
  const bits = new Set(shown.at(-1)?.capture.image.layout.components.map(({ bit }) => bit));
  return {
    look: 'lanes',
    title: 'components in use',
    labels: shown.map(({ number }) => String(number)),
    lanes: [...bits]
      .sort((a, b) => a - b)
      .map((bit) => ({
        bit,
        label: componentLabel(bit),
        states: shown.map(({ capture }) => NAMES[viewComponent(capture.image, bit).state]),
      })),
    here: at >= first ? at - first : null,
  };
};

/** B minus A, element by element. */
export const matrixDifference = (
  { a, b, differing }: TilePair,
  title: string,
  selected: { readonly row: number; readonly column: number } | null,
): MatrixData => {
  const { rows, columns } = b.matrix;
  const values = Array.from({ length: rows * columns }, (_, at) => finite((b.values[at] ?? 0) - (a.values[at] ?? 0)));
  const end = values.reduce((most: number, value) => Math.max(most, Math.abs(value ?? 0)), 0);
  const here =
    selected === null || selected.row >= rows || selected.column >= columns
      ? null
      : selected.row * columns + selected.column;
  return { look: 'matrix', title, rows, columns, values, end, differing, here };
};

const named = (title: string): string => `"${title.replaceAll('"', '""')}"`;

/** As a spreadsheet takes it. */
export const shownCsv = (shown: Shown): string => {
  if (shown.look === 'lanes') {
    const { labels, lanes } = shown;
    const head = ['stop', ...lanes.map(({ label }) => named(label))].join(',');
    return [head, ...labels.map((label, at) => [label, ...lanes.map(({ states }) => states[at])].join(',')), ''].join(
      '\n',
    );
  }
  if (shown.look === 'matrix') {
    const { rows, columns, values, title } = shown;
    const numbers = (row: number) => values.slice(row * columns, (row + 1) * columns).map((value) => value ?? '');
    const head = [named(title), ...Array.from({ length: columns }, (_, at) => at)].join(',');
    return [head, ...Array.from({ length: rows }, (_, row) => [row, ...numbers(row)].join(',')), ''].join('\n');
  }
  return plotCsv(shown);
};

const plotCsv = ({ along, title, labels, values }: PlotData): string =>
  [`${along},${named(title)}`, ...labels.map((label, at) => `${label},${values[at] ?? ''}`), ''].join('\n');

/** Ends of the axis: both of a line's own values, the ground besides where bars stand on it. */
export const rangeOf = ({ values, look }: PlotData): readonly [number, number] | null => {
  const known = values.filter((value): value is number => value !== null);
  if (known.length === 0) return null;
  let [least, greatest] = look === 'bars' ? [0, 0] : [known[0] ?? 0, known[0] ?? 0];
  for (const value of known) [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
  return least === greatest ? [least - 1, greatest + 1] : [least, greatest];
};
