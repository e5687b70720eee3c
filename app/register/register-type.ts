import type { Decoded } from '../bits/decoded.ts';
import { TILE_TYPES, type TileType, tileTypeRow } from '../tile/tile-type.ts';
import { parseTileElement, printTileElement } from '../tile/tile-type-text.ts';
import { ELEMENT_TYPES, type ElementType, elementBytes, isElementType } from '../value/element-type.ts';
import { parseElement } from '../value/parse.ts';
import { jsonElement, printElement } from '../value/print.ts';

/**
 * What the elements of a register can be read as: numbers of every kind that registers hold, and the types that tiles alone
 * have a unit for. A new type is a new row of one of the two tables.
 */
export type RegisterType = ElementType | TileType;

export const REGISTER_TYPES: readonly RegisterType[] = [
  ...ELEMENT_TYPES.map(({ name }) => name),
  ...TILE_TYPES.map(({ name }) => name).filter((name) => !isElementType(name)),
];

const NAMES: ReadonlySet<string> = new Set(REGISTER_TYPES);

export const isRegisterType = (text: string): text is RegisterType => NAMES.has(text);

export const isTileType = (type: RegisterType): type is TileType => TILE_TYPES.some(({ name }) => name === type);

export const typeBytes = (type: RegisterType): number =>
  isElementType(type) ? elementBytes(type) : tileTypeRow(type).bytes;

/** The type that has the same bits and that every reader of numbers knows: its own, else the unsigned one of its width. */
export const plainType = (type: RegisterType): ElementType =>
  isElementType(type) ? type : ({ 1: 'u8', 2: 'u16', 4: 'u32' } as const)[tileTypeRow(type).bytes];

/** The element as text that parseTyped reads back. */
export const printTyped = (type: RegisterType, bytes: Uint8Array, offsetBytes: number): string =>
  isElementType(type) ? printElement(type, bytes, offsetBytes) : printTileElement(type, bytes, offsetBytes);

/** The element for JSON: a number where JSON holds it without loss, else the text; of a complex number the text. */
export const jsonTyped = (type: RegisterType, bytes: Uint8Array, offsetBytes: number): number | string => {
  if (isElementType(type)) return jsonElement(type, bytes, offsetBytes);
  const text = printTileElement(type, bytes, offsetBytes);
  const value = Number(text);
  return Number.isFinite(value) && !Object.is(value, -0) ? value : text;
};

export const parseTyped = (type: RegisterType, text: string): Decoded<Uint8Array> =>
  isElementType(type) ? parseElement(type, text) : parseTileElement(type, text);
