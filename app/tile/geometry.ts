import { assert } from '../bits/decoded.ts';
import { PALETTE_1, TILE_COUNT, type TileConfig } from '../xsave/tilecfg.ts';

/*
 * XTILEDATA, component 18: tile t, row r begins at t * 1024 + r * 64. The strides are fixed, whatever colsb says.
 */
export const TILE_STRIDE_BYTES = PALETTE_1.tileBytes;
export const ROW_STRIDE_BYTES = PALETTE_1.rowBytes;
export const MAX_ROWS = PALETTE_1.rows;

/** Where a byte of a tile lies inside XTILEDATA. */
export const tileByteOffset = (tile: number, row: number, byte = 0): number => {
  assert(tile >= 0 && tile < TILE_COUNT && row >= 0 && row < MAX_ROWS, `tile ${tile} row ${row}`);
  return tile * TILE_STRIDE_BYTES + row * ROW_STRIDE_BYTES + byte;
};

export interface TileShape {
  readonly rows: number;
  readonly colsb: number;
  /** Whole elements per row; bytes of a row that make no whole element are left out. */
  readonly columns: number;
}

/** The configured shape of a tile in elements of this size; all zero where it is not configured. */
export const tileShape = (config: TileConfig, tile: number, elementBytes: number): TileShape => {
  const size = config.tiles[tile];
  assert(size !== undefined, `tile ${tile}`);
  if (config.paletteId === 0 || size.rows === 0) return { rows: 0, colsb: 0, columns: 0 };
  return { rows: size.rows, colsb: size.colsb, columns: Math.floor(size.colsb / elementBytes) };
};

/**
 * Bytes outside rows × colsb that are not zero, as offsets in the tile: from an earlier configuration, or an edit. The
 * next instruction that writes the tile clears them.
 */
export const bytesOutside = (tileBytes: Uint8Array, shape: TileShape): number[] => {
  const outside: number[] = [];
  for (const [offset, byte] of tileBytes.entries()) {
    const inside = Math.floor(offset / ROW_STRIDE_BYTES) < shape.rows && offset % ROW_STRIDE_BYTES < shape.colsb;
    if (!inside && byte !== 0) outside.push(offset);
  }
  return outside;
};
