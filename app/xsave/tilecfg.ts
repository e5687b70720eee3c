import { bytesOfUint, readU8, readU16 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';

/*
 * XTILECFG, component 17 and the operand of LDTILECFG, 64 bytes:
 *    0 palette_id 1    1 start_row 1    2 reserved 14
 *   16 colsb[16], 2 bytes each: configured bytes per row; entries 8 to 15 reserved
 *   48 rows[16], 1 byte each; entries 8 to 15 reserved
 */
export const TILECFG_BYTES = 64;
/** Tiles of palette 1. */
export const TILE_COUNT = 8;
const COLSB_OFFSET_BYTES = 16;
const ROWS_OFFSET_BYTES = 48;

/** Palette 1, the only one so far; a CPU states these limits in CPUID 0x1D.1. */
export const PALETTE_1 = { tiles: TILE_COUNT, rows: 16, rowBytes: 64, tileBytes: 1024 } as const;

export interface TileSize {
  readonly rows: number;
  /** Configured bytes per row, not columns. */
  readonly colsb: number;
}

export interface TileConfig {
  readonly paletteId: number;
  /** Where an interrupted tile load or store resumes. */
  readonly startRow: number;
  /** Always eight. */
  readonly tiles: readonly TileSize[];
}

/** A rule that LDTILECFG enforces (#GP), or, as a warning, one that an instruction enforces later. */
export interface TileRule {
  readonly rule:
    | 'palette'
    | 'palette-0-not-zero'
    | 'reserved'
    | 'colsb'
    | 'rows'
    | 'half-configured'
    | 'colsb-not-dwords'
    | 'start-row';
  readonly offsetBytes: number;
  readonly tile: number | null;
  readonly sentence: string;
}

const colsbAt = (bytes: Uint8Array, tile: number): number => readU16(bytes, COLSB_OFFSET_BYTES + 2 * tile);
const rowsAt = (bytes: Uint8Array, tile: number): number => readU8(bytes, ROWS_OFFSET_BYTES + tile);

const colsbOffset = (tile: number): number => COLSB_OFFSET_BYTES + 2 * tile;
const rowsOffset = (tile: number): number => ROWS_OFFSET_BYTES + tile;

const sizeRules = (bytes: Uint8Array, tile: number): TileRule[] => {
  const colsb = colsbAt(bytes, tile);
  const rows = rowsAt(bytes, tile);
  const broken: TileRule[] = [];
  const add = (rule: TileRule['rule'], offsetBytes: number, sentence: string): void => {
    broken.push({ rule, offsetBytes, tile, sentence });
  };
  if (colsb > PALETTE_1.rowBytes) {
    add('colsb', colsbOffset(tile), `colsb[${tile}] is ${colsb}, palette 1 allows ${PALETTE_1.rowBytes}`);
  }
  if (rows > PALETTE_1.rows) {
    add('rows', rowsOffset(tile), `rows[${tile}] is ${rows}, palette 1 allows ${PALETTE_1.rows}`);
  }
  if ((colsb === 0) !== (rows === 0)) {
    const which = rows === 0 ? rowsOffset(tile) : colsbOffset(tile);
    add('half-configured', which, `tile ${tile} has rows ${rows} and colsb ${colsb}: both or neither must be 0`);
  }
  return broken;
};

/** Bytes that must be zero under palette 1: 2 to 15, and colsb and rows of the tiles 8 to 15. */
const isReserved = (offset: number): boolean =>
  (offset >= 2 && offset < COLSB_OFFSET_BYTES) ||
  (offset >= colsbOffset(TILE_COUNT) && offset < ROWS_OFFSET_BYTES) ||
  offset >= rowsOffset(TILE_COUNT);

/** Every rule of LDTILECFG that these 64 bytes break, in the order of their offsets within each kind; empty: valid. */
export const brokenTileRules = (bytes: Uint8Array): TileRule[] => {
  const paletteId = readU8(bytes, 0);
  if (paletteId === 0) {
    // LDTILECFG does not look further with palette 0; stored state, though, is zero there, and anything else is a fault.
    const offset = bytes.findIndex((byte) => byte !== 0);
    if (offset < 0) return [];
    const sentence = `palette_id is 0 and byte ${offset} is not: palette 0 means that all 64 bytes are zero`;
    return [{ rule: 'palette-0-not-zero', offsetBytes: offset, tile: null, sentence }];
  }
  if (paletteId > 1) {
    const sentence = `palette_id is ${paletteId}, palettes 0 and 1 exist`;
    return [{ rule: 'palette', offsetBytes: 0, tile: null, sentence }];
  }
  const broken: TileRule[] = [];
  for (let offset = 0; offset < TILECFG_BYTES; offset += 1) {
    if (!isReserved(offset) || bytes[offset] === 0) continue;
    const sentence = `reserved byte ${offset} is 0x${readU8(bytes, offset).toString(16)}, it must be 0`;
    broken.push({ rule: 'reserved', offsetBytes: offset, tile: null, sentence });
  }
  for (let tile = 0; tile < TILE_COUNT; tile += 1) broken.push(...sizeRules(bytes, tile));
  return broken;
};

/** What LDTILECFG accepts and an instruction will refuse with #UD when it uses the tile. */
export const tileUseWarnings = (config: TileConfig): TileRule[] => {
  const warnings: TileRule[] = [];
  for (const [tile, { rows, colsb }] of config.tiles.entries()) {
    if (colsb % 4 !== 0) {
      const sentence = `colsb[${tile}] is ${colsb}, not a multiple of 4: dot products and tile loads by dwords raise #UD`;
      warnings.push({ rule: 'colsb-not-dwords', offsetBytes: colsbOffset(tile), tile, sentence });
    }
    if (rows > 0 && config.startRow >= rows) {
      const sentence = `start_row is ${config.startRow}, tile ${tile} has ${rows} rows: loading or storing it raises #UD`;
      warnings.push({ rule: 'start-row', offsetBytes: 1, tile, sentence });
    }
  }
  return warnings;
};

/** The fields as they stand, valid or not: for showing what is there. Needs all 64 bytes. */
export const rawTileConfig = (bytes: Uint8Array): TileConfig => ({
  paletteId: readU8(bytes, 0),
  startRow: readU8(bytes, 1),
  tiles: Array.from({ length: TILE_COUNT }, (_, tile) => ({ rows: rowsAt(bytes, tile), colsb: colsbAt(bytes, tile) })),
});

/** Fields of a configuration that LDTILECFG would take; else a problem that names the first broken rule. */
export const decodeTileConfig = (bytes: Uint8Array): Decoded<TileConfig> => {
  if (bytes.length < TILECFG_BYTES) {
    return undecodable({ kind: 'truncated', what: 'TILECFG', neededBytes: TILECFG_BYTES, gotBytes: bytes.length });
  }
  const first = brokenTileRules(bytes)[0];
  if (first !== undefined) return undecodable({ kind: 'not-allowed', what: 'TILECFG', why: first.sentence });
  return decoded(rawTileConfig(bytes));
};

/** The inverse of decodeTileConfig: numbers are cut to their field's width, reserved bytes are zero. */
export const encodeTileConfig = (config: TileConfig): Uint8Array => {
  const bytes = new Uint8Array(TILECFG_BYTES);
  bytes[0] = config.paletteId;
  bytes[1] = config.startRow;
  for (const [tile, size] of config.tiles.entries()) {
    bytes.set(bytesOfUint(BigInt(size.colsb), 2), colsbOffset(tile));
    bytes[rowsOffset(tile)] = size.rows;
  }
  return bytes;
};
