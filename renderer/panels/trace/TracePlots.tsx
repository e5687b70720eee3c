import { type ReactElement, useMemo } from 'react';
import type { DifferingProduct } from '../../../app/debug/traced-products.ts';
import { isMemoryPath } from '../../../app/edit/memory-path.ts';
import { Button } from '../../controls/Button.tsx';
import { shownKey } from '../../keys/chord.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { componentOfPath } from '../../store/select/vector.ts';

import type { Stop } from '../../store/state/timeline.ts';
import type { StopRange } from '../../store/state/trace.ts';
import { brushOf } from '../../store/vcpu/trace-brush.ts';
import {
  isProductCode,
  nameOf,
  selectTracedProducts,
  selectTraceRows,
  selectWrongStops,
} from '../../store/vcpu/trace-slice.ts';
import { selectWatchable } from '../../store/view/watch-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, minus } from '../../wording.ts';
import { useTrackView } from '../history/Track.tsx';
import { fitView, shownStops } from '../history/track-view.ts';
import { PLOT_LEFT_PX, PLOT_RIGHT_PX, PlotPicture } from '../plot/PlotPicture.tsx';
import { MOST_DRAWN, overStops } from '../plot/plot-data.ts';
import { mostOff, placesText } from './product-words.ts';

const MOST_PLOTS = 4;
const PLOT_PX = 104;
const MOST_LISTED = 8;

/** The stretch between the handles of the strip, else what it shows; or so much of it about the stop on screen as a plot draws. */
const useRange = (): StopRange => {
  const length = useDebugger((state) => state.stops.length);
  const at = useDebugger((state) => state.at);
  const fitted = useMemo(() => fitView(length), [length]);
  const [view] = useTrackView(fitted);
  const chosen = useDebugger((state) => state.traceBrush);
  const { first, last } = brushOf(chosen, shownStops(view, length), length);
  if (last - first < MOST_DRAWN) return { first, last };
  const from = Math.max(first, Math.min(last - MOST_DRAWN + 1, at - MOST_DRAWN / 2));
  return { first: from, last: from + MOST_DRAWN - 1 };
};

/** What is followed: watched paths, else the elements that the first differing product left, else what is selected. */
const usePaths = (): readonly string[] => {
  const watched = useDebugger((state) => state.watched);
  const products = useDebugger(selectTracedProducts);
  const selected = useDebugger(selectWatchable);
  return useMemo(() => {
    // Memory is read at stops, not at the steps between them.
    const followed = watched.filter((path) => !isMemoryPath(path));
    if (followed.length > 0) return followed.slice(0, MOST_PLOTS);
    const [first] = products?.byStop.values() ?? [];
    if (first !== undefined)
      return first.comparison.differences
        .slice(0, 2)
        .map(({ row, column }) => `tmm${first.c}:${first.type}[${row}][${column}]`);
    return selected === null || isMemoryPath(selected) ? [] : [selected];
  }, [watched, products, selected]);
};

/** Beside the list: the products of the stretch that the history shows, what is followed over it, and the products that differ. */
export function TracePlots({ widthPx }: { widthPx: number }): ReactElement {
  const stops = useDebugger((state) => state.stops);
  const range = useRange();
  const paths = usePaths();
  const numbers = [stops[range.first]?.number, stops[range.last]?.number];
  return (
    <section className="trace-plots" aria-label="Plots of the trace">
      <div className="trace-plots-head small">
        <strong>Plots</strong>
        <span className="push" />
        <span className="text-3">
          stops <span className="val text-2">{`${numbers[0] ?? ''} … ${numbers[1] ?? ''}`}</span>
        </span>
      </div>
      <ProductTicks range={range} widthPx={widthPx} />
      {paths.map((path) => (
        <PathPlot key={path} path={path} range={range} widthPx={widthPx} />
      ))}
      {paths.length === 0 ? (
        <p className="small text-3 trace-plots-hint">Watch a value (Shift+F9): its way over the steps stands here.</p>
      ) : null}
      <DifferingList />
    </section>
  );
}

interface PlotProps {
  readonly range: StopRange;
  readonly widthPx: number;
}

function PathPlot({ path, range, widthPx }: PlotProps & { readonly path: string }): ReactElement {
  const store = useDebuggerStore();
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const { first, last } = range;
  const line = useMemo(() => overStops(path, stops.slice(first, last + 1), 0), [path, stops, first, last]);
  const here = at >= first && at <= last ? at - first : null;
  const data = { ...line, here };
  const value = here === null ? null : (data.values[here] ?? null);
  const hue = useHue(path, stops[at]);
  return (
    <div className="trace-plot">
      <p className="small line tight">
        <span className="swatch short" style={{ '--hue': hue }} aria-hidden="true" />
        <span className="val strong">{path}</span>
        <span className="push" />
        {here === null ? null : (
          <span className="text-3">
            at {data.labels[here]}{' '}
            <span className="val strong text-1">{value === null ? 'none' : minus(String(value))}</span>
          </span>
        )}
      </p>
      <PlotPicture
        data={data}
        widthPx={widthPx}
        heightPx={PLOT_PX}
        onGo={(place) => store.getState().goToStop(first + place)}
      />
    </div>
  );
}

