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

/** Any type at all, or one. */
export type FindAsAny = FindAs | 'any';

/** The wide ones first: a place is told once, in the widest type that the text fits there. */
const OF_ANY = ['f64', 'f32', 'f16', 'bf16', 'u64', 'i64', 'u32', 'i32', 'u16', 'i16', 'u8', 'i8'] as const;

/**
 * What is looked for where no type is said: the value in each type that it fits, or bytes in memory order where it is written as
 * bytes ("de ad ?? ef").
 *
 * @param text a value as the command line takes it, or bytes
 */
export const needlesOf = (text: string, as: FindAsAny): Decoded<readonly Needle[]> => {
  const trimmed = text.trim();
  if (as !== 'any' || trimmed === '' || /\?|[0-9a-f]{2}\s+[0-9a-f?]{2}/i.test(trimmed)) {
    const one = needleOf(trimmed, as === 'any' ? 'bytes' : as);
    return one.ok ? decoded([one.value]) : one;
  }
  // Hex of so many digits is bits of a number: as a float it would be its pattern, found as the integer is.
  const types = /^[-+]?0[xb]/i.test(trimmed) ? OF_ANY.filter((type) => !type.includes('f')) : OF_ANY;
  const needles = types.flatMap((type) => {
    const needle = needleOf(trimmed, type);
    return needle.ok ? [needle.value] : [];
  });
  const once = needles.filter(
    ({ bytes }, at) => needles.findIndex((other) => other.bytes.join() === bytes.join()) === at,
  );
  return once.length > 0
    ? decoded(once.sort((a, b) => b.bytes.length - a.bytes.length))
    : bad(text, 'a value, or bytes such as de ad ?? ef');
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

/** Where something was found already: the first byte of a place, and the one behind its last. */
type Taken = (readonly [from: number, end: number])[];

const foundIn = (
  capture: Capture,
  row: RegisterRow,
  bytes: Uint8Array,
  needle: Needle,
  taken: Taken,
  most: number,
): string[] => {
  const size = needle.bytes.length;
  if (bytes.length < size) return [];
  const isScalar = bytes.length <= 8 && !/^st\d/.test(row.name);
  // A scalar register is one number: a part of it is no element, and shorter numbers stand in it with zeros above.
  if (isScalar && needle.as !== 'bytes') {
    const rest = bytes.subarray(size);
    const isFound =
      taken.length === 0 && matches(bytes, 0, needle) && rest.every((byte) => byte === 0) && !needle.as.includes('f');
    if (isFound) taken.push([0, bytes.length]);
    return isFound ? [row.name] : [];
  }
  const found: string[] = [];
  const before = taken.slice();
  for (let at = 0; at + size <= bytes.length && found.length < most; at += needle.stepBytes) {
    if (!matches(bytes, at, needle)) continue;
    if (before.some(([from, end]) => at >= from && at + size <= end)) continue;
    if (row.rowBytes !== null && (at % row.rowBytes) + size > row.rowBytes) continue;
    const path = isScalar ? row.name : pathAt(row, needle, at);
    if (found.includes(path) || !isThere(capture, path)) continue;
    found.push(path);
    taken.push([at, at + size]);
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
export const findIn = (capture: Capture, needles: readonly Needle[], most: number): Found => {
  const widest = widestOf(capture);
  const paths: string[] = [];
  for (const row of REGISTERS) {
    if (!isLookedIn(row, widest)) continue;
    const bytes = wholeBytes(capture, row.name);
    if (bytes === null) continue;
    const taken: Taken = [];
    for (const needle of needles) {
      paths.push(...foundIn(capture, row, bytes, needle, taken, most + 1 - paths.length));
    }
    if (paths.length > most) return { paths: paths.slice(0, most), isCut: true };
  }
  return { paths, isCut: false };
};
