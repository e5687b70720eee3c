import { readU8, readU16, readU32 } from '../../../app/bits/bytes.ts';
import type { ProductDifference } from '../../../app/tile/product-compare.ts';
import { type TileType, tileTypeRow } from '../../../app/tile/tile-type.ts';
import { printFittedTileElement } from '../../../app/tile/tile-type-text.ts';
import { elementAt, elementOffset } from '../../../app/tile/vnni.ts';
import type { TileLook } from '../../store/state/tiles.ts';
import type { TileScene } from '../../store/tiles/tile-scenes.ts';
import type { BasedElements } from '../../store/view/based-elements.ts';
import { minus } from '../../wording.ts';
import { deviceRatio } from '../../zoom.ts';
import { basedDigits } from '../registers/element-text.ts';
import { heatStep, type TileColours } from './heat.ts';
import { notationText } from './notation.ts';
import type { TileGeometry } from './tile-geometry.ts';

export interface TilePicture {
  readonly scene: TileScene;
  readonly geometry: TileGeometry;
  readonly look: TileLook;
  readonly scaleEnd: number;
  readonly differences: readonly ProductDifference[];
  readonly colours: TileColours;
  /** What is written in another base. */
  readonly based: BasedElements;
}

const fontOf = (fontPx: number, isStrong: boolean): string =>
  `${isStrong ? 700 : 450} ${fontPx}px "JetBrains Mono", monospace`;

const texts = new Map<string, Map<number, string>>();
const MOST_TEXTS = 40_000;

const bitsAt = (size: number, bytes: Uint8Array, offset: number): number =>
  size === 1 ? readU8(bytes, offset) : size === 2 ? readU16(bytes, offset) : readU32(bytes, offset);

/** The text of an element for a cell; the same bits have the same text, so each is printed once. */
const fittedElement = (type: TileType, bytes: Uint8Array, offset: number, characters: number): string => {
  const key = `${type} ${characters}`;
  let table = texts.get(key);
  if (table === undefined || table.size > MOST_TEXTS) {
    table = new Map();
    texts.set(key, table);
  }
  const bits = bitsAt(tileTypeRow(type).bytes, bytes, offset);
  const known = table.get(bits);
  if (known !== undefined) return known;
  const text = printFittedTileElement(type, bytes, offset, characters);
  table.set(bits, text);
  return text;
};

/** What stands in a cell, in the notation of its matrix, or in the base chosen for it; NaN and infinities in words. */
const textOf = ({ scene, geometry, based }: TilePicture, index: number, value: number, offset: number): string => {
  const { matrix } = scene;
  const { notation, characters } = geometry;
  if (notation === null) return '';
  const own = based.get(index);
  const digits = own === undefined ? null : basedDigits(own, characters);
  if (digits !== null) return digits;
  if (notation.kind === 'each' || !Number.isFinite(value))
    return fittedElement(matrix.type, matrix.bytes, offset, characters);
  return notationText(value, notation).replace(/^-/, '\u2212');
};

/** In the smallest font, which has two lines in the lowest row. */
const TWO_LINES = { fontPx: 10, digitPx: 6.02, rowFromPx: 20, apartPx: 8.5 };

/** Its digits in two lines, where one holds not all of them and two do; null: one holds them, or two do not either. */
const twoLines = ({ geometry, based, look }: TilePicture, index: number): readonly [string, string] | null => {
  const own = look === 'heat' ? undefined : based.get(index);
  if (own === undefined || geometry.rowPx < TWO_LINES.rowFromPx) return null;
  if (geometry.notation !== null && basedDigits(own, geometry.characters) !== null) return null;
  const digits = minus(own.replace(/^0[xb]/, '').replaceAll('_', ''));
  const half = Math.ceil(digits.length / 2);
  if (half * TWO_LINES.digitPx + 3 > geometry.cellPx) return null;
  return [digits.slice(0, -half), digits.slice(-half)];
};

