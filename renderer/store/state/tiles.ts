import type { ProductInstruction } from '../../../app/tile/product-instruction.ts';
import type { ProductOperands } from '../../../app/tile/product-shape.ts';
import type { TileType } from '../../../app/tile/tile-type.ts';
import type { Interpretation, Place } from '../../../app/tile/vnni.ts';
import type { TileConfigField } from './tile-edits.ts';

/** Numbers over the heat map, numbers alone, or the heat map alone. */
export type TileLook = 'both' | 'numbers' | 'heat';

/** How one tile is read. Each of the eight has its own: C of a product holds other types than A and B. */
export interface TileReading {
  readonly type: TileType;
  readonly interpretation: Interpretation;
}

/** What C held before the product. */
export type Accumulator =
  | { readonly kind: 'zero' }
  /** The stop before the one on screen. */
  | { readonly kind: 'previous' }
  | { readonly kind: 'stop'; readonly number: number }
  | { readonly kind: 'tile'; readonly tile: number };

/** Which tiles are compared, and by which instruction. */
export interface ProductChoice {
  readonly operands: ProductOperands;
  readonly instruction: ProductInstruction;
  readonly accumulator: Accumulator;
}

export interface TilesSlice {
  /** The large one. */
  readonly tile: number;
  /** How the tiles stand where there is room for all. */
  readonly tilesLayout: 'product' | 'eight' | 'one';
  setTilesLayout(layout: TilesSlice['tilesLayout']): void;
  readonly readings: readonly TileReading[];
  readonly tileLook: TileLook;
  readonly tileScale: 'own' | 'shared';
  /** The other corner of a selected block; null: one element. */
  readonly blockFrom: Place | null;
  readonly product: ProductChoice | null;
  showTile(tile: number): void;
  selectElement(tile: number, place: Place, extend: boolean): void;
  setTileType(tile: number, type: TileType): void;
  nextTileType(tile: number, step: 1 | -1): void;
  setInterpretation(tile: number, interpretation: Interpretation): void;
  nextTileLook(): void;
  setTileLook(look: TileLook): void;
  setTileScale(scale: 'own' | 'shared'): void;
  /** Also reads the three tiles as the instruction does. Null ends the check. */
  setProduct(product: ProductChoice | null): void;
  /** One element typed in the type that the tile is shown in. */
  stageElement(tile: number, reading: TileReading, place: Place, text: string): string | null;
  stageConfig(field: TileConfigField, tile: number | null, text: string): string | null;
}
