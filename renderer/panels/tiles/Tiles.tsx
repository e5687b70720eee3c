import { type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import { useDebugger } from '../../store/context.ts';
import { selectCapture } from '../../store/selectors.ts';
import { selectTileConfig, tileDataState } from '../../store/tile-scenes.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { Disassembly } from '../model/Disassembly.tsx';
import { TileConfigTable } from './TileConfigTable.tsx';
import { TileView } from './TileView.tsx';

/** From this width on two tiles stand side by side. */
const TWO_FROM_PX = 1600;

/** AMX: the configuration, eight tiles small, and one or two of them large. */
export function Tiles(): ReactElement | null {
  const capture = useDebugger(selectCapture);
  const config = useDebugger(selectTileConfig);
  const tile = useDebugger((state) => state.tile);
  const other = useDebugger((state) => state.otherTile);
  const box = useRef<HTMLDivElement>(null);
  const [two, setTwo] = useState(false);
  useLayoutEffect(() => {
    const node = box.current;
    if (node === null) return;
    const observer = new ResizeObserver(() => setTwo(node.clientWidth >= TWO_FROM_PX));
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  if (capture === null || config === null) return null;
  const data = tileDataState(capture);
  return (
    <div ref={box}>
      <Disassembly />
      {config.state === 'absent' ? <Absent sentence={config.sentence ?? ''} /> : <TileConfigTable view={config} />}
      {data.state === 'absent' ? (
        config.state === 'absent' ? null : (
          <Absent sentence={data.sentence ?? ''} />
        )
      ) : config.state === 'absent' ? null : (
        <section className="section">
          {data.sentence === null ? null : <p className="tile-note text-2">{data.sentence}</p>}
          <div className={two ? 'tile-pair' : ''}>
            <TileView tile={tile} main />
            {two ? <TileView tile={other} main={false} /> : null}
          </div>
        </section>
      )}
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
