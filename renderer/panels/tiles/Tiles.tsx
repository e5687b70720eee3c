import { type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import { useDebugger } from '../../store/context.ts';
import { selectCapture } from '../../store/select/selectors.ts';
import { selectTileConfig, tileDataState } from '../../store/tiles/tile-scenes.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { EightTiles, TilesLayoutChoice, useTilesLayout } from './EightTiles.tsx';
import { TileConfigTable } from './TileConfigTable.tsx';
import { TileView } from './TileView.tsx';

/** Below this height the strip of the configuration folds to one row of small pictures. */
const LOW_PX = 620;
/** From this size on all eight tiles stand beside each other. */
const EIGHT_FROM = { widthPx: 1400, heightPx: 1000 };

/** AMX: the configuration as a strip, and one tile large; in a large window all eight. */
export function Tiles(): ReactElement | null {
  const capture = useDebugger(selectCapture);
  const config = useDebugger(selectTileConfig);
  const tile = useDebugger((state) => state.tile);
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState<'low' | 'usual' | 'eight'>('usual');
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const measure = (): void =>
      setSize(
        node.clientHeight < LOW_PX
          ? 'low'
          : node.clientWidth >= EIGHT_FROM.widthPx && node.clientHeight >= EIGHT_FROM.heightPx
            ? 'eight'
            : 'usual',
      );
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  const layout = useTilesLayout(size === 'eight');
  if (capture === null || config === null) return null;
  const data = tileDataState(capture);
  const isThere = config.state !== 'absent' && data.state !== 'absent';
  return (
    <div ref={box} className="tiles-view">
      {config.state === 'absent' ? (
        <Absent sentence={config.sentence ?? ''} />
      ) : (
        <TileConfigTable view={config} isLow={size === 'low' || layout !== 'one'} />
      )}
      {config.state !== 'absent' && data.state === 'absent' ? <Absent sentence={data.sentence ?? ''} /> : null}
      {isThere ? (
        <>
          {data.sentence === null ? null : <p className="tile-note text-2">{data.sentence}</p>}
          {layout === 'one' ? (
            <TileView tile={tile} layouts={size === 'eight' ? <TilesLayoutChoice /> : null} />
          ) : (
            <EightTiles layout={layout} />
          )}
        </>
      ) : null}
    </div>
  );
}

function Absent({ sentence }: { sentence: string }): ReactElement {
  return (
    <div className="targets-empty">
      <Glyph name="info" className="text-3" />
      <p className="title">No tiles to show</p>
      <p>{sentence}</p>
    </div>
  );
}
