import { type ReactElement, useState } from 'react';
import { Segment } from '../../controls/Segment.tsx';
import { memoizeByIdentity } from '../../store/base/memoize.ts';
import { useDebugger, useDebuggerStore } from '../../store/context.ts';
import { selectProductCheck } from '../../store/tiles/product-check.ts';
import { selectScaleEnd, selectTileScene } from '../../store/tiles/tile-scenes.ts';
import { lastProduct, productsOfProgram } from '../../store/vcpu/executed.ts';
import { Differences } from './ProductCheckBlock.tsx';
import { CopyAs, Scale } from './TileLegend.tsx';
import { type Along, TileMatrix } from './TileMatrix.tsx';
import { LookChips, ScaleToggle, shortType } from './TileReadingControls.tsx';
import { TileRole } from './TileRole.tsx';
import { outsideWords, SelectedLine } from './TileView.tsx';

const TILES = [0, 1, 2, 3, 4, 5, 6, 7];

export type TilesLayout = 'product' | 'eight' | 'one';

interface ProductGrid {
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** Row after row, as many as A has tiles; null: no product of the program joins the two. */
  readonly c: readonly (readonly (number | null)[])[];
}

/** The tiles as the products of the program join them: A left, B above, C where they meet. Null: they do not lie so. */
const gridOf = memoizeByIdentity(
  (position: NonNullable<Parameters<typeof productsOfProgram>[0]>): ProductGrid | null => {
    const products = productsOfProgram(position).map(({ operands }) => operands);
    const a = [...new Set(products.map((row) => row.a))];
    const b = [...new Set(products.map((row) => row.b))];
    const tiles = new Set(products.flatMap((row) => [row.a, row.b, row.c]));
    if (
      a.length === 0 ||
      a.length > 2 ||
      b.length > 2 ||
      tiles.size !== a.length + b.length + new Set(products.map((row) => row.c)).size
    )
      return null;
    const c = a.map((left) => b.map((above) => products.find((row) => row.a === left && row.b === above)?.c ?? null));
    return { a, b, c };
  },
);

const useGrid = (): ProductGrid | null =>
  useDebugger((state) => (state.position === null || lastProduct(state) === null ? null : gridOf(state.position)));

/** How the tiles stand in a large window: as the product does where one was executed, else all, unless one was asked for. */
export const useTilesLayout = (isLarge: boolean): TilesLayout => {
  const wanted = useDebugger((state) => state.tilesLayout);
  const grid = useGrid();
  if (!isLarge) return 'one';
  if (wanted === 'product' && grid === null) return 'eight';
  return wanted;
};

export function TilesLayoutChoice(): ReactElement {
  const store = useDebuggerStore();
  const value = useDebugger((state) => state.tilesLayout);
  const grid = useGrid();
  const choices = [
    { value: 'product', label: 'As a product' },
    { value: 'eight', label: 'All eight' },
    { value: 'one', label: 'One tile' },
  ] as const;
  return (
    <Segment
      name="Layout of the tiles"
      look="tiny"
      value={value === 'product' && grid === null ? 'eight' : value}
      choices={grid === null ? choices.slice(1) : choices}
      onChoose={(next) => store.getState().setTilesLayout(next)}
    />
  );
}

/** All eight at once, each with its own head; the line below speaks of the one that is selected. */
export function EightTiles({ layout }: { layout: Exclude<TilesLayout, 'one'> }): ReactElement {
  const chosen = useDebugger((state) => state.tile);
  const scene = useDebugger(selectTileScene(chosen));
  const [refused, setRefused] = useState<string | null>(null);
  const grid = useGrid();
  return (
    <section className="eight-tiles" aria-label="All tiles" data-testid="eight-tiles">
      <div className="section-head tile-head">
        <h2>All eight tiles</h2>
        <span className="push" />
        <TilesLayoutChoice />
        <ScaleToggle />
        <LookChips />
        {scene === null ? null : <CopyAs scene={scene} />}
      </div>
      {layout === 'product' && grid !== null ? (
        <AsProduct grid={grid} onRefused={setRefused} />
      ) : (
        <div className="eight-grid">
          {TILES.map((tile) => (
            <Small key={tile} tile={tile} onRefused={setRefused} />
          ))}
        </div>
      )}
      {scene === null ? null : <SelectedLine scene={scene} refused={refused} />}
    </section>
  );
}

interface SmallProps {
  readonly tile: number;
  readonly onRefused: (why: string | null) => void;
  readonly cell?: { readonly widthPx: number; readonly heightPx: number };
  /** The row or column that goes into the selected element of C. */
  readonly along?: Along | null;
}

