import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { type Decoded, decoded } from '../../../app/bits/decoded.ts';
import type { Assignment } from '../../../app/bridge.ts';
import type { Capture } from '../../../app/capture/capture.ts';
import { rawTileConfig, TILECFG_BYTES } from '../../../app/tile/config.ts';
import { ROW_STRIDE_BYTES } from '../../../app/tile/geometry.ts';
import { type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { parseTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementOffset, type Place } from '../../../app/tile/vnni.ts';
import { isElementType } from '../../../app/value/element-type.ts';
import { captureAfter, registerBytes, stagedWrite } from '../select/provenance.ts';
import type { TileConfigField } from '../state/tile-edits.ts';
import type { TileReading } from '../state/tiles.ts';

/** The type that the element has in a register path: its own, else the unsigned integer of its width. */
const pathType = (type: TileType): { readonly name: string; readonly own: boolean } => {
  const { bytes } = tileTypeRow(type);
  return isElementType(type) ? { name: type, own: true } : { name: `u${bytes * 8}`, own: false };
};

/** Where the element stands in the tile as stored: tmm2:bf16[3][7]. Types that paths do not know go by their bits. */
export const tilePath = (tile: number, { type, interpretation }: TileReading, place: Place): string => {
  const offset = elementOffset(type, interpretation, place);
  const { bytes } = tileTypeRow(type);
  const row = Math.floor(offset / ROW_STRIDE_BYTES);
  return `tmm${tile}:${pathType(type).name}[${row}][${(offset % ROW_STRIDE_BYTES) / bytes}]`;
};

/** Where it stands in the matrix that is shown: tmm2:i8:vnni[3][7]. What is watched, and written in another base. */
export const shownElement = (tile: number, { type, interpretation }: TileReading, { row, column }: Place): string =>
  `tmm${tile}:${type}${interpretation === 'vnni' ? ':vnni' : ''}[${row}][${column}]`;

/** One element typed in the type shown, as an assignment that every part of Tilescope understands. */
export const elementAssignment = (
  tile: number,
  reading: TileReading,
  place: Place,
  text: string,
): Decoded<Assignment> => {
  const path = tilePath(tile, reading, place);
  const bytes = parseTileElement(reading.type, text.trim());
  if (!bytes.ok) return bytes;
  const value = pathType(reading.type).own ? text.trim().replace(/^−/, '-') : `0x${toHexHighFirst(bytes.value)}`;
  return decoded({ path, value });
};

/**
 * A field of TILECFG and what must change with it, so that no rule of palette 1 breaks half way: rows and colsb are zero
 * together, and no tile is configured under palette 0.
 */
export const configAssignments = (
  capture: Capture,
  staged: readonly Assignment[],
  field: TileConfigField,
  tile: number | null,
  text: string,
): readonly Assignment[] => {
  if (tile === null) return [{ path: `tilecfg.${field}`, value: text }];
  const write = staged.length === 0 ? null : stagedWrite(capture, staged);
  const after = write?.ok === true ? captureAfter(capture, write.value) : capture;
  const config = rawTileConfig(registerBytes(after, 'tilecfg') ?? new Uint8Array(TILECFG_BYTES));
  const other = field === 'rows' ? 'colsb' : 'rows';
  const present = config.tiles[tile]?.[other] ?? 0;
  const isZero = /^(0x)?0+$/i.test(text);
  const full = other === 'rows' ? '16' : '64';
  const assignments = [{ path: `tilecfg.${field}[${tile}]`, value: text }];
  if (isZero && present !== 0) assignments.push({ path: `tilecfg.${other}[${tile}]`, value: '0' });
  if (!isZero && present === 0) assignments.push({ path: `tilecfg.${other}[${tile}]`, value: full });
  if (!isZero && config.paletteId === 0) assignments.unshift({ path: 'tilecfg.palette_id', value: '1' });
  return assignments;
};
