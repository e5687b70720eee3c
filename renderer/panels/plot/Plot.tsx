import { type ReactElement, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { download } from '../../actions/export-file.ts';
import { Button } from '../../controls/Button.tsx';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { PlotKind } from '../../store/state/panes.ts';
import { selectTileScene } from '../../store/tiles/tile-scenes.ts';
import { selectWatchable } from '../../store/view/watch-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { PlotPicture } from './PlotPicture.tsx';
import { histogram, ofColumn, ofRow, overStops, type PlotData, plotCsv } from './plot-data.ts';
import { pngOf, svgOf } from './plot-export.ts';

const KINDS: readonly { readonly value: PlotKind; readonly label: string }[] = [
  { value: 'stops', label: 'Over stops' },
  { value: 'row', label: 'Row' },
  { value: 'column', label: 'Column' },
  { value: 'histogram', label: 'Histogram' },
];

const usePlotData = (): PlotData | null => {
  const kind = useDebugger((state) => state.plotKind);
  const path = useDebugger(selectWatchable);
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const selection = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection : null));
  const tile = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection.tile : state.tile));
  const scene = useDebugger(useMemo(() => selectTileScene(tile), [tile]));
  return useMemo(() => {
    if (kind === 'stops') return path === null ? null : overStops(path, stops, at);
    if (scene === null || scene.values.length === 0) return null;
    const [row, column] = [selection?.row ?? 0, selection?.column ?? 0];
    if (kind === 'row') return ofRow(scene, row, column);
    if (kind === 'column') return ofColumn(scene, row, column);
    return histogram(scene, selection === null ? null : (scene.values[row * scene.matrix.columns + column] ?? null));
  }, [kind, path, stops, at, scene, selection]);
};

const encoder = new TextEncoder();
const fileName = (data: PlotData, ending: string): string =>
  `${data.title.replaceAll(/[^A-Za-z0-9]+/g, '-').replaceAll(/^-|-$/g, '')}.${ending}`;

/** A value over the stops, or a tile's row, column or histogram: of what is selected, and saved as picture or data. */
export function Plot(): ReactElement {
  const store = useDebuggerStore();
  const kind = useDebugger((state) => state.plotKind);
  const data = usePlotData();
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ widthPx: 260, heightPx: 160 });
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const measure = (): void => setSize({ widthPx: node.clientWidth, heightPx: Math.max(96, node.clientHeight) });
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  const picture = (): SVGSVGElement | null => box.current?.querySelector('svg') ?? null;
  const save = async (as: 'svg' | 'png' | 'csv'): Promise<void> => {
    const svg = picture();
    if (data === null || svg === null) return;
    const bytes =
      as === 'csv' ? encoder.encode(plotCsv(data)) : as === 'svg' ? encoder.encode(svgOf(svg)) : await pngOf(svg);
    if (bytes !== null) download(fileName(data, as), bytes);
  };
  const here = data === null || data.here === null ? null : (data.values[data.here] ?? null);
  return (
    <section className="watch-pane plot-pane" data-region="plot" data-pane="plot" tabIndex={-1} aria-label="Plot">
      <div className="plot-head">
        <Segment
          name="What is plotted"
          look="tiny"
          value={kind}
          choices={KINDS}
          onChoose={(value) => store.getState().setPlotKind(value)}
        />
      </div>
      {data === null ? null : (
        <p className="small plot-title">
          <span className="val strong">{data.title}</span>{' '}
          <span className="text-3">
            {data.here === null ? '' : `${data.along} ${data.labels[data.here] ?? ''}: `}
            <span className="val">{here === null ? '' : minus(String(here))}</span>
          </span>
        </p>
      )}
      <div ref={box} className="plot-box">
        {data === null || data.values.every((value) => value === null) ? (
          <div className="pane-empty">
            <Glyph name="delta" className="text-3" />
            <p className="text-2">
              {kind === 'stops'
                ? 'Select a register, a field or an element with a number: its way over the stops stands here.'
                : 'A configured tile stands here, as a row, a column or how often each value is there.'}
            </p>
          </div>
        ) : (
          <PlotPicture
            data={data}
            {...size}
            onGo={
              data.along === 'stop'
                ? (place) => store.getState().goToStop(store.getState().stops.length - data.values.length + place)
                : null
            }
          />
        )}
      </div>
      <div className="plot-foot">
        {(['svg', 'png', 'csv'] as const).map((as) => (
          <Button
            key={as}
            label={`Save ${as.toUpperCase()}`}
            look="tiny"
            refused={data === null ? 'nothing is plotted' : null}
            onPress={() => void save(as)}
          >
            Save {as.toUpperCase()}
          </Button>
        ))}
      </div>
    </section>
  );
}
