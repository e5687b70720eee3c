import { writeU16, writeU64 } from '../../bits/bytes.ts';
import type { Capture } from '../../capture/capture.ts';
import { makeCapture, makeImage, presetLayout } from '../../fixtures/preset-captures.ts';
import { encodeTileConfig, INIT_TILE_CONFIG } from '../../tile/config.ts';
import { parsePath, type RegisterPath } from '../path.ts';
import { showJson } from '../read.ts';

export const layout = presetLayout('apx');
export const bytesFrom = (size: number, start: number): Uint8Array =>
  Uint8Array.from({ length: size }, (_, at) => (start + at) & 0xff);

export const x87 = new Uint8Array(160);
writeU16(x87, 0, 0x027f);
writeU16(x87, 2, 3 << 11);
for (let slot = 0; slot < 8; slot += 1) x87.set([0x10 + slot, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f], 32 + 16 * slot);
export const tiles = [{ rows: 2, colsb: 12 }, ...INIT_TILE_CONFIG.tiles.slice(1)];
const data = new Uint8Array(8192);
for (let row = 0; row < 2; row += 1) {
  for (let column = 0; column < 3; column += 1) data[row * 64 + column * 4] = row * 10 + column;
}
const apx = new Uint8Array(128);
writeU64(apx, 8, 0x1122334455667788n);

export const image = makeImage(
  layout,
  new Map([
    [0, x87],
    [1, bytesFrom(256, 0)],
    [2, bytesFrom(256, 1)],
    [5, bytesFrom(64, 2)],
    [6, bytesFrom(512, 3)],
    [7, bytesFrom(1024, 4)],
    [9, Uint8Array.of(0x54, 0x55, 0x55, 0x55, 0, 0, 0, 0)],
    [17, encodeTileConfig({ paletteId: 1, startRow: 0, tiles })],
    [18, data],
    [19, apx],
  ]),
  0x3fa0,
);
export const capture = makeCapture('apx', image);
export const empty = makeCapture('apx', makeImage(layout, new Map()));

export const path = (text: string): RegisterPath => {
  const parsed = parsePath(text);
  if (!parsed.ok) throw new Error(`${text}: ${JSON.stringify(parsed.problem)}`);
  return parsed.value;
};
export const json = (text: string, of: Capture = capture): unknown => showJson(of, path(text));