const useHue = (path: string, stop: Stop | undefined): string => {
  const bit = stop === undefined ? null : componentOfPath(stop.capture, path);
  return bit === null ? 'var(--line-2)' : hueOf(bit);
};

/** A tick for each product, a badge for each that differs: a press goes there. */
function ProductTicks({ range, widthPx }: PlotProps): ReactElement | null {
  const store = useDebuggerStore();
  const rows = useDebugger(selectTraceRows);
  const products = useDebugger(selectTracedProducts);
  const named = useDebugger((state) => state.named);
  const stops = useDebugger((state) => state.stops);
  const { first, last } = range;
  const step = (widthPx - PLOT_LEFT_PX - PLOT_RIGHT_PX) / Math.max(1, last - first + 1);
  const executed = useMemo(
    () => rows.filter((row) => row.at >= first && row.at <= last && isProductCode(nameOf({ named }, row)?.text ?? '')),
    [rows, named, first, last],
  );
  if (products === null || executed.length === 0) return null;
  const xOf = (at: number): number => PLOT_LEFT_PX + (at - first) * step;
  const wide = Math.max(1, Math.min(4, step - 1));
  const isWrong = (at: number): boolean => products.byStop.has(stops[at - 1]?.number ?? 0);
  return (
    <div className="trace-ticks small" style={{ width: widthPx }}>
      <span className="text-3">products</span>
      <svg width={widthPx} height={20} aria-hidden="true">
        <path
          fill="currentColor"
          d={executed.map(({ at }) => `M${xOf(at).toFixed(1)} 6h${wide.toFixed(1)}v8h-${wide.toFixed(1)}z`).join('')}
        />
      </svg>
      {executed
        .filter(({ at }) => isWrong(at))
        .map(({ at }) => (
          <button
            key={at}
            type="button"
            tabIndex={-1}
            className="trace-wrong"
            aria-label={`Product at stop ${stops[at]?.number ?? ''} differs`}
            style={{ left: xOf(at) + step / 2 }}
            onClick={() => store.getState().goToStop(at)}
          >
            <Glyph name="differs" className="g10" />
          </button>
        ))}
    </div>
  );
}

/** The products that differ, each with where and by how much. */
function DifferingList(): ReactElement | null {
  const store = useDebuggerStore();
  const products = useDebugger(selectTracedProducts);
  if (products === null || products.checked === 0) return null;
  const differing = [...products.byStop.values()];
  const next = `Next, ${shownKey('next-difference')}`;
  const goOn = (): void => {
    const state = store.getState();
    const places = selectWrongStops(state);
    const to = places.find((at) => at > state.at) ?? places[0];
    if (to !== undefined) state.goToStop(to);
  };
  return (
    <div className="trace-differing">
      <p className="line tight small">
        <strong>Products in the trace</strong>
        {differing.length === 0 ? (
          <span className="pill is-written">
            <Glyph name="check" className="g12" />
            {count(products.checked, 'product')} hold
          </span>
        ) : (
          <>
            <span className="pill refused-pill">
              <Glyph name="differs" className="g12" />
              {differing.length} of {products.checked} differ
            </span>
            <span className="push" />
            <Button label={`${next}: product that differs`} look="tiny" onPress={goOn}>
              {next}
            </Button>
          </>
        )}
      </p>
      {differing.length === 0 ? null : (
        <table className="small">
          <thead className="text-3">
            <tr>
              <th scope="col">stop</th>
              <th scope="col">product</th>
              <th scope="col">elements</th>
              <th scope="col">which</th>
              <th scope="col" className="trace-off">
                most off
              </th>
            </tr>
          </thead>
          <tbody className="val">
            {differing.slice(0, MOST_LISTED).map((one) => (
              <Differing key={one.stop} one={one} />
            ))}
          </tbody>
        </table>
      )}
      {differing.length > MOST_LISTED ? (
        <p className="small text-3">{differing.length - MOST_LISTED} more: filter the list to what differs</p>
      ) : null}
    </div>
  );
}

function Differing({ one }: { one: DifferingProduct }): ReactElement {
  const store = useDebuggerStore();
  // The stop behind the one that it left.
  const at = useDebugger((state) => state.stops.findIndex(({ number }) => number === one.stop) + 1);
  const number = useDebugger((state) => state.stops[at]?.number ?? 0);
  const isHere = useDebugger((state) => state.at === at);
  const { comparison, c, a, b } = one;
  return (
    <tr className={isHere ? 'on' : undefined}>
      <td>
        <button type="button" className="link line tight" onClick={() => store.getState().goToStop(at)}>
          <Glyph name="differs" className="g12 is-refused" />
          {number}
        </button>
      </td>
      <td>
        tmm{c} += tmm{a} × tmm{b}
      </td>
      <td>
        {comparison.differences.length} of {comparison.cells}
      </td>
      <td>{placesText(comparison.differences)}</td>
      <td className="is-refused trace-off">{mostOff(one)}</td>
    </tr>
  );
}
