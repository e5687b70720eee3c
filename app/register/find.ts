import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { type ElementType, elementBytes } from '../value/element-type.ts';
import { parseElement } from '../value/parse.ts';
import { parsePath } from './path.ts';
import { readRegister } from './read.ts';
import { REGISTERS, type RegisterRow } from './registers.ts';

/** Where a value or a pattern of bytes stands in the registers and tiles of a state. */

export type FindAs = Exclude<ElementType, 'f80'> | 'bytes';

/** What is looked for: bytes in memory order, null for any byte. */
export interface Needle {
  readonly as: FindAs;
  readonly bytes: readonly (number | null)[];
  /** Elements begin at multiples of their size; a pattern of bytes may begin anywhere. */
  readonly stepBytes: number;
}

const bad = (text: string, expected: string): Decoded<never> =>
  undecodable({ kind: 'syntax', what: `"${text.slice(0, 40)}"`, at: 0, expected });

const MOST_PATTERN_BYTES = 64;

/** "de ad ?? ef", "0xdeadbeef" as it is written: the first byte is the lowest in memory. */
const patternOf = (text: string): Decoded<Needle> => {
  const plain = text.replace(/^0x/i, '').replaceAll(/[\s_]/g, '');
  const pairs = plain.match(/../g) ?? [];
  if (!/^([0-9a-f]{2}|\?\?)+$/i.test(plain)) return bad(text, 'bytes in hex, such as de ad ?? ef');
  if (pairs.length > MOST_PATTERN_BYTES) return bad(text, `${MOST_PATTERN_BYTES} bytes at most`);
  if (pairs.every((pair) => pair === '??')) return bad(text, 'a byte that is known');
  const bytes = pairs.map((pair) => (pair === '??' ? null : Number.parseInt(pair, 16)));
  return decoded({ as: 'bytes', bytes, stepBytes: 1 });
};

/** @param text a value of that type as the command line takes it, or bytes */
export const needleOf = (text: string, as: FindAs): Decoded<Needle> => {
  const trimmed = text.trim();
  if (trimmed === '') return bad(text, 'a value');
  if (as === 'bytes') return patternOf(trimmed);
  const value = parseElement(as, trimmed);
  if (!value.ok) return value;
  return decoded({ as, bytes: [...value.value], stepBytes: elementBytes(as) });
};

/** Registers that hold no bytes of their own: a view of part of another one would be found twice. */
const isLookedIn = ({ name, source }: RegisterRow, widest: string): boolean => {
  if (/^[xyz]mm\d/.test(name)) return name.startsWith(widest);
  return source.kind !== 'derived' && source.kind !== 'mm';
};

const wholeBytes = (capture: Capture, register: string): Uint8Array | null => {
  const value = readRegister(capture, { register, field: null, type: null, indexes: [] });
  // In init nothing is stored that anybody wrote.
  return value.ok && value.value.state === 'inUse' ? value.value.bytes : null;
};

const WIDEST = ['zmm', 'ymm', 'xmm'] as const;

const widestOf = (capture: Capture): string =>
  WIDEST.find((kind) => {
    const value = readRegister(capture, { register: `${kind}0`, field: null, type: null, indexes: [] });
    return value.ok && value.value.state !== 'absent';
  }) ?? 'xmm';

export const matches = (bytes: Uint8Array, at: number, { bytes: wanted }: Needle): boolean =>
  wanted.every((byte, index) => byte === null || bytes[at + index] === byte);

const pathAt = ({ name, rowBytes }: RegisterRow, needle: Needle, at: number): string => {
  const type = needle.as === 'bytes' ? 'u8' : needle.as;
  const size = needle.as === 'bytes' ? 1 : needle.stepBytes;
  if (rowBytes === null) return `${name}:${type}[${at / size}]`;
  return `${name}:${type}[${Math.floor(at / rowBytes)}][${(at % rowBytes) / size}]`;
};

/** Whether a path names something there: what lies outside a tile's shape does not. */
const isThere = (capture: Capture, path: string): boolean => {
  const parsed = parsePath(path);
  return parsed.ok && readRegister(capture, parsed.value).ok;
};

const foundIn = (capture: Capture, row: RegisterRow, needle: Needle, most: number): string[] => {
  const bytes = wholeBytes(capture, row.name);
  const size = needle.bytes.length;
  if (bytes === null || bytes.length < size) return [];
  const isScalar = bytes.length <= 8 && !/^st\d/.test(row.name);
  // A scalar register is one number: a part of it is no element, and shorter numbers stand in it with zeros above.
  if (isScalar && needle.as !== 'bytes') {
    const rest = bytes.subarray(size);
    return matches(bytes, 0, needle) && rest.every((byte) => byte === 0) && !needle.as.includes('f') ? [row.name] : [];
  }
  const found: string[] = [];
  for (let at = 0; at + size <= bytes.length && found.length < most; at += needle.stepBytes) {
    if (!matches(bytes, at, needle)) continue;
    if (row.rowBytes !== null && (at % row.rowBytes) + size > row.rowBytes) continue;
    const path = isScalar ? row.name : pathAt(row, needle, at);
    if (!found.includes(path) && isThere(capture, path)) found.push(path);
  }
  return found;
};

export interface Found {
  /** As on the command line, in the order of the registers. */
  readonly paths: readonly string[];
  /** There are more, which are not named. */
  readonly isCut: boolean;
}

/** Every place that holds it, `most` at most. Components in init hold nothing that was written, and are not looked in. */
export const findIn = (capture: Capture, needle: Needle, most: number): Found => {
  const widest = widestOf(capture);
  const paths: string[] = [];
  for (const row of REGISTERS) {
    if (!isLookedIn(row, widest)) continue;
    paths.push(...foundIn(capture, row, needle, most + 1 - paths.length));
    if (paths.length > most) return { paths: paths.slice(0, most), isCut: true };
  }
  return { paths, isCut: false };
};
