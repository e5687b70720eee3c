import { TILE_TYPES, type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { printTileElement } from '../../../app/tile/tile-type-text.ts';
import { ELEMENT_TYPES, elementBytes } from '../../../app/value/element-type.ts';
import { printElement } from '../../../app/value/print.ts';
import type { MemoryType } from '../state/memory-cells.ts';

export const isTileType = (type: MemoryType): type is TileType => TILE_TYPES.some(({ name }) => name === type);

export const MEMORY_TYPES: readonly MemoryType[] = [
  ...TILE_TYPES.map(({ name }) => name),
  ...ELEMENT_TYPES.flatMap(({ name }) => (name === 'f80' || isTileType(name) ? [] : [name])),
];

export const memoryTypeBytes = (type: MemoryType): number =>
  isTileType(type) ? tileTypeRow(type).bytes : elementBytes(type);

/** Whether what is drawn of it lies on both sides of zero. */
export const scaleOf = (type: MemoryType): 'diverging' | 'sequential' =>
  isTileType(type) ? tileTypeRow(type).scale : type.startsWith('u') ? 'sequential' : 'diverging';

export interface MemoryCell {
  readonly text: string;
  /** For the heat behind it. */
  readonly value: number;
}

/** Whole elements from the start of the bytes on. */
export const cellsOf = (bytes: Uint8Array, type: MemoryType): readonly MemoryCell[] => {
  const size = memoryTypeBytes(type);
  return Array.from({ length: Math.floor(bytes.length / size) }, (_, index) => {
    const at = index * size;
    if (isTileType(type)) return { text: printTileElement(type, bytes, at), value: tileTypeRow(type).read(bytes, at) };
    const text = printElement(type, bytes, at);
    return { text, value: Number(text) };
  });
};

/** The elements of two rows that differ, by their numbers; what one of them lacks differs. */
export const differingElements = (a: Uint8Array, b: Uint8Array, type: MemoryType): readonly number[] => {
  const size = memoryTypeBytes(type);
  const count = Math.ceil(Math.max(a.length, b.length) / size);
  return Array.from({ length: count }, (_, index) => index).filter((index) => {
    for (let at = index * size; at < (index + 1) * size; at += 1) if (a[at] !== b[at]) return true;
    return false;
  });
};
