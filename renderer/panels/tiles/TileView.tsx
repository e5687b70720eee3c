// biome-ignore-all lint/a11y/useSemanticElements: a fieldset cannot be drawn as a segment.
import { type ReactElement, useLayoutEffect, useRef, useState } from 'react';
import { perDword, type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { Segment } from '../../controls/Segment.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectDifferences } from '../../store/product-check.ts';
import { selectScaleEnd, selectTileScene, type TileScene } from '../../store/tile-scenes.ts';
import type { TileLook } from '../../store/tiles-slice.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { TileCanvas } from './TileCanvas.tsx';
import { TileGrid } from './TileGrid.tsx';
import { CopyAs, TileLegend } from './TileLegend.tsx';
import { HEAD_PX, ROW_PX, type TileGeometry, tileGeometry } from './tile-geometry.ts';

/** Chips in the order of the programmer's families; the label is short, the full name is the accessible one. */
const CHIPS: readonly { readonly name: string; readonly types: readonly (readonly [TileType, string])[] }[] = [
  {
    name: 'Integers',
    types: [
      ['i8', 'int8'],
      ['u8', 'uint8'],
      ['i32', 'int32'],
      ['u32', 'uint32'],
    ],
  },
  {
    name: 'Floating point',
    types: [
      ['bf16', 'bf16'],
      ['f16', 'fp16'],
      ['cf16', 'cfp16'],
      ['tf32', 'tf32'],
      ['f32', 'fp32'],
    ],
  },
  {
    name: 'fp8',
    types: [
      ['hf8', 'E4M3'],
      ['bf8', 'E5M2'],
    ],
  },
];

export const shortType = (type: TileType): string =>
  CHIPS.flatMap(({ types }) => types).find(([name]) => name === type)?.[1] ?? type;

const LOOKS: readonly { readonly value: TileLook; readonly label: string }[] = [
  { value: 'both', label: 'Numbers on heat' },
  { value: 'numbers', label: 'Numbers' },
  { value: 'heat', label: 'Heat' },
];

/** One tile large: how it is read, the picture, and the grid over it. */
export function TileView({ tile, main }: { tile: number; main: boolean }): ReactElement | null {
  const scene = useDebugger(selectTileScene(tile));
  const scaleEnd = useDebugger(selectScaleEnd(tile));
  const differences = useDebugger(selectDifferences(tile));
  const look = useDebugger((state) => state.tileLook);
  const [roomPx, setRoomPx] = useState(740);
  const [refused, setRefused] = useState<string | null>(null);
  const sheet = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const node = sheet.current;
    if (node === null) return;
    const measure = (): void => setRoomPx(node.clientWidth - HEAD_PX - 1);
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    measure();
    return () => observer.disconnect();
  }, []);
  if (scene === null) return null;
  const { reading, extent, matrix } = scene;
  const geometry = tileGeometry(reading, look, roomPx);
  return (
    <section className="tile-view" aria-label={`tmm${tile}`} data-testid={`tile-${tile}`}>
      <div className="section-head">
        <h2 className="val">tmm{tile}</h2>
        <span className="tag">
          {extent.rows === 0 ? 'not configured' : `${matrix.rows}×${matrix.columns} ${shortType(reading.type)}`}
        </span>
        <span className="push" />
        <TypeChips tile={tile} type={reading.type} />
      </div>
      <div className="tile-controls">
        {main ? <LookChips /> : null}
        <VnniToggle tile={tile} scene={scene} />
        {main ? <ScaleToggle /> : null}
        <span className="push" />
        {extent.rows === 0 ? null : <CopyAs scene={scene} />}
      </div>
      <div className="tile-sheet" ref={sheet}>
        <Heads scene={scene} geometry={geometry} />
        <div className="tile-stage" style={{ width: geometry.widthPx + 1, height: geometry.heightPx + 1 }}>
          <TileCanvas scene={scene} geometry={geometry} scaleEnd={scaleEnd} differences={differences} />
          {extent.rows === 0 ? null : (
            <TileGrid scene={scene} geometry={geometry} differences={differences} onRefused={setRefused} />
          )}
          {differences.map((one) => (
            <span
              key={one.offsetBytes}
              className="differs-badge"
              aria-hidden="true"
              style={{
                left: one.column * geometry.cellPx - 6,
                top: one.row * ROW_PX - 8,
              }}
            >
              <Glyph name="differs" className="g10" />
            </span>
          ))}
        </div>
      </div>
      {refused === null ? null : (
        <p className="tile-refused is-refused small line" role="alert">
          <Glyph name="stop" className="g12" />
          {refused}
        </p>
      )}
      {extent.rows === 0 ? <p className="tile-note small text-3">tmm{tile} is not configured.</p> : null}
      <TileLegend scene={scene} scaleEnd={scaleEnd} differences={differences.length} />
      <span className="visually-hidden" role="status">
        {differences.length === 0 ? '' : count(differences.length, 'element differs', 'elements differ')}
      </span>
    </section>
  );
}