const hatchOf = (context: CanvasRenderingContext2D, colour: string): CanvasPattern | string => {
  const tile = document.createElement('canvas');
  tile.width = 8;
  tile.height = 8;
  const ink = tile.getContext('2d');
  if (ink === null) return colour;
  ink.strokeStyle = colour;
  ink.lineWidth = 1.5;
  for (const shift of [-8, 0, 8]) {
    ink.beginPath();
    ink.moveTo(shift - 1, 9);
    ink.lineTo(shift + 9, -1);
    ink.stroke();
  }
  return context.createPattern(tile, 'repeat') ?? colour;
};

/** Gives the canvas its size in device pixels and a context in CSS px; clears what was drawn. */
export const contextFor = (
  canvas: HTMLCanvasElement,
  widthPx: number,
  heightPx: number,
): CanvasRenderingContext2D | null => {
  const ratio = deviceRatio();
  canvas.width = Math.round(widthPx * ratio);
  canvas.height = Math.round(heightPx * ratio);
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.imageSmoothingEnabled = false;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
};

interface Ink {
  readonly fill: string | CanvasPattern | null;
  readonly text: string;
  readonly isWord: boolean;
}

const inkOf = (picture: TilePicture, value: number, nanHatch: CanvasPattern | string): Ink => {
  const { look, colours, scene, scaleEnd } = picture;
  const { token } = colours;
  if (look === 'numbers') {
    const isWord = !Number.isFinite(value);
    return { fill: null, text: value === 0 ? token('state-init') : token('text-1'), isWord };
  }
  if (Number.isNaN(value)) return { fill: nanHatch, text: token('heat-nan'), isWord: true };
  if (!Number.isFinite(value)) return { fill: token('heat-inf'), text: token('bg-1'), isWord: true };
  const kind = tileTypeRow(scene.reading.type).scale;
  const step = heatStep(value, scaleEnd, kind);
  const scale = colours[kind];
  const text = value === 0 ? token('state-init') : (scale.text[step] ?? '#ffffff');
  return { fill: scale.fill[step] ?? null, text, isWord: false };
};

const MARKED = {
  changed: 'state-changed',
  staged: 'state-staged',
  refused: 'state-refused',
  written: 'state-verified',
} as const;

/** 6 px wide. */
const OCTAGON = [
  [3, 1],
  [5, 1],
  [7, 3],
  [7, 5],
  [5, 7],
  [3, 7],
  [1, 5],
  [1, 3],
] as const;

/** The sign of a mark in the upper left corner, so that the colour is never alone: triangle, stroke, octagon, tick. */
const drawMark = (
  context: CanvasRenderingContext2D,
  mark: keyof typeof MARKED,
  colour: string,
  x: number,
  y: number,
  { cellPx, rowPx }: TileGeometry,
): void => {
  context.fillStyle = colour;
  context.strokeStyle = colour;
  context.lineWidth = 1.5;
  context.beginPath();
  if (cellPx < 40 && mark !== 'refused') {
    // No digit is covered where there is no room beside it: a bar on the upper edge.
    context.fillRect(x, y, cellPx - 1, 2);
    return;
  }
  if (mark === 'changed') {
    context.moveTo(x + 4, y + 1);
    context.lineTo(x + 7, y + 6);
    context.lineTo(x + 1, y + 6);
    context.fill();
    return;
  }
  if (mark === 'refused') {
    context.lineWidth = 1;
    context.strokeRect(x + 0.5, y + 0.5, cellPx - 2, rowPx - 2);
    // In a low row its usual place reaches down to the digits.
    const upPx = rowPx < 22 ? 1 : 0;
    for (const [across, down] of OCTAGON) context.lineTo(x + across, y + down - upPx);
    context.fill();
    return;
  }
  if (mark === 'staged') {
    context.fillRect(x, y + rowPx - 3, cellPx - 1, 2);
    context.moveTo(x + 1.5, y + 6.5);
    context.lineTo(x + 6.5, y + 1.5);
  } else {
    context.moveTo(x + 1.5, y + 4);
    context.lineTo(x + 3.5, y + 6);
    context.lineTo(x + 7, y + 2);
  }
  context.stroke();
};

