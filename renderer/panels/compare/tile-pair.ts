import type { Capture } from '../../../app/capture/capture.ts';
import { brokenTileRules, rawTileConfig } from '../../../app/tile/config.ts';
import { matrixStatistics, matrixValues, tileMatrix } from '../../../app/tile/matrix.ts';
import { tileTypeRow } from '../../../app/tile/tile-type.ts';
import type { Extent } from '../../../app/tile/vnni.ts';
import { memoizePair } from '../../store/base/memoize.ts';
import { registerBytes } from '../../store/select/provenance.ts';
import type { TileReading } from '../../store/state/tiles.ts';
import { greatestMagnitude, type TileScene } from '../../store/tiles/tile-scenes.ts';
import { contextFor, THUMB_ROW_PX } from '../tiles/draw-tile.ts';
import { heatStep, type TileColours } from '../tiles/heat.ts';

/** One tile of two captures in one reading and one shape, so that the pictures can be laid over each other. */
export interface TilePair {
  readonly a: TileScene;
  readonly b: TileScene;
  /** One for both. */
  readonly scaleEnd: number;
  readonly differing: number;
  readonly elements: number;
}

const WHOLE: Extent = { rows: 16, colsb: 64 };
const NO_TILE = new Uint8Array(1024);

/** What is configured of the tile; null where nothing is, or against the rules. */
const extentOf = (capture: Capture, tile: number): Extent | null => {
  const bytes = registerBytes(capture, 'tilecfg');
  if (bytes === null || brokenTileRules(bytes).length > 0) return null;
  const { paletteId, tiles } = rawTileConfig(bytes);
  const extent = paletteId === 1 ? tiles[tile] : undefined;
  return extent === undefined || extent.rows === 0 ? null : extent;
};

/** B's shape; what lies outside it differs as well, and then all of the tile is shown. */
const sharedExtent = (before: Capture, after: Capture, tile: number, [a, b]: readonly Uint8Array[]): Extent => {
  const extent = extentOf(after, tile) ?? extentOf(before, tile) ?? WHOLE;
  for (let at = 0; at < 1024; at += 1) {
    const inside = Math.floor(at / 64) < extent.rows && at % 64 < extent.colsb;
    if (!inside && a?.[at] !== b?.[at]) return WHOLE;
  }
  return extent;
};

const sceneOf = (bytes: Uint8Array, tile: number, reading: TileReading, extent: Extent): TileScene => {
  const matrix = tileMatrix(bytes, extent, reading.type, reading.interpretation);
  const values = matrixValues(matrix);
  return { tile, reading, extent, matrix, values, statistics: matrixStatistics(matrix), marks: [], outside: [] };
};

const pairs = memoizePair((_before: Capture, _after: Capture) => new Map<string, TilePair>());

export const tilePair = (before: Capture, after: Capture, tile: number, reading: TileReading): TilePair => {
  const table = pairs(before, after);
  const key = `${tile} ${reading.type} ${reading.interpretation}`;
  const known = table.get(key);
  if (known !== undefined) return known;
  const [was, is] = [before, after].map((capture) => registerBytes(capture, `tmm${tile}`) ?? NO_TILE) as [
    Uint8Array,
    Uint8Array,
  ];
  const pair = pairOf(was, is, sharedExtent(before, after, tile, [was, is]), tile, reading);
  table.set(key, pair);
  return pair;
};

/** Two tiles of one capture in the shape and the reading of the first: what it has more than the second. */
export const tilesOf = (capture: Capture, tile: number, other: number, reading: TileReading): TilePair => {
  const [was, is] = [registerBytes(capture, `tmm${other}`) ?? NO_TILE, registerBytes(capture, `tmm${tile}`) ?? NO_TILE];
  return pairOf(was, is, extentOf(capture, tile) ?? WHOLE, tile, reading);
};

const pairOf = (was: Uint8Array, is: Uint8Array, extent: Extent, tile: number, reading: TileReading): TilePair => {
  const [a, b] = [sceneOf(was, tile, reading, extent), sceneOf(is, tile, reading, extent)];
  const size = tileTypeRow(reading.type).bytes;
  let [differing, elements] = [0, 0];
  for (let row = 0; row < extent.rows; row += 1) {
    for (let byte = 0; byte + size <= extent.colsb; byte += size) {
      const at = row * 64 + byte;
      elements += 1;
      if (was.subarray(at, at + size).some((value, place) => value !== is[at + place])) differing += 1;
    }
  }
  return { a, b, scaleEnd: greatestMagnitude([a, b]), differing, elements };
};

/** What differs, element by element, as B minus A; an equal element has the ground colour, one without a number is flat. */
export const drawTileDifference = (canvas: HTMLCanvasElement, { a, b }: TilePair, colours: TileColours): void => {
  const context = contextFor(canvas, 64, 16 * THUMB_ROW_PX);
  if (context === null) return;
  const { bytes: size, read } = tileTypeRow(b.reading.type);
  const by: { x: number; y: number; value: number; same: boolean }[] = [];
  for (let row = 0; row < b.extent.rows; row += 1) {
    for (let byte = 0; byte + size <= b.extent.colsb; byte += size) {
      const at = row * 64 + byte;
      const same = a.matrix.bytes.subarray(at, at + size).every((one, place) => one === b.matrix.bytes[at + place]);
      const value = same ? 0 : read(b.matrix.bytes, at) - read(a.matrix.bytes, at);
      by.push({ x: byte, y: row * THUMB_ROW_PX, value, same });
    }
  }
  const end = by.reduce((most, { value }) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
  for (const { x, y, value, same } of by) {
    context.fillStyle = Number.isFinite(value)
      ? (colours.diverging.fill[heatStep(value, end, 'diverging')] ?? '#808080')
      : colours.token(same ? 'bg-0' : 'heat-nan');
    context.fillRect(x, y, size, THUMB_ROW_PX);
  }
};
