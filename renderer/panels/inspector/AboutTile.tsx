import type { ReactElement, ReactNode } from 'react';
import { hexByte } from '../../../app/bits/bytes.ts';
import { tileByteOffset } from '../../../app/tile/geometry.ts';
import { TILE_TYPES, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { printExactTileElement, printExactTileElementAmong } from '../../../app/tile/tile-type-text.ts';
import { elementOffset } from '../../../app/tile/vnni.ts';
import { BIT } from '../../../app/xsave/components.ts';
import { placeOf } from '../../../app/xsave/layout.ts';
import { useDebugger } from '../../store/context.ts';
import { hueOf } from '../../store/select/components.ts';
import { markedPart, shownMark } from '../../store/select/provenance.ts';
import { selectProvenance } from '../../store/select/selectors.ts';
import { tilePath } from '../../store/tiles/tile-edits.ts';
import { selectTileScene, tileDataState } from '../../store/tiles/tile-scenes.ts';
import { Glyph } from '../../theme/Glyph.tsx';
import { minus } from '../../wording.ts';
import { MARK_GLYPH } from '../registers/MarkLegend.tsx';
import { ProductCheckBlock } from '../tiles/ProductCheckBlock.tsx';
import { shortType } from '../tiles/TileReadingControls.tsx';
import { InspectorHead } from './InspectorHead.tsx';
import { ElementChanged, RegisterChanged } from './LastChanged.tsx';
import { OverStops } from './OverStops.tsx';

interface AboutTileProps {
  readonly tile: number;
  readonly row: number;
  readonly column: number;
  readonly children: ReactNode;
}

/** One element of a tile with all its digits, and the product that the tile may be the result of. */
export function AboutTile({ tile, row, column, children }: AboutTileProps): ReactElement | null {
  const provenance = useDebugger(selectProvenance);
  const scene = useDebugger(selectTileScene(tile));
  if (provenance === null || scene === null) return null;
  const { matrix, reading } = scene;
  const exists = row < matrix.rows && column < matrix.columns;
  const { bytes: size, label } = tileTypeRow(reading.type);
  const offset = exists ? elementOffset(matrix.type, matrix.interpretation, { row, column }) : 0;
  const part = exists ? markedPart(provenance, `tmm${tile}`, offset, size) : null;
  const mark = shownMark(part);
  const place = placeOf(provenance.now.image.layout, BIT.XTILEDATA);
  const text = (bytes: Uint8Array): string => minus(printExactTileElement(reading.type, bytes, 0));
  const at = place === undefined ? null : place.offsetBytes + tileByteOffset(tile, 0) + offset;
  return (
    <>
      <InspectorHead
        hue={hueOf(BIT.XTILEDATA)}
        swatch={tileDataState(provenance.now).state === 'inUse' ? '' : tileDataState(provenance.now).state}
        title={exists ? `tmm${tile} [${row}][${column}]` : `tmm${tile}`}
        sub={exists ? `${label}, offset ${at ?? 'none'}` : 'not configured'}
        tag={exists ? `${size} B` : null}
      />
      <div className="scroll">
        {part === null ? null : (
          <section className="block">
            <dl className="facts">
              <dt>Value</dt>
              <dd className="val strong wraps">{text(part.bytes)}</dd>
              <dt>Bytes</dt>
              <dd className="val small">{Array.from(part.bytes, hexByte).join(' ')}</dd>
              {TILE_TYPES.filter((other) => other.bytes === size && other.name !== reading.type).map((other) => [
                <dt key={`${other.name}-as`}>As {shortType(other.name)}</dt>,
                <dd key={other.name} className="val small wraps">
                  {minus(printExactTileElementAmong(other.name, part.bytes, 0))}
                </dd>,
              ])}
              <dt>Path</dt>
              <dd className="val small">{tilePath(tile, reading, { row, column })}</dd>
              {part.before === null ? null : (
                <>
                  <dt>{part.mark === 'staged' ? 'As read' : 'One stop ago'}</dt>
                  <dd className="val small">{text(part.before)}</dd>
                </>
              )}
            </dl>
            {mark === 'none' ? null : (
              <div className={`line tight is-${mark}`}>
                <Glyph name={MARK_GLYPH[mark]} className="g12" />
                {
                  {
                    changed: 'changed by the guest',
                    staged: 'staged, not yet written',
                    refused: 'staged, refused by pre-flight',
                    written: 'written and read back',
                  }[mark]
                }
              </div>
            )}
          </section>
        )}
        <ProductCheckBlock tile={tile} row={row} column={column} />
        {exists ? (
          <>
            <OverStops path={tilePath(tile, reading, { row, column })} />
            <ElementChanged register={`tmm${tile}`} path={tilePath(tile, reading, { row, column })} />
          </>
        ) : (
          <RegisterChanged register={`tmm${tile}`} field={null} />
        )}
        {children}
      </div>
    </>
  );
}
