import { type ReactElement, useState } from 'react';
import { productRow } from '../../../app/tile/product-instruction.ts';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import { printExactTileElementAmong, printTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementOffset } from '../../../app/tile/vnni.ts';
import { useDebugger } from '../../store/context.ts';
import { markedPart } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import type { Accumulator } from '../../store/state/tiles.ts';
import { selectDifferences, selectProductCheck } from '../../store/tiles/product-check.ts';
import { shownElement } from '../../store/tiles/tile-edits.ts';
import { selectScaleEnd, selectTileScene, type TileScene } from '../../store/tiles/tile-scenes.ts';
import { inBase } from '../../store/view/bases.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { count, minus } from '../../wording.ts';
import { NextDifference } from './NextDifference.tsx';
import type { Notation } from './notation.ts';
import { CopyAs, TileLegend } from './TileLegend.tsx';
import { TileMatrix } from './TileMatrix.tsx';
import { LookChips, ScaleToggle, shortType, TypeChips, VnniToggle } from './TileReadingControls.tsx';
import { TileRole } from './TileRole.tsx';

/** Until the room is measured. */
const INTEGERS: Notation = { kind: 'integer' };

/** One tile large: how it is read, the legend over the numbers, the matrix, and what is selected of it in one line. */
export function TileView({
  tile,
  layouts = null,
}: {
  tile: number;
  layouts?: ReactElement | null;
}): ReactElement | null {
  const scene = useDebugger(selectTileScene(tile));
  const scaleEnd = useDebugger(selectScaleEnd(tile));
  const differences = useDebugger(selectDifferences(tile));
  const [refused, setRefused] = useState<string | null>(null);
  const [wanted, setWanted] = useState(false);
  const [notation, setNotation] = useState<Notation | null>(INTEGERS);
  if (scene === null) return null;
  const { reading, extent, matrix } = scene;
  // Bytes outside that are not zero are not folded away.
  const isUnfolded = wanted || scene.outside.length > 0;
  return (
    <section className="tile-view" aria-label={`tmm${tile}`} data-testid={`tile-${tile}`}>
      <div className="section-head tile-head">
        <h2 className="val">tmm{tile}</h2>
        <span className="tag">
          {extent.rows === 0 ? 'not configured' : `${matrix.rows}×${matrix.columns} ${shortType(reading.type)}`}
        </span>
        <TileRole tile={tile} />
        <Changed scene={scene} />
        <Folded scene={scene} isUnfolded={isUnfolded} onUnfold={setWanted} />
        <span className="push" />
        <TypeChips tile={tile} type={reading.type} />
        <LookChips />
      </div>
      <div className="tile-controls">
        <TileLegend scene={scene} scaleEnd={scaleEnd} differences={differences.length} notation={notation} />
        <span className="push" />
        {layouts}
        <VnniToggle tile={tile} scene={scene} />
        <ScaleToggle />
        {extent.rows === 0 ? null : <CopyAs scene={scene} />}
      </div>
      {extent.rows === 0 ? (
        <p className="tile-note small text-3">tmm{tile} is not configured.</p>
      ) : (
        <TileMatrix tile={tile} isUnfolded={isUnfolded} onRefused={setRefused} onNotation={setNotation} />
      )}
      <SelectedLine scene={scene} refused={refused} />
      <span className="visually-hidden" role="status">
        {differences.length === 0 ? '' : count(differences.length, 'element differs', 'elements differ')}
      </span>
    </section>
  );
}

function Changed({ scene }: { scene: TileScene }): ReactElement | null {
  const changed = scene.marks.filter((mark) => mark === 'changed').length;
  return changed === 0 ? null : (
    <span className="pill changed-pill">
      <Glyph name="delta" className="g10" />
      {changed} <span className="pill-words">changed</span>
    </span>
  );
}

/** What of a tile lies outside rows × colsb, as a phrase; null: nothing does. */
export const outsideWords = ({ extent, matrix, reading }: TileScene): string | null => {
  if (extent.rows === 0 || (extent.rows === 16 && extent.colsb === 64)) return null;
  const { bytes } = tileTypeRow(reading.type);
  const parts = [
    extent.rows < 16 ? `rows ${extent.rows} to 15` : '',
    extent.colsb < 64 && matrix.interpretation === 'stored' ? `columns ${matrix.columns} to ${64 / bytes - 1}` : '',
  ].filter((text) => text !== '');
  return parts.length === 0 ? 'the rest' : parts.join(', ');
};

interface FoldedProps {
  readonly scene: TileScene;
  readonly isUnfolded: boolean;
  readonly onUnfold: (wanted: boolean) => void;
}

