import type { Stop } from '../../store/state/timeline.ts';
import type { Theme } from '../../store/state/view.ts';
import { deviceRatio } from '../../zoom.ts';
import { LANES, lanesOf } from './lanes.ts';
import { columnsOf, type TrackView, xOfStop } from './track-view.ts';

export const LANE_PX = 16;
const MARK_TOP_PX = 3;
const MARK_PX = 9;
const WIDEST_MARK_PX = 10;
const LEAST_MARK_PX = 3;

export interface TrackPicture {
  readonly stops: readonly Stop[];
  readonly view: TrackView;
  readonly widthPx: number;
  /** One lane for all, where the window is low. */
  readonly oneLane: boolean;
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
  const width = Math.max(LEAST_MARK_PX, Math.min(WIDEST_MARK_PX, Math.floor(slotPx - 1)));
  const first = Math.max(0, Math.floor(view.from) - WIDEST_MARK_PX);
  const last = Math.min(stops.length - 1, Math.ceil(view.from + view.places) + WIDEST_MARK_PX);
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
  return slotPx < 1 ? crowdedMarks(picture) : singleMarks(picture, slotPx);
};

export const drawTrack = (canvas: HTMLCanvasElement, picture: TrackPicture): void => {
  const ratio = deviceRatio();
  const heightPx = picture.oneLane ? LANE_PX : LANE_PX * LANES.length;
  canvas.width = Math.round(picture.widthPx * ratio);
  canvas.height = Math.round(heightPx * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.scale(ratio, ratio);
  for (const { lane, x, widthPx, strength } of trackMarks(picture)) {
    context.globalAlpha = strength;
    context.fillStyle = picture.colours[lane] ?? '#808080';
    const top = MARK_TOP_PX + (picture.oneLane ? 0 : lane * LANE_PX);
    context.beginPath();
    context.roundRect(x, top, widthPx, MARK_PX, widthPx > LEAST_MARK_PX ? 1 : 0);
    context.fill();
  }
};

const known = new Map<Theme, readonly string[]>();

/** The lanes' hues, read once for each theme, from a node that carries the theme itself. */
export const laneColours = (theme: Theme): readonly string[] => {
  const found = known.get(theme);
  if (found !== undefined) return found;
  const probe = document.createElement('div');
  probe.dataset.theme = theme;
  document.body.append(probe);
  const style = getComputedStyle(probe);
  const colours = LANES.map(({ hue }) => style.getPropertyValue(`--${hue}`).trim());
  probe.remove();
  known.set(theme, colours);
  return colours;
};
