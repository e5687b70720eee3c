import { type ReactElement, useMemo, useState } from 'react';
import { Select } from '../../controls/Select.tsx';
import { selectCaptureA, selectTitleA } from '../../store/compare/compare-sides.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { tilePair, tilesOf } from '../compare/tile-pair.ts';
import { shortType } from '../tiles/TileReadingControls.tsx';
import { PlotBox } from './PlotBox.tsx';
import { matrixDifference } from './plot-data.ts';

const TILES = [0, 1, 2, 3, 4, 5, 6, 7];
const OF_A = 'a';

/** One tile minus another one, or minus itself at A of Compare, in the reading of the tile that is shown; with numbers where there is room. */
export function DifferencePane(): ReactElement {
  const store = useDebuggerStore();
  const tile = useDebugger((state) => state.tile);
  const reading = useDebugger((state) => state.readings[state.tile]);
  const now = useDebugger(selectCapture);
  const before = useDebugger(selectCaptureA);
  const titleA = useDebugger(selectTitleA);
  const selection = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection : null));
  const [from, setFrom] = useState(OF_A);
  const data = useMemo(() => {
    if (now === null || before === null || reading === undefined) return null;
    const pair = from === OF_A ? tilePair(before, now, tile, reading) : tilesOf(now, tile, Number(from), reading);
    const other = from === OF_A ? `that of ${titleA}` : `tmm${from}`;
    return matrixDifference(pair, `tmm${tile} minus ${other}, ${shortType(reading.type)}`, selection);
  }, [now, before, reading, from, tile, titleA, selection]);
  return (
    <section
      className="watch-pane plot-pane difference-pane"
      data-region="difference"
      data-pane="difference"
      tabIndex={-1}
      aria-label="Difference of two tiles"
    >
      <PlotBox
        data={data}
        empty="A tile stands here minus another one, element by element."
        onGo={(place) => {
          if (data !== null)
            store.getState().select({
              kind: 'tile',
              tile,
              row: Math.floor(place / data.columns),
              column: place % data.columns,
            });
        }}
      >
        <span className="small text-2 line tight">
          <Select
            name="Tile"
            value={String(tile)}
            options={TILES.map((one) => ({ value: String(one), label: `tmm${one}` }))}
            onChoose={(value) => store.getState().select({ kind: 'tile', tile: Number(value), row: 0, column: 0 })}
          />
          minus
          <Select
            name="Minus"
            value={from}
            options={[
              { value: OF_A, label: `itself in A: ${titleA}` },
              ...TILES.filter((one) => one !== tile).map((one) => ({ value: String(one), label: `tmm${one}` })),
            ]}
            onChoose={setFrom}
          />
        </span>
      </PlotBox>
    </section>
  );
}
