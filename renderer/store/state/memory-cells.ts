import type { TileType } from '../../../app/tile/tile-type.ts';
import type { ElementType } from '../../../app/value/element-type.ts';

/** Memory as elements: types of tiles, and those of registers that no tile has. */
export type MemoryType = TileType | Exclude<ElementType, 'f80'>;