const drawCells = (context: CanvasRenderingContext2D, picture: TilePicture): void => {
  const { scene, geometry, colours } = picture;
  // Without room for numbers it is heat, whatever is asked for: never empty.
  const look = geometry.notation === null ? 'heat' : picture.look;
  const { matrix, values, marks } = scene;
  const { cellPx, rowPx, fontPx, notation } = geometry;
  const paddingPx = tileTypeRow(matrix.type).bytes === 1 ? 4 : fontPx === 10 ? 4 : 6;
  const nanHatch = hatchOf(context, colours.token('heat-nan'));
  for (let row = 0; row < matrix.rows; row += 1) {
    for (let column = 0; column < matrix.columns; column += 1) {
      const index = row * matrix.columns + column;
      const value = values[index] ?? 0;
      const mark = marks[index] ?? 'none';
      // Over the heat map a guest's change of nearly every element would hide the values: the inspector says it.
      const shown = mark === 'none' || (mark === 'changed' && look !== 'numbers') ? null : MARKED[mark];
      const ink = inkOf({ ...picture, look }, value, nanHatch);
      const fill = shown === null ? ink.fill : colours.token(`${shown}-bg`);
      const x = column * cellPx;
      const y = row * rowPx;
      if (fill !== null) {
        context.fillStyle = fill;
        context.fillRect(x, y, Math.max(1, cellPx - (cellPx < 8 ? 0 : 1)), Math.max(1, rowPx - (rowPx < 8 ? 0 : 1)));
      }
      if (shown !== null && mark !== 'none') drawMark(context, mark, colours.token(shown), x, y, geometry);
      const lines = twoLines(picture, index);
      if (lines !== null) {
        if (Number.isNaN(value) && shown === null && look !== 'numbers') {
          context.fillStyle = colours.token('bg-1');
          context.fillRect(x + 1, y + 1, cellPx - 3, rowPx - 3);
        }
        context.fillStyle = shown === null ? ink.text : colours.token(shown);
        context.font = fontOf(TWO_LINES.fontPx, false);
        for (const [at, line] of lines.entries())
          context.fillText(line, x + cellPx - 2, y + rowPx / 2 + (at - 0.5) * TWO_LINES.apartPx);
        continue;
      }
      if (notation === null) continue;
      const offset = elementOffset(matrix.type, matrix.interpretation, { row, column });
      context.fillStyle = shown === null ? ink.text : colours.token(shown);
      context.font = fontOf(fontPx, ink.isWord || mark === 'staged' || mark === 'refused');
      const text = textOf(picture, index, value, offset);
      if (Number.isNaN(value) && shown === null && look !== 'numbers') {
        // A word on a hatch of its own colour cannot be read: it stands on a plate.
        const width = context.measureText(text).width + 4;
        context.fillStyle = colours.token('bg-1');
        context.fillRect(x + cellPx - paddingPx + 2 - width, y + 3, width, rowPx - 7);
        context.fillStyle = ink.text;
      }
      context.fillText(text, x + cellPx - paddingPx, y + rowPx / 2 + 0.5);
    }
  }
};

