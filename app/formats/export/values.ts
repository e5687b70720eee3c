import { concat, hexDump } from '../../bits/bytes.ts';
import { type Decoded, decoded, undecodable } from '../../bits/decoded.ts';
import type { Capture } from '../../capture/capture.ts';
import { printPath, type RegisterPath } from '../../register/path.ts';
import { readRegister } from '../../register/read.ts';
import { plainType, type RegisterType, typeBytes } from '../../register/register-type.ts';
import { ROW_STRIDE_BYTES } from '../../tile/geometry.ts';
import { type ElementType, elementBytes } from '../../value/element-type.ts';

/** What a register path selects, taken out of its register: elements one after the other, row after row. */
export interface Values {
  /** The path's canonical text. */
  readonly path: string;
  readonly type: ElementType;
  /** No number: one element; one: a vector's lanes or a tile's row; two: rows and columns of a tile. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
  readonly isInit: boolean;
}

const refuse = (path: RegisterPath, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: printPath(path), why });

/** The values of a path, or why there are none. A path without a type gives the register's bytes as u8. */
export const valuesOf = (capture: Capture, path: RegisterPath): Decoded<Values> => {
  const read = readRegister(capture, path);
  if (!read.ok) return read;
  if (read.value.state === 'absent') return refuse(path, 'this image has no room for it');
  if (read.value.state === 'not-known') return refuse(path, read.value.why);
  const { bytes, selection, state } = read.value;
  // A type that other programs have no name for goes as its bits.
  const made = (type: RegisterType, shape: readonly number[], selected: Uint8Array): Decoded<Values> =>
    decoded({ path: printPath(path), type: plainType(type), shape, bytes: selected, isInit: state === 'init' });
  switch (selection.kind) {
    case 'field':
      return refuse(path, 'a field has no elements');
    case 'whole':
      return made('u8', [bytes.length], bytes);
    case 'element': {
      const size = typeBytes(selection.type);
      return made(selection.type, [], bytes.subarray(selection.offsetBytes, selection.offsetBytes + size));
    }
    case 'lanes': {
      const size = selection.count * typeBytes(selection.type);
      return made(
        selection.type,
        [selection.count],
        bytes.subarray(selection.offsetBytes, selection.offsetBytes + size),
      );
    }
    case 'cells': {
      const size = typeBytes(selection.type);
      const cells = selection.offsets.flat().map((at) => bytes.subarray(at, at + size));
      const columns = selection.offsets[0]?.length ?? 0;
      return made(selection.type, selection.isRow ? [columns] : [selection.offsets.length, columns], concat(cells));
    }
    case 'rows': {
      const size = selection.columns * typeBytes(selection.type);
      const rows = Array.from({ length: selection.rows }, (_, row) =>
        bytes.subarray(row * ROW_STRIDE_BYTES, row * ROW_STRIDE_BYTES + size),
      );
      return made(selection.type, [selection.rows, selection.columns], concat(rows));
    }
  }
};

/** Rows of elements, each made by one function; a vector is one row, an element one row of one. */
export const rowsOf = <T>(values: Values, one: (type: ElementType, bytes: Uint8Array, at: number) => T): T[][] => {
  const size = elementBytes(values.type);
  const columns = values.shape.at(-1) ?? 1;
  const rows = values.shape.length === 2 ? (values.shape[0] ?? 0) : 1;
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: columns }, (_, column) => one(values.type, values.bytes, (row * columns + column) * size)),
  );
};

/** A name that C, Python and file systems take: "zmm5:i32[3]" gives "zmm5_i32_3". */
export const identifierOf = (path: string): string => path.replaceAll(/[^A-Za-z0-9]+/g, '_').replace(/_+$/, '');

/** The selected bytes in rows of sixteen, with a line of what they are. */
export const hexOfValues = (values: Values): string =>
  `${values.path}, ${values.bytes.length} bytes\n${hexDump(values.bytes)}\n`;
