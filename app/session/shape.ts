import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { MAX_U64 } from '../bits/mask.ts';

/** Turns an unknown JSON value to a T, or names the place and what was expected there. Never throws. */
export type Reader<T> = (value: unknown, path: string) => Decoded<T>;
type Read<R> = R extends Reader<infer T> ? T : never;

/** A field of that name is not what it has to be. Places are written as in JavaScript: facts.msrs[2].index. */
export const unexpected = (path: string, why: string): Decoded<never> =>
  undecodable({ kind: 'not-allowed', what: path === '' ? 'capture document' : `capture document, ${path}`, why });

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that are not named are ignored; a field that is missing reads as undefined and is refused by its reader. */
export const object =
  <F extends Readonly<Record<string, Reader<unknown>>>>(fields: F): Reader<{ readonly [K in keyof F]: Read<F[K]> }> =>
  (value, path) => {
    if (!isObject(value)) return unexpected(path, 'has to be an object');
    const read: Record<string, unknown> = {};
    for (const [name, reader] of Object.entries(fields)) {
      // An own field only: "constructor" is not in a document that does not say so.
      const field = Object.hasOwn(value, name) ? value[name] : undefined;
      const result = reader(field, path === '' ? name : `${path}.${name}`);
      if (!result.ok) return result;
      read[name] = result.value;
    }
    return decoded(read as { readonly [K in keyof F]: Read<F[K]> });
  };

/** A list of at most so many, each read by `item`; the first that is wrong is the problem. */
export const list =
  <T>(item: Reader<T>, maxItems: number): Reader<readonly T[]> =>
  (value, path) => {
    if (!Array.isArray(value)) return unexpected(path, 'has to be a list');
    if (value.length > maxItems) return unexpected(path, `has ${value.length} entries, ${maxItems} are the most`);
    const items: T[] = [];
    for (const [index, entry] of value.entries()) {
      const result = item(entry, `${path}[${index}]`);
      if (!result.ok) return result;
      items.push(result.value);
    }
    return decoded(items);
  };

/** null, or what the reader takes. */
export const nullable =
  <T>(reader: Reader<T>): Reader<T | null> =>
  (value, path) =>
    value === null ? decoded(null) : reader(value, path);

/** A string of at most so many characters. */
export const text =
  (maxCharacters: number): Reader<string> =>
  (value, path) => {
    if (typeof value !== 'string') return unexpected(path, 'has to be a string');
    return value.length <= maxCharacters
      ? decoded(value)
      : unexpected(path, `is longer than ${maxCharacters} characters`);
  };

/** An integer from `least` to `greatest`, both included; never -0. */
export const integer =
  (least: number, greatest: number): Reader<number> =>
  (value, path) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= greatest && !Object.is(value, -0)
      ? decoded(value)
      : unexpected(path, `has to be an integer from ${least} to ${greatest}`);

export const flag: Reader<boolean> = (value, path) =>
  typeof value === 'boolean' ? decoded(value) : unexpected(path, 'has to be true or false');

/** One of the names, to the letter. */
export const oneOf =
  <const T extends string>(...names: readonly T[]): Reader<T> =>
  (value, path) => {
    const name = names.find((candidate) => candidate === value);
    return name === undefined ? unexpected(path, `has to be one of ${names.join(', ')}`) : decoded(name);
  };

/** 64 bits as a string: "0x" and one to sixteen hex digits. */
export const hex64Text: Reader<bigint> = (value, path) =>
  typeof value === 'string' && /^0x[0-9a-f]{1,16}$/i.test(value)
    ? decoded(BigInt.asUintN(64, BigInt(value)))
    : unexpected(path, `has to be a hex string up to "0x${MAX_U64.toString(16)}"`);

/** 32 bits as a string: "0x" and one to eight hex digits. */
export const hex32Text: Reader<number> = (value, path) =>
  typeof value === 'string' && /^0x[0-9a-f]{1,8}$/i.test(value)
    ? decoded(Number(value))
    : unexpected(path, 'has to be a hex string up to "0xffffffff"');

/** Text of one form; `form` says which: "16 hex digits". */
export const matching =
  (pattern: RegExp, form: string): Reader<string> =>
  (value, path) =>
    typeof value === 'string' && pattern.test(value) ? decoded(value) : unexpected(path, `has to be ${form}`);

/** What the reader takes, where it is so as well; `why` says of another that it is not. */
export const where =
  <T>(reader: Reader<T>, isSo: (value: T) => boolean, why: string): Reader<T> =>
  (value, path) => {
    const read = reader(value, path);
    return read.ok && !isSo(read.value) ? unexpected(path, why) : read;
  };

/** An object of which the reader names every field. */
export const only =
  <T extends object>(reader: Reader<T>): Reader<T> =>
  (value, path) => {
    const read = reader(value, path);
    const isAll = read.ok && Object.keys(value as object).length === Object.keys(read.value).length;
    return read.ok && !isAll ? unexpected(path, 'has a field that it does not take') : read;
  };

/** What the first of them takes. */
export const either =
  <T>(...readers: readonly Reader<T>[]): Reader<T> =>
  (value, path) =>
    readers.map((reader) => reader(value, path)).find((read) => read.ok) ??
    unexpected(path, 'has none of the forms that it may have');
