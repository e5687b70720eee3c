import {
  type KeyboardEvent,
  type PointerEvent,
  type ReactElement,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { commandOf } from '../../keys/chord.ts';
import type { Command } from '../../keys/keymap.ts';
import { indexOfStop } from '../../store/compare/compare-slice.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectFilteredStops, selectFilterPath } from '../../store/select/stop-filter.ts';
import { causeWords } from '../../store/select/stop-name.ts';
import type { State } from '../../store/state/state.ts';
import { selectWrongStops } from '../../store/vcpu/trace-slice.ts';
import { Glyph, type GlyphName } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { pageBox, pagePoint, pageSize } from '../../zoom.ts';
import { useShownTheme } from '../tiles/use-theme.ts';
import { drawTrack, laneColours } from './draw-track.ts';
import { LANES } from './lanes.ts';
import { StopHint } from './StopHint.tsx';
import { placesByTime, sincePrevious, timeTicks } from './stop-times.ts';
import { TrackGlyphs } from './TrackGlyphs.tsx';
import {
  clampView,
  fitView,
  following,
  isFit,
  pageOf,
  spotsOf,
  stopAtX,
  type TrackView,
  xOfStop,
  zoomed,
} from './track-view.ts';
import { useEachFrame, useTrackSize } from './use-track.ts';
import { WHEEL_NOTCH_PX, wheelPx } from './wheel.ts';

interface TrackProps {
  readonly view: TrackView;
  readonly onView: (change: (view: TrackView, count: number) => TrackView) => void;
  /** ≠ over each product of a trace that differs: they are checked for it. */
  readonly marksDiffering?: boolean;
  /** Over the strip, with controls of its own. */
  readonly over?: (placed: Placed) => ReactElement;
}

const NEARER = 1 / 2;

/** The strip of all stops: dragged, wheeled and walked by keys. It is painted anew for other stops, not for another place. */
export function Track({ view, onView, marksDiffering = false, over }: TrackProps): ReactElement {
  const store = useDebuggerStore();
  const box = useRef<HTMLDivElement>(null);
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const filtered = useDebugger(selectFilterPath);
  const stop = stops[at];
  const label = useDebugger((state) => (stop === undefined ? undefined : state.labels.get(stop.number)));
  const { widthPx, lanePx, oneLane, ratio } = useTrackSize(box);
  const [hover, setHover] = useState<{ index: number; x: number; bottom: number } | null>(null);
  const inFrame = useEachFrame();
  const hoverInFrame = useEachFrame();
  const dragging = useRef(false);

  const indexAt = (x: number): number => {
    const left = box.current === null ? 0 : pageBox(box.current).left;
    return stopAtX(view, x - left, widthPx, stops.length);
  };
  const scrub = (x: number): void => {
    const index = indexAt(x);
    inFrame(() => store.getState().goToStop(index));
  };
  const onPointerDown = (event: PointerEvent<HTMLElement>): void => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    dragging.current = true;
    setHover(null);
    store.getState().goToStop(indexAt(pagePoint(event).x));
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>): void => {
    if (dragging.current) {
      scrub(pagePoint(event).x);
      return;
    }
    // Above the panel, so that it never lies over the controls of its head.
    const panel = box.current?.closest('.history') ?? null;
    if (panel === null) return;
    const { top } = pageBox(panel);
    const { x } = pagePoint(event);
    hoverInFrame(() =>
      setHover({
        index: indexAt(x),
        x: Math.min(x, pageSize().widthPx - 332),
        bottom: pageSize().heightPx - top + 4,
      }),
    );
  };
  const onPointerUp = (): void => {
    dragging.current = false;
  };

  const zoom = (factor: number, x: number): void => onView((now, n) => zoomed(now, factor, x, widthPx, n));
  const onKeyDown = (event: KeyboardEvent): void => {
    const command = commandOf('history', event);
    if (command === null) return;
    event.preventDefault();
    const page = pageOf(view, stops.length);
    const go = (stop: number) => (): void => store.getState().goToStop(stop);
    const look = (factor: number) => (): void => zoom(factor, xOfStop(view, at, widthPx));
    const acts: Readonly<Record<Command<'history'>, () => void>> = {
      previous: go(at - 1),
      next: go(at + 1),
      'page-previous': go(at - page),
      'page-next': go(at + page),
      first: go(0),
      last: go(stops.length - 1),
      nearer: look(NEARER),
      farther: look(1 / NEARER),
      all: look(Number.POSITIVE_INFINITY),
    };
    acts[command]();
  };

  useEffect(() => {
    const node = box.current;
    if (node === null) return;
    let rest = 0;
    // React listens passively, and the page would scroll or zoom as well.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault();
      const { across, down } = wheelPx(event);
      if (event.ctrlKey || event.metaKey) {
        const x = pagePoint(event).x - pageBox(node).left;
        onView((now, n) => zoomed(now, 2 ** (down / WHEEL_NOTCH_PX / 2), x, node.clientWidth, n));
        return;
      }
      if (Math.abs(across) > Math.abs(down)) {
        onView((now, n) => clampView({ ...now, from: now.from + (across / node.clientWidth) * now.places }, n));
        return;
      }
      rest += down;
      const steps = Math.trunc(rest / WHEEL_NOTCH_PX);
      if (steps === 0) return;
      rest -= steps * WHEEL_NOTCH_PX;
      const state = store.getState();
      state.goToStop(state.at + steps);
    };
    node.addEventListener('wheel', onWheel, { passive: false });
    return () => node.removeEventListener('wheel', onWheel);
  }, [store, onView]);

  const since = sincePrevious(stops, at);
  const told = [
    `stop ${stop?.number} of ${count(stops.length, 'stop')}`,
    stop === undefined ? '' : causeWords(stop),
    label,
    since === null ? '' : `${since} after the stop before`,
  ];
  return (
    <div className={`track ${oneLane ? 'one-lane' : ''}`} style={{ '--lane-h': `${lanePx}px` }}>
      <div className="track-names small text-3" aria-hidden="true">
        {LANES.map((lane) => (
          <div key={lane.name} className={filtered !== null && lane.keeps(filtered) ? 'text-1' : ''}>
            {lane.name}
          </div>
        ))}
      </div>
      <div className="track-name-one small text-3" aria-hidden="true">
        changed
      </div>
      <div
        ref={box}
        className="track-box inset-focus"
        role="slider"
        aria-label="Stop"
        aria-valuemin={1}
        aria-valuemax={Math.max(1, stops.length)}
        aria-valuenow={at + 1}
        aria-valuetext={
          stop === undefined ? 'no stop' : told.filter((text) => text !== undefined && text !== '').join(', ')
        }
        tabIndex={0}
        data-region-start
        onKeyDown={onKeyDown}
        onPointerDown={onPointerDown}
        onPointerMove={onPointerMove}
        onPointerUp={onPointerUp}
        onLostPointerCapture={onPointerUp}
        onPointerLeave={() => hoverInFrame(() => setHover(null))}
      >
        {LANES.map((lane, row) => (
          <div
            key={lane.name}
            className={`track-lane ${filtered === null || lane.keeps(filtered) ? '' : 'dim'}`}
            style={{ '--lane': row }}
          />
        ))}
        {widthPx === 0 ? null : (
          <>
            <Ticks view={view} widthPx={widthPx} />
            <Marks view={view} widthPx={widthPx} lanePx={lanePx} oneLane={oneLane} ratio={ratio} />
            <TrackGlyphs view={view} widthPx={widthPx} />
            <Filtered view={view} widthPx={widthPx} />
            {marksDiffering ? <Differing view={view} widthPx={widthPx} /> : null}
            <Pins view={view} widthPx={widthPx} />
            <Overview view={view} widthPx={widthPx} />
          </>
        )}
      </div>
      {over === undefined || widthPx === 0 ? null : over({ view, widthPx })}
      {hover === null ? null : <StopHint index={hover.index} x={hover.x} bottom={hover.bottom} />}
    </div>
  );
}

