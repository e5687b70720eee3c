import { type ReactElement, useState } from 'react';
import { type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { MenuButton } from '../../controls/MenuButton.tsx';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count } from '../../wording.ts';
import { isInteger, type Notation } from './notation.ts';
import { blockOf, COPY_FORMATS, type CopyFormat, copiedText, wholeBlock } from './tile-clipboard.ts';

interface TileLegendProps {
  readonly scene: TileScene;
  readonly scaleEnd: number;
  readonly differences: number;
  /** How the numbers of the matrix are written; null: they have no room. */
  readonly notation: Notation | null;
}

/** A scale end in at most seven digits. */
const endText = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e9 ? String(value) : String(Number(value.toPrecision(4)));

/** From which value to which the colours go. */
export function Scale({ type, end }: { type: TileType; end: number }): ReactElement {
  const { scale } = tileTypeRow(type);
  return (
    <span className="line tight">
      <span className="val text-2">{scale === 'diverging' && end !== 0 ? `\u2212${endText(end)}` : '0'}</span>
      <span className={`heat-bar ${scale}`} aria-hidden="true" />
      <span className="val text-2">{endText(end)}</span>
    </span>
  );
}

export function TileLegend({ scene, scaleEnd, differences, notation }: TileLegendProps): ReactElement {
  const look = useDebugger((state) => state.tileLook);
  const { nans, infinities } = scene.statistics;
  const outside = scene.outside.length;
  return (
    <div className="tile-legend small">
      {look === 'numbers' ? null : <Scale type={scene.reading.type} end={scaleEnd} />}
      <NotationWords scene={scene} notation={notation} />
      {nans === 0 ? null : (
        <span className="line tight text-2">
          <span className="nan-box" aria-hidden="true" />
          {count(nans, 'NaN')}
        </span>
      )}
      {infinities === 0 ? null : (
        <span className="line tight text-2">
          <span className="inf-box" aria-hidden="true" />
          {count(infinities, 'Inf', 'Inf')}
        </span>
      )}
      {outside === 0 ? null : (
        <span className="line tight is-armed" data-testid="outside">
          <Glyph name="warn" className="g12" />
          {count(outside, 'byte there is not zero', 'bytes there are not zero')}
        </span>
      )}
      {differences === 0 ? null : (
        <span className="line tight is-refused">
          <Glyph name="differs" className="g12" />
          {count(differences, 'differs', 'differ')} from the product
        </span>
      )}
    </div>
  );
}

/** Said where the widest element has no room as an integer, for then every number is rounded, or there is none. */
function NotationWords({ scene, notation }: Pick<TileLegendProps, 'scene' | 'notation'>): ReactElement | null {
  const look = useDebugger((state) => state.tileLook);
  if (look === 'heat' || scene.extent.rows === 0) return null;
  if (notation === null) return <span className="text-3">no room for numbers</span>;
  if (notation.kind !== 'exponent' || !isInteger(scene)) return null;
  return (
    <span
      className="text-2"
      title="A wider matrix, or a pane less beside it, shows integers; the line below has all digits"
    >
      rounded to {count(notation.digits + 1, 'digit')}
    </span>
  );
}

/** Copies the selected block, else the whole matrix. */
export function CopyAs({ scene }: { scene: TileScene }): ReactElement {
  const store = useDebuggerStore();
  const [said, setSaid] = useState<string | null>(null);
  const copy = (format: CopyFormat): void => {
    const { selection, blockFrom } = store.getState();
    const inTile = selection?.kind === 'tile' && selection.tile === scene.tile && blockFrom !== null;
    const block = inTile ? blockOf(selection, blockFrom) : wholeBlock(scene);
    navigator.clipboard.writeText(copiedText(scene, block, format)).then(
      () => setSaid(`${block.rows} × ${block.columns} copied`),
      () => setSaid('the clipboard was refused'),
    );
  };
  return (
    <>
      <MenuButton
        look="tiny ghost outlined"
        title="Copy the selected block, else the whole matrix"
        face={
          <>
            <Glyph name="copy" className="g12" />
            <span>{said ?? 'Copy as…'}</span>
          </>
        }
        menuName={`Copy tmm${scene.tile} as`}
        menuLook="to-left"
      >
        {(close) =>
          COPY_FORMATS.map(({ id, label }) => (
            <button
              key={id}
              type="button"
              role="menuitem"
              onClick={() => {
                close();
                copy(id);
              }}
            >
              <span>{label}</span>
            </button>
          ))
        }
      </MenuButton>
      <span role="status" className="visually-hidden">
        {said}
      </span>
    </>
  );
}
