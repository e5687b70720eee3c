import { type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import { useDebugger } from '../../store/context.ts';
import { selectDifferences } from '../../store/tiles/product-check.ts';
import { selectScaleEnd, selectTileScene, type TileScene } from '../../store/tiles/tile-scenes.ts';
import { selectBasedElements } from '../../store/view/based-elements.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import type { Notation } from './notation.ts';
import { TileCanvas } from './TileCanvas.tsx';
import { TileGrid } from './TileGrid.tsx';
import { COLUMN_HEAD_PX, fixedGeometry, HEAD_PX, type Room, type TileGeometry, tileGeometry } from './tile-geometry.ts';

/** One row or one column of a matrix, outlined. */
export interface Along {
  readonly kind: 'row' | 'column';
  readonly at: number;
}

interface TileMatrixProps {
  readonly tile: number;
  readonly isUnfolded: boolean;
  readonly onRefused: (why: string | null) => void;
  /** Cells of a given size, where matrices lie edge to edge; null: as the room allows. */
  readonly cell?: { readonly widthPx: number; readonly heightPx: number } | null;
  readonly along?: Along | null;
  /** Told how the numbers are written, which hangs on the room. */
  readonly onNotation?: (notation: Notation | null) => void;
}

/** The numbers of one tile in all the room there is, under heads that do not scroll away. */
export function TileMatrix({
  tile,
  isUnfolded,
  onRefused,
  cell = null,
  along = null,
  onNotation,
}: TileMatrixProps): ReactElement | null {
  const scene = useDebugger(selectTileScene(tile));
  const scaleEnd = useDebugger(selectScaleEnd(tile));
  const differences = useDebugger(selectDifferences(tile));
  const based = useDebugger(selectBasedElements(tile));
  const look = useDebugger((state) => state.tileLook);
  const [room, setRoom] = useState<Room>({ widthPx: 740, heightPx: 432 });
  const sheet = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = sheet.current;
    if (node === null) return;
    const measure = (): void =>
      setRoom((previous) => {
        const next = { widthPx: node.clientWidth - HEAD_PX - 1, heightPx: node.clientHeight - COLUMN_HEAD_PX - 1 };
        return next.widthPx === previous.widthPx && next.heightPx === previous.heightPx ? previous : next;
      });
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  const geometry =
    scene === null
      ? null
      : cell === null
        ? tileGeometry(scene, look, room, isUnfolded)
        : fixedGeometry(scene, look, cell.widthPx, cell.heightPx);
  const notation = geometry?.notation ?? null;
  useLayoutEffect(() => onNotation?.(notation), [notation, onNotation]);
  if (scene === null || geometry === null) return null;
  return (
    <div className={`tile-sheet ${cell === null ? '' : 'fixed'}`} ref={sheet}>
      <Heads scene={scene} geometry={geometry} endsWith={cell === null ? HEAD_PX : 0} />
      <div className="tile-stage" style={{ width: geometry.widthPx + 1, height: geometry.heightPx + 1 }}>
        <TileCanvas scene={scene} geometry={geometry} scaleEnd={scaleEnd} differences={differences} based={based} />
        {scene.extent.rows === 0 ? null : (
          <TileGrid scene={scene} geometry={geometry} differences={differences} based={based} onRefused={onRefused} />
        )}
        {along === null ? null : <AlongBox along={along} geometry={geometry} />}
        {geometry.cellPx < 20
          ? null
          : differences.map((one) => (
              <span
                key={one.offsetBytes}
                className="differs-badge"
                aria-hidden="true"
                style={{ left: one.column * geometry.cellPx - 4, top: one.row * geometry.rowPx - 5 }}
              >
                <Glyph name="differs" className="g10" />
              </span>
            ))}
      </div>
    </div>
  );
}

function AlongBox({ along, geometry }: { along: Along; geometry: TileGeometry }): ReactElement {
  const { cellPx, rowPx, widthPx, heightPx } = geometry;
  const style =
    along.kind === 'row'
      ? { left: 0, top: along.at * rowPx - 1, width: widthPx, height: rowPx + 1 }
      : { left: along.at * cellPx - 1, top: 0, width: cellPx + 1, height: heightPx };
  return <div className="tile-along" aria-hidden="true" style={style} />;
}

const numbered = (length: number): number[] => Array.from({ length }, (_, at) => at);

interface HeadsProps {
  readonly scene: TileScene;
  readonly geometry: TileGeometry;
  /** How far they go on behind the last column; nothing where other tiles stand edge to edge. */
  readonly endsWith: number;
}

/** Row and column numbers; those of the focused element stand out. */
function Heads({ scene, geometry, endsWith }: HeadsProps): ReactElement {
  const row = useDebugger(({ selection }) =>
    selection?.kind === 'tile' && selection.tile === scene.tile ? selection.row : null,
  );
  const column = useDebugger(({ selection }) =>
    selection?.kind === 'tile' && selection.tile === scene.tile ? selection.column : null,
  );
  // Narrow columns carry every fourth number: more would run into each other.
  const step = geometry.cellPx >= 20 ? 1 : geometry.cellPx >= 8 ? 4 : 16;
  const rowStep = geometry.rowPx >= 12 ? 1 : 16;
  return (
    <>
      <div className="tile-columns micro val" aria-hidden="true" style={{ width: geometry.widthPx + endsWith }}>
        {numbered(geometry.columns).map((at) => (
          <span key={at} className={at === column ? 'on' : ''} style={{ width: geometry.cellPx }}>
            {at % step === 0 || at === column ? at : ''}
          </span>
        ))}
      </div>
      <div className="tile-rows micro val" aria-hidden="true">
        {numbered(geometry.rows).map((at) => (
          <span
            key={at}
            className={at === row ? 'on' : ''}
            style={{ height: geometry.rowPx, lineHeight: `${geometry.rowPx}px` }}
          >
            {at % rowStep === 0 || at === row ? at : ''}
          </span>
        ))}
      </div>
    </>
  );
}
