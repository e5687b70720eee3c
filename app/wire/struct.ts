import { readI32, readU32, readU64, writeI32, writeU32, writeU64 } from '../bits/bytes.ts';
import { assert, type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { textFromField, utf8FromText } from '../bits/text.ts';

/** A field's type in C: a number is a char array of that many bytes, padded with NUL. */
export type FieldType = 'u32' | 'i32' | 'u64' | number;
export type Fields = Readonly<Record<string, FieldType>>;

type ValueOf<T extends FieldType> = T extends 'u64' ? bigint : T extends number ? string : number;
export type StructValue<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

/** A struct of native/wire/protocol.h. A test compares sizes and offsets with what a C compiler makes of the header. */
export interface Struct<F extends Fields> {
  /** The name in native/wire/protocol.h. */
  readonly name: string;
  readonly bytes: number;
  readonly fields: readonly {
    readonly name: keyof F & string;
    readonly type: FieldType;
    readonly offsetBytes: number;
  }[];
}

const sizeOf = (type: FieldType): number => (typeof type === 'number' ? type : type === 'u64' ? 8 : 4);
const alignmentOf = (type: FieldType): number => (typeof type === 'number' ? 1 : sizeOf(type));
const roundUp = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

/** Fields in order, each at its natural alignment, as the x86-64 ABI lays a struct out. */
export const struct = <const F extends Fields>(name: string, fields: F): Struct<F> => {
  let offsetBytes = 0;
  let alignment = 1;
  const rows = Object.entries(fields).map(([field, type]) => {
    offsetBytes = roundUp(offsetBytes, alignmentOf(type));
    alignment = Math.max(alignment, alignmentOf(type));
    const row = { name: field, type, offsetBytes };
    offsetBytes += sizeOf(type);
    return row;
  });
  return { name, bytes: roundUp(offsetBytes, alignment), fields: rows };
};

/** A struct at an offset; bytes behind it are not looked at. A problem where the bytes end before it does. */
export const readStruct = <F extends Fields>(
  shape: Struct<F>,
  bytes: Uint8Array,
  offsetBytes: number,
  what: string,
): Decoded<StructValue<F>> => {
  const neededBytes = offsetBytes + shape.bytes;
  if (neededBytes > bytes.length) {
    return undecodable({ kind: 'truncated', what, neededBytes, gotBytes: bytes.length });
  }
  const read = (type: FieldType, at: number): number | bigint | string => {
    if (type === 'u64') return readU64(bytes, at);
    if (type === 'u32') return readU32(bytes, at);
    if (type === 'i32') return readI32(bytes, at);
    return textFromField(bytes.subarray(at, at + type));
  };
  const entries = shape.fields.map((field) => [field.name, read(field.type, offsetBytes + field.offsetBytes)]);
  return decoded(Object.fromEntries(entries) as StructValue<F>);
};

/** A number beyond its field would come out as another one. Text is cut, as its reader expects. */
const fits = (type: FieldType, value: number | bigint | string): boolean => {
  if (typeof value === 'string') return typeof type === 'number';
  if (typeof value === 'bigint') return type === 'u64' && value >= 0n && value < 1n << 64n;
  if (!Number.isInteger(value)) return false;
  if (type === 'i32') return value >= -(2 ** 31) && value < 2 ** 31;
  return type === 'u32' && value >= 0 && value < 2 ** 32;
};

/** A struct in its own bytes, little-endian; text is cut to a byte less than its field. Throws where a number does not fit. */
export const writeStruct = <F extends Fields>(shape: Struct<F>, value: StructValue<F>): Uint8Array => {
  const bytes = new Uint8Array(shape.bytes);
  for (const { name, type, offsetBytes } of shape.fields) {
    const field: number | bigint | string = value[name];
    assert(fits(type, field), `${String(field)} does not fit ${shape.name}.${name}`);
    if (typeof field === 'bigint') writeU64(bytes, offsetBytes, field);
    else if (typeof field === 'string') bytes.set(utf8FromText(field).subarray(0, sizeOf(type) - 1), offsetBytes);
    else if (type === 'i32') writeI32(bytes, offsetBytes, field);
    else writeU32(bytes, offsetBytes, field);
  }
  return bytes;
};

/** So many structs from an offset on. The count is checked against the bytes there before anything is read. */
export const readStructs = <F extends Fields>(
  shape: Struct<F>,
  count: number,
  bytes: Uint8Array,
  offsetBytes: number,
  what: string,
): Decoded<StructValue<F>[]> => {
  const neededBytes = offsetBytes + count * shape.bytes;
  if (neededBytes > bytes.length) {
    return undecodable({ kind: 'truncated', what, neededBytes, gotBytes: bytes.length });
  }
  const values: StructValue<F>[] = [];
  for (let index = 0; index < count; index += 1) {
    const value = readStruct(shape, bytes, offsetBytes + index * shape.bytes, what);
    if (!value.ok) return value;
    values.push(value.value);
  }
  return decoded(values);
};

/** For answers that hold one list to their end: nothing may be left over. */
export const atEnd = <T>(value: T, endBytes: number, bytes: Uint8Array, what: string): Decoded<T> =>
  endBytes === bytes.length
    ? decoded(value)
    : undecodable({ kind: 'not-allowed', what, why: `${bytes.length - endBytes} bytes are left over at its end` });
