import { bytesOfUint, concat, readUint } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import type { RegisterPath } from '../register/path.ts';
import { printPath } from '../register/path.ts';
import type { Selection } from '../register/read.ts';
import { parseTyped, type RegisterType, typeBytes } from '../register/register-type.ts';
import { nearNames, type RegisterRow, registerRow, TILECFG_FIELDS } from '../register/registers.ts';
import { parseCount, parseNumber } from '../value/number.ts';
import { parseElement } from '../value/parse.ts';
import { type FieldRow, fieldMaximum, writeField } from '../xsave/bitfields.ts';

/*
 * A value as typed, in the type of its path, laid over the register's present bytes:
 *   whole      0x or 0b digits, shorter ones stand for leading zeros; decimal up to 64 bits
 *   field      a number, or a word of the field such as "down"
 *   element    one element
 *   lanes      as many as there are, separated by commas, lane 0 first
 *   rows       rows separated by semicolons
 */

const wrong = (path: RegisterPath, at: number, expected: string): Decoded<never> =>
  undecodable({ kind: 'syntax', what: `value for ${printPath(path)}`, at, expected });

const whole = (path: RegisterPath, row: RegisterRow, text: string): Decoded<Uint8Array> => {
  const { widthBits } = row;
  const digits = widthBits / 4;
  const written = parseNumber(text);
  // Nobody writes 512 bits in decimal: it is a value without its type, or hex digits without their 0x.
  // A register of the x87 stack is a float: bits are written in hex, everything else is its value.
  if (/^st\d$/.test(row.name) && written?.isPattern !== true) {
    const value = parseElement('f80', text);
    return value.ok ? value : wrong(path, 0, 'a decimal, such as 3.14, or 0x and up to 20 hex digits');
  }
  const isNumber = written !== null && !/^[+-]/.test(text) && (written.isPattern || widthBits <= 64);
  if (!isNumber)
    return wrong(path, 0, `0x and up to ${digits} hex digits${widthBits <= 64 ? ', 0b…, or a number' : ''}`);
  if (written.value >> BigInt(widthBits) !== 0n) return wrong(path, 0, `a value of ${widthBits} bits`);
  return decoded(bytesOfUint(written.value, widthBits / 8));
};

const fieldNumber = (path: RegisterPath, text: string, maximum: number, words: FieldRow['values']): Decoded<number> => {
  const named = Object.entries(words ?? {}).find(([, word]) => word.toLowerCase() === text.toLowerCase());
  if (named !== undefined) return decoded(Number(named[0]));
  const number = parseCount(text, maximum);
  if (number !== null) return decoded(number);
  const list = Object.values(words ?? {});
  const near = nearNames(text, list);
  const orWord = list.length === 0 ? '' : `, or one of ${list.join(', ')}`;
  return wrong(
    path,
    0,
    `a number from 0 to ${maximum}${orWord}${near.length > 0 ? ` (near: ${near.join(', ')})` : ''}`,
  );
};

const field = (path: RegisterPath, row: RegisterRow, present: Uint8Array, text: string): Decoded<Uint8Array> => {
  const part = row.name === 'tilecfg' ? TILECFG_FIELDS.find(({ name }) => name === path.field) : undefined;
  if (part !== undefined) {
    const number = fieldNumber(path, text, 2 ** (8 * part.sizeBytes) - 1, undefined);
    if (!number.ok) return number;
    const bytes = present.slice();
    const offset = part.offsetBytes + part.sizeBytes * (path.indexes[0] ?? 0);
    bytes.set(bytesOfUint(BigInt(number.value), part.sizeBytes), offset);
    return decoded(bytes);
  }
  const bits = row.fields.find(({ name }) => name === path.field);
  assert(bits !== undefined, `${row.name} has no field ${path.field}`);
  const number = fieldNumber(path, text, fieldMaximum(bits), bits.values);
  if (!number.ok) return number;
  return decoded(bytesOfUint(writeField(readUint(present, 0, present.length), bits, number.value), present.length));
};

/** Elements between separators, each with where its text begins. */
const pieces = (text: string, separator: string): { readonly text: string; readonly at: number }[] => {
  let at = 0;
  return text.split(separator).map((piece) => {
    const start = at + (piece.length - piece.trimStart().length);
    at += piece.length + separator.length;
    return { text: piece.trim(), at: start };
  });
};

const elements = (path: RegisterPath, type: RegisterType, count: number, text: string, at: number) => {
  const found = count === 0 && text.trim() === '' ? [] : pieces(text, ',');
  if (found.length !== count) return wrong(path, at, `${count} elements separated by commas, not ${found.length}`);
  const bytes: Uint8Array[] = [];
  for (const piece of found) {
    const parsed = parseTyped(type, piece.text);
    if (!parsed.ok) {
      const problem = parsed.problem;
      // The element's own place inside the whole text, where the problem has one.
      return problem.kind === 'syntax' ? wrong(path, at + piece.at + problem.at, problem.expected) : parsed;
    }
    bytes.push(parsed.value);
  }
  return decoded(concat(bytes));
};

/** Where each element lies, row after row. */
const offsetsOf = (
  selection: Extract<Selection, { kind: 'rows' | 'cells' }>,
  rowBytes: number,
): readonly (readonly number[])[] => {
  if (selection.kind === 'cells') return selection.offsets;
  const size = typeBytes(selection.type);
  return Array.from({ length: selection.rows }, (_, row) =>
    Array.from({ length: selection.columns }, (_, column) => row * rowBytes + column * size),
  );
};

/** The register's bytes with the selected part replaced by the value. */
export const overlayValue = (
  path: RegisterPath,
  present: Uint8Array,
  selection: Selection,
  text: string,
): Decoded<Uint8Array> => {
  const row = registerRow(path.register);
  assert(row !== undefined, `no register ${path.register}`);
  const trimmed = text.trim();
  if (selection.kind === 'whole') return whole(path, row, trimmed);
  if (selection.kind === 'field') return field(path, row, present, trimmed);
  const bytes = present.slice();
  if (selection.kind === 'rows' || selection.kind === 'cells') {
    const offsets = offsetsOf(selection, row.rowBytes ?? 0);
    const lines = offsets.length === 0 && trimmed === '' ? [] : pieces(text, ';');
    if (lines.length !== offsets.length || offsets.length === 0) {
      return wrong(path, 0, `${offsets.length} rows separated by semicolons, not ${lines.length}`);
    }
    const size = typeBytes(selection.type);
    for (const [index, line] of lines.entries()) {
      const places = offsets[index] ?? [];
      const parsed = elements(path, selection.type, places.length, line.text, line.at);
      if (!parsed.ok) return parsed;
      for (const [column, at] of places.entries()) {
        bytes.set(parsed.value.subarray(column * size, (column + 1) * size), at);
      }
    }
    return decoded(bytes);
  }
  const count = selection.kind === 'element' ? 1 : selection.count;
  const parsed = elements(path, selection.type, count, text, 0);
  if (!parsed.ok) return parsed;
  assert(parsed.value.length === count * typeBytes(selection.type), 'element width');
  bytes.set(parsed.value, selection.offsetBytes);
  return decoded(bytes);
};
