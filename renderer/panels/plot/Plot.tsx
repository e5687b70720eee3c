import { type ReactElement, useMemo } from 'react';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { PlotKind } from '../../store/state/panes.ts';
import { selectTileScene } from '../../store/tiles/tile-scenes.ts';
import { selectPlotted } from '../../store/view/watch-slice.ts';
import { PlotBox } from './PlotBox.tsx';
import { componentLanes, histogram, ofColumn, ofRow, overStops, type Shown } from './plot-data.ts';

const KINDS: readonly { readonly value: PlotKind; readonly label: string }[] = [
  { value: 'stops', label: 'Over stops' },
  { value: 'components', label: 'In use' },
  { value: 'row', label: 'Row' },
  { value: 'column', label: 'Column' },
  { value: 'histogram', label: 'Histogram' },
];

const EMPTY: Readonly<Record<PlotKind, string>> = {
  stops:
    'Select a register, a field or an element with a number, or memory that is watched: its way over the stops stands here.',
  components: 'Which components were in use at each stop stands here.',
  row: 'A row of a configured tile stands here.',
  column: 'A column of a configured tile stands here.',
  histogram: 'How often each value is in a configured tile stands here.',
};

const usePlotData = (): Shown | null => {
  const kind = useDebugger((state) => state.plotKind);
  const path = useDebugger(selectPlotted);
  const stops = useDebugger((state) => state.stops);
  const at = useDebugger((state) => state.at);
  const memory = useDebugger((state) => state.memoryAt);
  const selection = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection : null));
  const tile = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection.tile : state.tile));
  const scene = useDebugger(useMemo(() => selectTileScene(tile), [tile]));
  return useMemo(() => {
    if (kind === 'components') return componentLanes(stops, at);
    if (kind === 'stops') return path === null ? null : overStops(path, stops, at, memory);
    if (scene === null || scene.values.length === 0) return null;
    const [row, column] = [selection?.row ?? 0, selection?.column ?? 0];
    if (kind === 'row') return ofRow(scene, row, column);
    if (kind === 'column') return ofColumn(scene, row, column);
    return histogram(scene, selection === null ? null : (scene.values[row * scene.matrix.columns + column] ?? null));
  }, [kind, path, stops, at, memory, scene, selection]);
};

/** A value or the components over the stops, or a tile's row, column or histogram: of what is selected, and saved as picture or data. */
export function Plot(): ReactElement {
  const store = useDebuggerStore();
  const kind = useDebugger((state) => state.plotKind);
  const data = usePlotData();
  const places =
    data === null || data.look === 'matrix' ? 0 : data.look === 'lanes' ? data.labels.length : data.values.length;
  const isOverStops = kind === 'stops' || kind === 'components';
  return (
    <section className="watch-pane plot-pane" data-region="plot" data-pane="plot" tabIndex={-1} aria-label="Plot">
      <PlotBox
        data={data}
        empty={EMPTY[kind]}
        onGo={isOverStops ? (place) => store.getState().goToStop(store.getState().stops.length - places + place) : null}
      >
        <Segment
          name="What is plotted"
          look="tiny"
          value={kind}
          choices={KINDS}
          onChoose={(value) => store.getState().setPlotKind(value)}
        />
      </PlotBox>
    </section>
  );
}
