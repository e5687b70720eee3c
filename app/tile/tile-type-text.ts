import { bytesOfUint, concat, readU8, readU32 } from '../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { FloatFormat } from '../value/float-format.ts';
import { patternBits } from '../value/float-format.ts';
import { parseElement, parseFloatText } from '../value/parse.ts';
import {
  DOES_NOT_FIT,
  printElement,
  printExact,
  printExactAmong,
  printExactFloat,
  printFitted,
  printFittedFloat,
  printFloat,
} from '../value/print.ts';
import { isF32Nan, tf32Bits } from './float-bits.ts';
import { type TileType, tileTypeRow } from './tile-type.ts';

/** Only tf32 stores bits that its format does not have: the lowest of its f32. */
const unusedLowBits = (bytes: number, format: FloatFormat): number => bytes * 8 - patternBits(format);

const patternOf = (bytes: Uint8Array, offsetBytes: number, sizeBytes: number, format: FloatFormat): bigint =>
  sizeBytes === 1
    ? BigInt(readU8(bytes, offsetBytes))
    : storedTf32(readU32(bytes, offsetBytes)) >> BigInt(unusedLowBits(sizeBytes, format));

/** As stored: a signaling NaN stays one, unless cutting made an infinity of it; then as an instruction would take it. */
const storedTf32 = (bits: number): bigint =>
  BigInt(isF32Nan(bits) && !isF32Nan(bits & 0xffff_e000) ? tf32Bits(bits) : (bits & 0xffff_e000) >>> 0);

const withSign = (text: string): string => (/^[-−]/.test(text) ? text : `+${text}`);

/**
 * The element as text that parseTileElement reads back: integers in decimal, floats as the shortest decimal that reads
 * back in the same type, complex numbers as 1.5-2i. What tf32 does not use of its dword is not told.
 */
export const printTileElement = (type: TileType, bytes: Uint8Array, offsetBytes: number): string =>
  printed(type, bytes, offsetBytes, printElement, printFloat);

/** The same with every digit of a float's value, where it has 16 bits or fewer. */
export const printExactTileElement = (type: TileType, bytes: Uint8Array, offsetBytes: number): string =>
  printed(type, bytes, offsetBytes, printExact, printExactFloat);

/** The same where it is one reading of the bytes among others: very many digits are left. */
export const printExactTileElementAmong = (type: TileType, bytes: Uint8Array, offsetBytes: number): string =>
  printed(type, bytes, offsetBytes, printExactAmong, printExactFloat);

const printed = (
  type: TileType,
  bytes: Uint8Array,
  offsetBytes: number,
  element: typeof printElement,
  float: typeof printFloat,
): string => {
  const { text, bytes: sizeBytes } = tileTypeRow(type);
  switch (text.kind) {
    case 'element':
      return element(text.type, bytes, offsetBytes);
    case 'format':
      return float(patternOf(bytes, offsetBytes, sizeBytes, text.format), text.format);
    case 'complex':
      return `${element('f16', bytes, offsetBytes)}${withSign(element('f16', bytes, offsetBytes + 2))}i`;
  }
};

/** The element for a cell of so many characters, as printFitted; a complex number shares them between its parts. */
export const printFittedTileElement = (
  type: TileType,
  bytes: Uint8Array,
  offsetBytes: number,
  maxCharacters: number,
): string => {
  const { text, bytes: sizeBytes } = tileTypeRow(type);
  switch (text.kind) {
    case 'element':
      return printFitted(text.type, bytes, offsetBytes, maxCharacters);
    case 'format':
      return printFittedFloat(patternOf(bytes, offsetBytes, sizeBytes, text.format), text.format, maxCharacters);
    case 'complex':
      return fittedComplex(bytes, offsetBytes, maxCharacters);
  }
};

const fittedComplex = (bytes: Uint8Array, offsetBytes: number, maxCharacters: number): string => {
  // The sign of the imaginary part is written even where it is a plus; the i takes one more.
  const room = maxCharacters - 1;
  if (room < 3) return DOES_NOT_FIT;
  const wholeIm = withSign(printFitted('f16', bytes, offsetBytes + 2, room));
  const re = printFitted('f16', bytes, offsetBytes, Math.max(room - wholeIm.length, Math.floor((room - 1) / 2)));
  const left = room - re.length;
  const im = wholeIm.length <= left ? wholeIm : withSign(printFitted('f16', bytes, offsetBytes + 2, left - 1));
  const isWhole = im.length <= left && !re.includes(DOES_NOT_FIT) && !im.includes(DOES_NOT_FIT);
  return isWhole ? `${re}${im}i` : DOES_NOT_FIT;
};

/** Where the imaginary part of a complex number begins: the last sign that is neither the first nor an exponent's. */
const COMPLEX = /^(?:(.*[^ep])(?=[+-]))?([+-]?[^+-]*(?:[ep][+-]?[0-9]+)?)i$/i;

const parseComplex = (text: string): Decoded<Uint8Array> => {
  const plain = text.trim().replaceAll('−', '-').replaceAll(' ', '');
  const match = COMPLEX.exec(plain);
  const isReal = !/i$/i.test(plain);
  if (match === null && !isReal) {
    return undecodable({ kind: 'syntax', what: `"${text.slice(0, 40)}"`, at: 0, expected: 'a complex number: 1.5-2i' });
  }
  const re = parseElement('f16', isReal ? plain : (match?.[1] ?? '0'));
  if (!re.ok) return re;
  const imText = isReal ? '0' : (match?.[2] ?? '');
  const im = parseElement('f16', /^[+-]?$/.test(imText) ? `${imText}1` : imText);
  return im.ok ? decoded(concat([re.value, im.value])) : im;
};

/**
 * The bytes of an element from text, rounded once to nearest even; what does not fit is refused with the range. 0x and
 * all digits are the element's bits: of tf32 and of a complex number those of the whole dword.
 */
export const parseTileElement = (type: TileType, text: string): Decoded<Uint8Array> => {
  const { text: way, bytes } = tileTypeRow(type);
  if (bytes === 4 && way.kind !== 'element' && /^\s*0x[0-9a-f]+\s*$/i.test(text)) return parseElement('f32', text);
  switch (way.kind) {
    case 'element':
      return parseElement(way.type, text);
    case 'format': {
      const pattern = parseFloatText(type, text, way.format);
      if (!pattern.ok) return pattern;
      return decoded(bytesOfUint(pattern.value << BigInt(unusedLowBits(bytes, way.format)), bytes));
    }
    case 'complex':
      return parseComplex(text);
  }
};
