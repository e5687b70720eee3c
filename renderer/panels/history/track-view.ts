/**
 * Which stops the strip shows: a stretch of the timeline, in places of one stop each, or, where each stop has a place by its time, of
 * equal times. Pure arithmetic; one px is one CSS px.
 */
export interface TrackView {
  /** The place at the left edge, with a fraction. */
  readonly from: number;
  /** How many places the width holds. */
  readonly places: number;
  /** The place of each stop, ascending; left out: the one of its number. */
  readonly times?: readonly number[] | null;
}

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/** Nearer than this is not needed. */
export const LEAST_PLACES = 24;
/** The strip is filled from the left and never stretches two or three stops over the whole width. */
const LEAST_FIT_PLACES = 8;

export const fitView = (count: number): TrackView => ({ from: 0, places: Math.max(LEAST_FIT_PLACES, count) });

/** The places of stops by when they were taken, from the first at the left edge to the last at the right; ms, ascending. */
export const timePlaces = (takenAtMs: readonly number[]): readonly number[] => {
  const [first = 0, last = 0] = [takenAtMs[0], takenAtMs.at(-1)];
  const places = fitView(takenAtMs.length).places - 1;
  return takenAtMs.map((ms) => (last === first ? 0 : ((ms - first) / (last - first)) * places));
};

/** The first stop at a place or behind it; `count` where there is none. */
const firstAt = ({ times }: TrackView, place: number, count: number): number => {
  if (times == null) return clamp(Math.ceil(place), 0, count);
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? 0) < place) low = middle + 1;
    else high = middle;
  }
  return low;
};

const placeOf = ({ times }: TrackView, index: number): number => times?.[index] ?? index;

/** The same stretch where it still lies inside the timeline; all of it where nothing is left to zoom into. */
export const clampView = ({ from, places, ...view }: TrackView, count: number): TrackView => {
  const fit = fitView(count);
  const shown = clamp(places, LEAST_PLACES, fit.places);
  return { ...view, places: shown, from: clamp(from, 0, fit.places - shown) };
};

export const isFit = (view: TrackView, count: number): boolean => view.places >= fitView(count).places;

export const xOfPlace = (view: TrackView, place: number, widthPx: number): number =>
  ((place + 0.5 - view.from) / view.places) * widthPx;

/** The middle of a stop's place, from the left edge of the strip. */
export const xOfStop = (view: TrackView, index: number, widthPx: number): number =>
  xOfPlace(view, placeOf(view, index), widthPx);

/** The stop nearest to a place on the screen, which may lie outside the strip; always one that there is. */
export const stopAtX = (view: TrackView, x: number, widthPx: number, count: number): number => {
  const place = (x / Math.max(1, widthPx)) * view.places + view.from - 0.5;
  const last = Math.max(0, count - 1);
  if (view.times == null) return clamp(Math.round(place), 0, last);
  const after = clamp(firstAt(view, place, count), 0, last);
  const before = Math.max(0, after - 1);
  return place - placeOf(view, before) < placeOf(view, after) - place ? before : after;
};

/** The first and the last stop of the stretch, as indexes; the last is before the first where it holds none. */
export const shownStops = (view: TrackView, count: number): readonly [number, number] => [
  firstAt(view, view.from - 0.5, count),
  firstAt(view, view.from + view.places - 0.5, count) - 1,
];

/** Zoomed by a factor (below 1: nearer), with the stop at `x` staying under the pointer. */
export const zoomed = (view: TrackView, factor: number, x: number, widthPx: number, count: number): TrackView => {
  const share = x / Math.max(1, widthPx);
  const places = clamp(view.places * factor, LEAST_PLACES, fitView(count).places);
  return clampView({ ...view, places, from: view.from + share * (view.places - places) }, count);
};

/** Zoomed by a factor, with a stop brought to the middle where it was out of sight. */
export const aboutStop = (view: TrackView, factor: number, index: number, count: number): TrackView => {
  const share = xOfStop(view, index, 1);
  const next = zoomed(view, factor, share >= 0 && share <= 1 ? share : 0.5, 1, count);
  return following(next, index, count);
};

/** Moved as far as needed to show a stop, with a little of what lies beside it. */
export const following = (view: TrackView, index: number, count: number): TrackView => {
  const margin = Math.min(2, view.places / 8);
  const place = placeOf(view, index);
  const least = place + 1 + margin - view.places;
  const most = place - margin;
  const from = clamp(view.from, Math.min(least, most), most);
  return from === view.from ? view : clampView({ ...view, from }, count);
};

/** A tenth of what the strip shows, at least one stop. */
export const pageOf = (view: TrackView, count: number): number =>
  Math.max(1, Math.round(Math.min(view.places, count) / 10));

/**
 * The stops of each px column: from `starts[column]` up to, not including, `starts[column + 1]`. Only where more than one stop
 * falls on a px.
 */
export const columnsOf = (view: TrackView, widthPx: number, count: number): readonly number[] =>
  Array.from({ length: widthPx + 1 }, (_, column) =>
    firstAt(view, view.from + (column / widthPx) * view.places - 0.5, count),
  );

export interface Spot {
  readonly index: number;
  readonly x: number;
}

/** Glyphs that would overlap become one: at most one in each stretch of `pitchPx`, the first. `indexes` ascends. */
export const spotsOf = (
  indexes: readonly number[],
  view: TrackView,
  widthPx: number,
  pitchPx: number,
): readonly Spot[] => {
  const spots: Spot[] = [];
  let lastX = Number.NEGATIVE_INFINITY;
  for (const index of indexes) {
    const x = xOfStop(view, index, widthPx);
    if (x < 0 || x > widthPx || x - lastX < pitchPx) continue;
    spots.push({ index, x });
    lastX = x;
  }
  return spots;
};

/** A glyph of 12 px and a little room; with a number behind it; and how far one glyph may stand for others at most. */
export const GLYPH_PX = 14;
const COUNTED_PX = 36;
const BUCKET_PX = 72;

export interface Bucket {
  readonly x: number;
  /** At least one, ascending. */
  readonly indexes: readonly number[];
}

/** Glyphs that would overlap are counted together, over a short stretch each, so that it still shows where they are. */
export const bucketsOf = (indexes: readonly number[], view: TrackView, widthPx: number): readonly Bucket[] => {
  const buckets: { x: number; lastX: number; indexes: number[] }[] = [];
  for (const index of indexes) {
    const x = xOfStop(view, index, widthPx);
    if (x < 0 || x > widthPx) continue;
    const last = buckets.at(-1);
    const away = last === undefined ? Number.POSITIVE_INFINITY : x - last.x;
    const room = last !== undefined && last.indexes.length > 1 ? COUNTED_PX : GLYPH_PX;
    if (last !== undefined && (away < room || (x - last.lastX < GLYPH_PX && away < BUCKET_PX))) {
      last.indexes.push(index);
      last.lastX = x;
    } else buckets.push({ x, lastX: x, indexes: [index] });
  }
  return buckets;
};
