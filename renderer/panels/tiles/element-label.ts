import type { ProductDifference } from '../../../app/tile/product-compare.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementOffset } from '../../../app/tile/vnni.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import { MARK_WORDS } from '../registers/MarkLegend.tsx';

/**
 * What a screen reader says of an element: tmm2[3][7] 1.5, and who changed it.
 * @param based in the base that was chosen for it, where one was
 */
export const elementLabel = (
  scene: TileScene,
  index: number,
  differences: ReadonlyMap<number, ProductDifference>,
  based: string | undefined = undefined,
): string => {
  const { matrix, tile, marks } = scene;
  const row = Math.floor(index / matrix.columns);
  const column = index % matrix.columns;
  const offset = elementOffset(matrix.type, matrix.interpretation, { row, column });
  const value = based ?? printTileElement(matrix.type, matrix.bytes, offset);
  const differs = differences.has(index) ? ', differs from the product' : '';
  return `tmm${tile}[${row}][${column}] ${value}${MARK_WORDS[marks[index] ?? 'none']}${differs}`;
};

/** By element, for the tile as it is shown: a difference is a dword, which a tile read otherwise splits. */
export const differencesByElement = (
  scene: TileScene,
  differences: readonly ProductDifference[],
): ReadonlyMap<number, ProductDifference> =>
  new Map(differences.map((one) => [one.row * scene.matrix.columns + one.column, one]));