interface Placed {
  readonly view: TrackView;
  readonly widthPx: number;
}

type MarksProps = Placed & { readonly lanePx: number; readonly oneLane: boolean; readonly ratio: number };

function Marks({ view, widthPx, lanePx, oneLane, ratio }: MarksProps): ReactElement {
  const canvas = useRef<HTMLCanvasElement>(null);
  const stops = useDebugger((state) => state.stops);
  const theme = useShownTheme();
  // biome-ignore lint/correctness/useExhaustiveDependencies: another ratio needs another backing store.
  useLayoutEffect(() => {
    if (canvas.current === null) return;
    drawTrack(canvas.current, { stops, view, widthPx, lanePx, oneLane, colours: laneColours(theme) });
  }, [stops, view, widthPx, lanePx, oneLane, theme, ratio]);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a canvas without a tab stop takes no focus.
    <canvas ref={canvas} aria-hidden="true" className="track-marks" data-testid="track-marks" />
  );
}

/** By time: lines at round times since the first stop. */
function Ticks({ view, widthPx }: Placed): ReactElement | null {
  const stops = useDebugger((state) => state.stops);
  if (view.times == null) return null;
  return (
    <>
      {timeTicks(stops, view, widthPx).map(({ x, text }) => (
        <span key={text} className="track-tick" aria-hidden="true" style={{ left: x }}>
          <span className="val micro text-3">{text}</span>
        </span>
      ))}
    </>
  );
}