/** What lies outside rows × colsb, as a phrase; a press unfolds it. */
function Folded({ scene, isUnfolded, onUnfold }: FoldedProps): ReactElement | null {
  const what = outsideWords(scene);
  if (what === null || (isUnfolded && scene.outside.length > 0)) return null;
  return (
    <button type="button" className="link small" aria-expanded={isUnfolded} onClick={() => onUnfold(!isUnfolded)}>
      {isUnfolded ? 'fold what is not configured' : `${what} folded`}
    </button>
  );
}

/** The selected element with all its digits, and the verdict of the product where one is checked. */
export function SelectedLine({ scene, refused }: { scene: TileScene; refused: string | null }): ReactElement {
  const selection = useDebugger((state) =>
    state.selection?.kind === 'tile' && state.selection.tile === scene.tile ? state.selection : null,
  );
  const provenance = useDebugger(selectProvenance);
  const { matrix, reading } = scene;
  const isThere = selection !== null && selection.row < matrix.rows && selection.column < matrix.columns;
  const offset = isThere ? elementOffset(matrix.type, matrix.interpretation, selection) : 0;
  const { bytes: size } = tileTypeRow(reading.type);
  const part = isThere && provenance !== null ? markedPart(provenance, `tmm${scene.tile}`, offset, size) : null;
  const path = isThere ? shownElement(scene.tile, reading, selection) : '';
  const base = useDebugger((state) => state.bases.get(path) ?? 'own');
  const text = (bytes: Uint8Array): string =>
    minus(
      base === 'own'
        ? printExactTileElementAmong(reading.type, bytes, 0)
        : inBase(path, printTileElement(reading.type, bytes, 0), base),
    );
  return (
    <div className="tile-line small">
      {refused !== null ? (
        <span className="line tight is-refused" role="alert">
          <Glyph name="stop" className="g12" />
          {refused}
        </span>
      ) : selection === null || part === null ? (
        <span className="text-3">no element is selected</span>
      ) : (
        <span className="line tight ellipsis">
          <span className="val text-2">
            [{selection.row}][{selection.column}]
          </span>
          <span className={`val strong is-${part.isRefused ? 'refused' : part.mark}`}>{text(part.bytes)}</span>
          {part.before === null ? null : (
            <>
              <span className="text-3">before</span>
              <span className="val">{text(part.before)}</span>
            </>
          )}
          <Expected tile={scene.tile} row={selection.row} column={selection.column} />
        </span>
      )}
      <span className="push" />
      <ProductLine />
    </div>
  );
}

function Expected({ tile, row, column }: { tile: number; row: number; column: number }): ReactElement | null {
  const differs = useDebugger(selectDifferences(tile)).find((one) => one.row === row && one.column === column);
  const check = useDebugger(selectProductCheck);
  const instruction = useDebugger((state) => state.product?.instruction ?? null);
  if (differs === undefined || instruction === null || check?.kind !== 'compared') return null;
  return (
    <span className="line tight is-refused">
      <Glyph name="differs" className="g12" />
      expected{' '}
      <span className="val">
        {minus(printTileElement(productRow(instruction).c, check.expected, differs.offsetBytes))}
      </span>
    </span>
  );
}

const beforeWords = (accumulator: Accumulator): string => {
  switch (accumulator.kind) {
    case 'zero':
      return 'zero';
    case 'previous':
      return 'from the stop before';
    case 'stop':
      return `from stop ${accumulator.number}`;
    case 'tile':
      return `tmm${accumulator.tile}`;
  }
};

/** The product that is checked and what came of it, where the eye is. */
function ProductLine(): ReactElement | null {
  const product = useDebugger((state) => state.product);
  const check = useDebugger(selectProductCheck);
  if (product === null || check === null) return null;
  const { c, a, b } = product.operands;
  const differ = check.kind === 'compared' ? check.comparison.differences.length : 0;
  return (
    <span className="line tight nowrap">
      <span className="val">
        tmm{c} += tmm{a} × tmm{b}
      </span>
      <span className="text-3 broad-only">
        as <span className="val">{product.instruction.toLowerCase()}</span>, C before {beforeWords(product.accumulator)}
      </span>
      {check.kind === 'refused' ? (
        <span className="is-refused">cannot be computed</span>
      ) : differ === 0 ? (
        <span className="line tight is-written">
          <Glyph name="check" className="g12" />
          all {check.comparison.cells} agree
        </span>
      ) : (
        <>
          <span className="line tight is-refused">
            <Glyph name="differs" className="g12" />
            {differ} of {check.comparison.cells} differ
          </span>
          <NextDifference />
        </>
      )}
    </span>
  );
}