function TypeChips({ tile, type }: { tile: number; type: TileType }): ReactElement {
  const store = useDebuggerStore();
  return (
    <span className="line tight tile-types">
      {CHIPS.map(({ name, types }) => (
        <Segment
          key={name}
          name={`Read tmm${tile} as: ${name}`}
          look="tiny"
          value={types.some(([value]) => value === type) ? type : null}
          choices={types.map(([value, content]) => ({ value, label: tileTypeRow(value).label, content }))}
          onChoose={(next) => store.getState().setTileType(tile, next)}
        />
      ))}
    </span>
  );
}

function LookChips(): ReactElement {
  const store = useDebuggerStore();
  const look = useDebugger((state) => state.tileLook);
  return (
    <Segment
      name="Numbers or heat map (H)"
      look="tiny"
      value={look}
      choices={LOOKS}
      onChoose={(next) => store.getState().setTileLook(next)}
    />
  );
}

const PER_DWORD: Readonly<Record<number, string>> = { 2: 'pairs', 4: 'quads' };

/** Refused where the type is not interleaved; the tooltip says why. */
function VnniToggle({ tile, scene }: { tile: number; scene: TileScene }): ReactElement {
  const store = useDebuggerStore();
  const { type, interpretation } = scene.reading;
  const v = perDword(type);
  const why = v > 1 ? null : `${tileTypeRow(type).label} fills a dword: a product does not interleave it`;
  const set = (next: 'stored' | 'vnni'): void => {
    if (why === null) store.getState().setInterpretation(tile, next);
  };
  return (
    <span className="segment tiny" role="group" aria-label={`Order of tmm${tile}`} title={why ?? undefined}>
      <button
        type="button"
        aria-pressed={interpretation === 'stored'}
        aria-disabled={why === null ? undefined : true}
        onClick={() => set('stored')}
      >
        VNNI off
      </button>
      <button
        type="button"
        aria-pressed={interpretation === 'vnni'}
        aria-disabled={why === null ? undefined : true}
        title={why ?? `Rows of the matrix that B holds in ${PER_DWORD[v]} of a dword`}
        onClick={() => set('vnni')}
      >
        {PER_DWORD[v] ?? 'pairs'}
      </button>
    </span>
  );
}

function ScaleToggle(): ReactElement {
  const store = useDebuggerStore();
  const scale = useDebugger((state) => state.tileScale);
  return (
    <Segment
      name="Scale"
      look="tiny"
      value={scale}
      choices={[
        { value: 'own', label: 'Own scale' },
        { value: 'shared', label: 'Shared scale' },
      ]}
      onChoose={(next) => store.getState().setTileScale(next)}
    />
  );
}

const numbered = (length: number): number[] => Array.from({ length }, (_, at) => at);

/** Row and column numbers; those of the focused element stand out. */
function Heads({ scene, geometry }: { scene: TileScene; geometry: TileGeometry }): ReactElement {
  const row = useDebugger(({ selection }) =>
    selection?.kind === 'tile' && selection.tile === scene.tile ? selection.row : null,
  );
  const column = useDebugger(({ selection }) =>
    selection?.kind === 'tile' && selection.tile === scene.tile ? selection.column : null,
  );
  // Narrow columns carry every fourth number: more would run into each other.
  const step = geometry.cellPx >= 20 ? 1 : 4;
  return (
    <>
      <div className="tile-columns micro val" aria-hidden="true" style={{ width: geometry.widthPx + HEAD_PX }}>
        {numbered(geometry.columns).map((at) => (
          <span key={at} className={at === column ? 'on' : ''} style={{ width: geometry.cellPx }}>
            {at % step === 0 || at === column ? at : ''}
          </span>
        ))}
      </div>
      <div className="tile-rows micro val" aria-hidden="true">
        {numbered(geometry.rows).map((at) => (
          <span key={at} className={at === row ? 'on' : ''} style={{ height: ROW_PX }}>
            {at}
          </span>
        ))}
      </div>
    </>
  );
}