/** What lies outside rows × colsb: hatched, and where it is not zero its text in the colour of attention. */
const drawOutside = (context: CanvasRenderingContext2D, picture: TilePicture): void => {
  const { scene, geometry, colours } = picture;
  const { matrix, outside } = scene;
  const { cellPx, rowPx, widthPx, heightPx, characters, notation, fontPx } = geometry;
  if (geometry.rows === matrix.rows && geometry.columns === matrix.columns) return;
  const right = matrix.columns * cellPx;
  const bottom = matrix.rows * rowPx;
  context.fillStyle = hatchOf(context, colours.token('hatch'));
  context.fillRect(right, 0, widthPx - right, bottom);
  context.fillRect(0, bottom, widthPx, heightPx - bottom);
  context.fillStyle = colours.token('bg-1');
  for (let column = 0; column <= geometry.columns; column += 1) {
    const from = column <= matrix.columns ? bottom : 0;
    context.fillRect(column * cellPx - 1, from, 1, heightPx - from);
  }
  for (let row = 0; row <= geometry.rows; row += 1) {
    const from = row <= matrix.rows ? right : 0;
    context.fillRect(from, row * rowPx - 1, widthPx - from, 1);
  }
  context.font = fontOf(fontPx, false);
  const seen = new Set<string>();
  for (const offset of outside) {
    const { row, column } = elementAt(matrix.type, matrix.interpretation, offset);
    const key = `${row} ${column}`;
    if (seen.has(key)) continue;
    seen.add(key);
    const x = column * cellPx;
    const y = row * rowPx;
    context.fillStyle = colours.token('bg-1');
    context.fillRect(x, y, cellPx - 1, rowPx - 1);
    context.fillStyle = colours.token('state-warn');
    if (notation === null) context.fillRect(x + 2, y + 6, cellPx - 5, rowPx - 13);
    else {
      const at = elementOffset(matrix.type, matrix.interpretation, { row, column });
      context.fillText(fittedElement(matrix.type, matrix.bytes, at, characters), x + cellPx - 6, y + rowPx / 2 + 0.5);
    }
  }
};

/** The ring alone: its badge stands above the focus ring, and so in the page. */
const drawDifferences = (context: CanvasRenderingContext2D, { geometry, colours, differences }: TilePicture): void => {
  for (const { row, column } of differences) {
    const x = column * geometry.cellPx;
    const y = row * geometry.rowPx;
    context.strokeStyle = colours.token('state-refused');
    context.lineWidth = 2;
    context.strokeRect(x + 1, y + 1, geometry.cellPx - 3, geometry.rowPx - 3);
  }
};

/** Draws a tile large. Everything on it is decided by the picture: the same picture is the same drawing. */
export const drawTile = (canvas: HTMLCanvasElement, picture: TilePicture): void => {
  const { geometry, scene, colours } = picture;
  const context = contextFor(canvas, geometry.widthPx + 1, geometry.heightPx + 1);
  if (context === null) return;
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  drawCells(context, picture);
  drawOutside(context, picture);
  const { rows, columns } = scene.matrix;
  if (rows > 0 && columns > 0) {
    context.strokeStyle = colours.token('text-1');
    context.lineWidth = 1;
    context.strokeRect(0.5, 0.5, columns * geometry.cellPx - 1, rows * geometry.rowPx - 1);
  }
  drawDifferences(context, picture);
};

export const THUMB_ROW_PX = 3;

/** The tile small: 1 px a byte, 3 px a row, as it lies in the register, each element in one colour. */
export const drawThumbnail = (
  canvas: HTMLCanvasElement,
  picture: Pick<TilePicture, 'scene' | 'colours' | 'scaleEnd'>,
  rowPx = THUMB_ROW_PX,
): void => {
  const { scene, colours, scaleEnd } = picture;
  const context = contextFor(canvas, 64, 16 * rowPx);
  if (context === null) return;
  const { type } = scene.reading;
  const { bytes: size, read, scale } = tileTypeRow(type);
  context.fillStyle = hatchOf(context, colours.token('hatch'));
  context.fillRect(0, 0, 64, 16 * rowPx);
  const { rows, colsb } = scene.extent;
  for (let row = 0; row < rows; row += 1) {
    for (let byte = 0; byte + size <= colsb; byte += size) {
      const value = read(scene.matrix.bytes, row * 64 + byte);
      context.fillStyle = Number.isNaN(value)
        ? colours.token('heat-nan')
        : Number.isFinite(value)
          ? (colours[scale].fill[heatStep(value, scaleEnd, scale)] ?? '#808080')
          : colours.token('heat-inf');
      context.fillRect(byte, row * rowPx, size, rowPx);
    }
  }
};