interface SpotsProps extends Placed {
  /** As indexes, ascending. */
  readonly found: readonly number[];
  readonly glyph: GlyphName;
  readonly look: string;
}

/** A glyph over each of these stops. */
function Spots({ view, widthPx, found, glyph, look }: SpotsProps): ReactElement {
  const stops = useDebugger((state) => state.stops);
  return (
    <>
      {spotsOf(found, view, widthPx, 10).map(({ index, x }) => (
        <span key={stops[index]?.number} className={`track-found ${look}`} style={{ left: x }}>
          <Glyph name={glyph} className="g10" />
        </span>
      ))}
    </>
  );
}

/** Those that the filter finds. */
function Filtered(placed: Placed): ReactElement | null {
  const found = useDebugger(selectFilteredStops);
  return found === null || found === 'no path' ? null : (
    <Spots {...placed} found={found} glyph="delta" look="is-changed" />
  );
}

const Differing = (placed: Placed): ReactElement => (
  <Spots {...placed} found={useDebugger(selectWrongStops)} glyph="differs" look="is-refused" />
);

/** A, and the stop on screen, where they lie within the stretch that is shown. */
function Pins({ view, widthPx }: Placed): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const pinned = useDebugger((state) => state.pinned);
  const stop = stops[at];
  const inside = (x: number): boolean => x >= 0 && x <= widthPx;
  const pinX = pinned === null ? -1 : xOfStop(view, indexOfStop(stops, pinned), widthPx);
  const nowX = xOfStop(view, at, widthPx);
  return (
    <>
      {pinned === null || !inside(pinX) ? null : (
        <span className="track-pin pin-a" style={{ left: pinX }} data-testid="pin-a">
          <span className={`val micro ${pinX > widthPx * 0.9 ? 'before' : ''}`}>A {pinned}</span>
        </span>
      )}
      {stop === undefined || !inside(nowX) ? null : (
        <span className="track-pin" style={{ left: nowX }} data-testid="pin-b">
          <span className={`val micro ${nowX > widthPx * 0.9 ? 'before' : ''}`}>{stop.number}</span>
        </span>
      )}
    </>
  );
}

/** Where the stretch lies in the whole timeline; only while it is a part of it. */
function Overview({ view, widthPx }: Placed): ReactElement | null {
  const length = useDebugger((state) => state.stops.length);
  const at = useDebugger((state) => state.at);
  if (isFit(view, length)) return null;
  const whole = (index: number): number => (index / length) * widthPx;
  return (
    <span className="track-overview" data-testid="track-overview" aria-hidden="true">
      <span
        className="track-overview-thumb"
        style={{ left: whole(view.from), width: Math.max(8, whole(view.places)) }}
      />
      <span className="track-overview-now" style={{ left: whole(at + 0.5) }} />
    </span>
  );
}

const selectTimes = (state: State): readonly number[] | null => (state.timeAxis ? placesByTime(state.stops) : null);

/** The stretch of the timeline that the strip shows: it comes along with the stop on screen, and shrinks with the timeline. */
export const useTrackView = (fitted: TrackView): [TrackView, TrackProps['onView']] => {
  const store = useDebuggerStore();
  const length = useDebugger((state) => state.stops.length);
  const at = useDebugger((state) => state.at);
  const chosen = useDebugger((state) => state.trackChosen);
  const times = useDebugger(selectTimes);
  // Another vCPU may have fewer stops.
  const now = useMemo(
    () => ({ ...(chosen === null || isFit(chosen, length) ? fitted : clampView(chosen, length)), times }),
    [chosen, fitted, length, times],
  );
  const seenAt = useRef(at);
  useEffect(() => {
    if (seenAt.current === at) return;
    seenAt.current = at;
    const { trackChosen, setTrackChosen } = store.getState();
    if (trackChosen === null) return;
    const clamped = clampView({ ...trackChosen, times: selectTimes(store.getState()) }, length);
    const next = isFit(clamped, length) ? null : following(clamped, at, length);
    if (next !== trackChosen) setTrackChosen(next);
  }, [store, at, length]);
  const [change] = useState(() => (next: (view: TrackView, count: number) => TrackView): void => {
    const { stops, trackChosen, setTrackChosen } = store.getState();
    const shown = { ...(trackChosen ?? fitView(stops.length)), times: selectTimes(store.getState()) };
    const made = next(shown, stops.length);
    setTrackChosen(isFit(made, stops.length) ? null : made);
  });
  return [now, change];
};