function Small({ tile, onRefused, cell, along = null }: SmallProps): ReactElement | null {
  const store = useDebuggerStore();
  const scene = useDebugger(selectTileScene(tile));
  const isChosen = useDebugger((state) => state.tile === tile);
  const scaleEnd = useDebugger(selectScaleEnd(tile));
  const look = useDebugger((state) => state.tileLook);
  if (scene === null) return null;
  const { matrix, extent, reading } = scene;
  const outside = outsideWords(scene);
  const isEmpty = scene.outside.length === 0;
  // As a product the rows lie level with those of the tiles beside.
  const isUnfolded = cell === undefined && !isEmpty;
  return (
    <section
      className={`small-tile ${isChosen ? 'chosen' : ''}`}
      aria-label={`tmm${tile}`}
      data-testid={`tile-${tile}`}
    >
      <div className="small-tile-head">
        <button type="button" className="link quiet val strong" onClick={() => store.getState().showTile(tile)}>
          tmm{tile}
        </button>
        <span className="tag">
          {extent.rows === 0 ? 'not configured' : `${matrix.rows}×${matrix.columns} ${shortType(reading.type)}`}
        </span>
        <TileRole tile={tile} />
        {outside === null || isUnfolded ? null : (
          <span className={`small ellipsis ${isEmpty ? 'text-3' : 'is-armed'}`}>
            {outside} folded{isEmpty ? '' : ', not all zero'}
          </span>
        )}
        {extent.rows === 0 || look === 'numbers' ? null : (
          <span className="small">
            <Scale type={reading.type} end={scaleEnd} />
          </span>
        )}
      </div>
      {extent.rows === 0 ? (
        <p className="small text-3">not configured</p>
      ) : (
        <TileMatrix tile={tile} isUnfolded={isUnfolded} onRefused={onRefused} cell={cell ?? null} along={along} />
      )}
    </section>
  );
}

/** A cell of C; B has its width and A its height, so that rows and columns lie level across the tiles. */
const C_CELL = { widthPx: 50, heightPx: 24 } as const;
const B_ROW_PX = 5;
const A_COLUMN_PX = 5;

function AsProduct({ grid, onRefused }: { grid: ProductGrid; onRefused: (why: string | null) => void }): ReactElement {
  const selected = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection : null));
  /** Where the selected element of C lies in the grid; null: another tile is selected. */
  const row = selected === null ? -1 : grid.c.findIndex((tiles) => tiles.includes(selected.tile));
  const column = selected === null ? -1 : (grid.c[row]?.indexOf(selected.tile) ?? -1);
  const columns = `max-content ${grid.b.map(() => 'max-content').join(' ')}`;
  return (
    <div className="scroll product-grid" style={{ gridTemplateColumns: columns }}>
      <ProductCorner />
      {grid.b.map((tile, at) => (
        <Small
          key={tile}
          tile={tile}
          onRefused={onRefused}
          cell={{ widthPx: C_CELL.widthPx, heightPx: B_ROW_PX }}
          along={selected !== null && at === column ? { kind: 'column', at: selected.column } : null}
        />
      ))}
      {grid.a.map((left, down) => [
        <Small
          key={left}
          tile={left}
          onRefused={onRefused}
          cell={{ widthPx: A_COLUMN_PX, heightPx: C_CELL.heightPx }}
          along={selected !== null && down === row ? { kind: 'row', at: selected.row } : null}
        />,
        ...(grid.c[down] ?? []).map((tile, at) =>
          tile === null ? (
            <span key={`${left} ${grid.b[at]}`} />
          ) : (
            <Small key={tile} tile={tile} onRefused={onRefused} cell={C_CELL} />
          ),
        ),
      ])}
    </div>
  );
}

/** The free corner: the product, and once it is checked what differs and how the selected element comes about. */
function ProductCorner(): ReactElement {
  const product = useDebugger((state) => state.product ?? lastProduct(state));
  const store = useDebuggerStore();
  const isChecked = useDebugger((state) => state.product !== null);
  const check = useDebugger(selectProductCheck);
  const selected = useDebugger((state) => (state.selection?.kind === 'tile' ? state.selection : null));
  if (product === null) return <span />;
  const { c, a, b } = product.operands;
  return (
    <div className="product-corner" data-testid="product-corner">
      <p className="val strong">
        tmm{c} += tmm{a} × tmm{b}
      </p>
      <p className="text-2 small">{product.instruction}, the product executed last</p>
      {!isChecked ? (
        <button type="button" className="button tiny" onClick={() => store.getState().setProduct(product)}>
          Check this product
        </button>
      ) : check?.kind === 'compared' ? (
        <div className="scroll">
          <Differences choice={product} check={check} at={selected?.tile === c ? selected : null} />
        </div>
      ) : (
        <p className="text-3 small">It cannot be computed; the inspector says why.</p>
      )}
    </div>
  );
}
