import type { Stop } from '../../store/state/timeline.ts';
import { fromTokens } from '../../theme/from-tokens.ts';
import { deviceRatio } from '../../zoom.ts';
import { LANES, lanesOf } from './lanes.ts';
import { columnsOf, shownStops, type TrackView, xOfStop } from './track-view.ts';

const MARK_TOP_PX = 3;
/** What a lane has above and below its marks. */
const LANE_SPARE_PX = 7;
const WIDEST_MARK_PX = 28;
const LEAST_MARK_PX = 3;
/** A mark leaves so much of a stop's place free, that two of them beside each other are told apart. */
const FREE_SHARE = 0.2;

export interface TrackPicture {
  readonly stops: readonly Stop[];
  readonly view: TrackView;
  readonly widthPx: number;
  /** One lane for all, where the window is low. */
  readonly oneLane: boolean;
  readonly lanePx: number;
  readonly colours: readonly string[];
}

/** One mark to be painted, in CSS px. */
export interface TrackMark {
  readonly lane: number;
  readonly x: number;
  readonly widthPx: number;
  /** How many of the stops in this place changed something, as a share that can be seen. */
  readonly strength: number;
}

/** One px of a strip that shows several stops in it: stronger where more of them changed the lane. */
const crowdedMarks = ({ stops, view, widthPx }: TrackPicture): TrackMark[] => {
  const starts = columnsOf(view, widthPx, stops.length);
  const shares = LANES.map(() => new Float32Array(widthPx));
  for (let column = 0; column < widthPx; column += 1) {
    const [start = 0, end = 0] = [starts[column], starts[column + 1]];
    for (let at = start; at < end; at += 1) {
      const stop = stops[at];
      const bits = stop === undefined ? 0 : lanesOf(stop);
      for (let lane = 0; bits >> lane > 0; lane += 1) {
        const row = shares[lane];
        if (((bits >> lane) & 1) === 1 && row !== undefined) row[column] = (row[column] ?? 0) + 1 / (end - start);
      }
    }
  }
  return shares.flatMap((row, lane) => {
    const marks: TrackMark[] = [];
    for (let x = 0; x < widthPx; x += 1) {
      const share = row[x] ?? 0;
      if (share === 0) continue;
      // A change that stands alone must not be lost in one px.
      const alone = (row[x - 1] ?? 0) === 0 && (row[x + 1] ?? 0) === 0;
      marks.push(
        alone
          ? { lane, x: x - 1, widthPx: LEAST_MARK_PX, strength: 1 }
          : { lane, x, widthPx: 1, strength: 0.35 + 0.65 * share },
      );
    }
    return marks;
  });
};

const singleMarks = ({ stops, view, widthPx }: TrackPicture, slotPx: number): TrackMark[] => {
  const width = Math.max(LEAST_MARK_PX, Math.min(WIDEST_MARK_PX, Math.floor(slotPx * (1 - FREE_SHARE))));
  // A mark whose stop is just outside is seen in part.
  const [first, last] = shownStops({ ...view, from: view.from - 1, places: view.places + 2 }, stops.length);
  const marks: TrackMark[] = [];
  for (let at = first; at <= last; at += 1) {
    const stop = stops[at];
    const bits = stop === undefined ? 0 : lanesOf(stop);
    const x = Math.round(xOfStop(view, at, widthPx) - width / 2);
    for (let lane = 0; bits >> lane > 0; lane += 1) {
      if (((bits >> lane) & 1) === 1) marks.push({ lane, x, widthPx: width, strength: 1 });
    }
  }
  return marks;
};

/** Everything to be painted: at most a few for each px, however many stops there are. */
export const trackMarks = (picture: TrackPicture): readonly TrackMark[] => {
  const slotPx = picture.widthPx / picture.view.places;
  if (slotPx < 1) return crowdedMarks(picture);
  // By time several may stand in one place: none is as wide as to hide the next.
  return singleMarks(picture, picture.view.times == null ? slotPx : 0);
};

export const drawTrack = (canvas: HTMLCanvasElement, picture: TrackPicture): void => {
  const ratio = deviceRatio();
  const { lanePx } = picture;
  const heightPx = picture.oneLane ? lanePx : lanePx * LANES.length;
  canvas.width = Math.round(picture.widthPx * ratio);
  canvas.height = Math.round(heightPx * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  for (const { lane, x, widthPx, strength } of trackMarks(picture)) {
    context.globalAlpha = strength;
    context.fillStyle = picture.colours[lane] ?? '#808080';
    const top = MARK_TOP_PX + (picture.oneLane ? 0 : lane * lanePx);
    context.beginPath();
    context.roundRect(x, top, widthPx, lanePx - LANE_SPARE_PX, widthPx > LEAST_MARK_PX ? 1 : 0);
    context.fill();
  }
};

/** The lanes' hues. */
export const laneColours = fromTokens((read): readonly string[] => LANES.map(({ hue }) => read(hue)));
