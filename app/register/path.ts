import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { matrixExtent } from '../tile/vnni.ts';
import { isTileType, type RegisterType, typeBytes } from './register-type.ts';
import { nearNames, REGISTERS, type RegisterRow, registerRow, TILECFG_FIELDS } from './registers.ts';
import { elementCount, TYPE_NAMES, type TypeName, typeNamed, unionNamed } from './type-names.ts';

/**
 * What a path names: `xmm3:u32[1]`, `mxcsr.RC`, `tmm2:bf16[3][7]`, `tilecfg.rows[3]`. Only parsePath makes one, so that
 * the register exists, the type divides it and every index is within what the register can hold.
 */
export interface RegisterPath {
  /** Canonical, lower case. */
  readonly register: string;
  /** In the manual's case. */
  readonly field: string | null;
  readonly type: RegisterType | null;
  /** A tile as the matrix that operand B of a product stands for: rows in pairs or quads are taken apart. */
  readonly vnni?: true;
  /** One: an element, or a row of a tile. Two: row and element of a tile. */
  readonly indexes: readonly number[];
}

/** The canonical text; parsePath of it gives the same path. */
export const printPath = ({ register, field, type, vnni, indexes }: RegisterPath): string => {
  const suffix = field !== null ? `.${field}` : type !== null ? `:${type}${vnni ? ':vnni' : ''}` : '';
  return register + suffix + indexes.map((index) => `[${index}]`).join('');
};

const plain = (register: string): RegisterPath => ({ register, field: null, type: null, indexes: [] });

interface Parts {
  readonly name: string;
  readonly dot: string | null;
  readonly colon: string | null;
  readonly vnni: boolean;
  readonly indexes: readonly { readonly value: number; readonly at: number }[];
  readonly nameAt: number;
  readonly suffixAt: number;
}

const wrong = <T = never>(text: string, at: number, expected: string): Decoded<T> =>
  undecodable({ kind: 'syntax', what: `register path "${text.slice(0, 60)}"`, at, expected });

const near = (name: string, names: readonly string[]): string => {
  const found = nearNames(name, names);
  return found.length === 0 ? '' : ` (near: ${found.join(', ')})`;
};

const PARTS = /^(\$?)([a-z_][a-z0-9_]*)(?:([.:])([a-z0-9_]+)(:vnni(?![a-z0-9_]))?)?/i;

const split = (text: string): Decoded<Parts> => {
  const match = PARTS.exec(text);
  if (match === null) return wrong(text, 0, 'a register name such as xmm3');
  const nameAt = match[1] === '$' ? 1 : 0;
  const name = match[2] ?? '';
  const indexes: { value: number; at: number }[] = [];
  let at = match[0].length;
  while (at < text.length) {
    const index = /^\[(\d{1,5})\]/.exec(text.slice(at, at + 8));
    if (index === null) {
      const open = text[at] === '[';
      return wrong(text, open ? at + 1 : at, open ? 'a number and "]"' : '".field", ":type", "[index]" or the end');
    }
    indexes.push({ value: Number(index[1]), at: at + 1 });
    at += index[0].length;
  }
  const suffix = match[4] ?? null;
  return decoded({
    name,
    dot: match[3] === '.' ? suffix : null,
    colon: match[3] === ':' ? suffix : null,
    vnni: match[5] !== undefined,
    indexes,
    nameAt,
    suffixAt: nameAt + name.length + 1,
  });
};

/** The limits of each index in turn; a path may stop short of the last. */
const checkIndexes = (text: string, { indexes }: Parts, limits: readonly number[]): Decoded<readonly number[]> => {
  for (const [position, { value, at }] of indexes.entries()) {
    const limit = limits[position];
    if (limit === undefined) return wrong(text, at - 1, 'the end: there is nothing to index here');
    if (value >= limit) return wrong(text, at, `an index from 0 to ${limit - 1}`);
  }
  return decoded(indexes.map(({ value }) => value));
};

const tileConfigField = (text: string, parts: Parts, dot: string): Decoded<RegisterPath> => {
  const field = TILECFG_FIELDS.find((row) => row.name === dot.toLowerCase());
  if (field === undefined) {
    const names = TILECFG_FIELDS.map((row) => row.name);
    return wrong(text, parts.suffixAt, `one of ${names.join(', ')}${near(dot, names)}`);
  }
  if (field.count > 1 && parts.indexes.length === 0) return wrong(text, text.length, `"[tile]" after ${field.name}`);
  const indexes = checkIndexes(text, parts, field.count > 1 ? [field.count] : []);
  if (!indexes.ok) return indexes;
  return decoded({ ...plain('tilecfg'), field: field.name, indexes: indexes.value });
};

const bitField = (text: string, parts: Parts, row: RegisterRow, dot: string): Decoded<RegisterPath> => {
  const field = row.fields.find(({ name }) => name.toLowerCase() === dot.toLowerCase());
  if (field === undefined) {
    const names = row.fields.map(({ name }) => name);
    const expected = names.length === 0 ? `no field: ${row.name} has none` : `a field of ${row.name}`;
    return wrong(text, parts.suffixAt, expected + near(dot, names));
  }
  const indexes = checkIndexes(text, parts, []);
  if (!indexes.ok) return indexes;
  return decoded({ ...plain(row.name), field: field.name });
};

const typed = (text: string, parts: Parts, row: RegisterRow, named: TypeName): Decoded<RegisterPath> => {
  const { type, count } = named;
  if (parts.vnni && (row.rowBytes === null || !isTileType(type))) {
    const at = parts.suffixAt + (parts.colon ?? '').length;
    return wrong(text, at, `no ":vnni": ${row.rowBytes === null ? 'only tiles are' : `${type} is not`} interleaved`);
  }
  const perRegister = elementCount(row.widthBits, type);
  if (row.name.startsWith('st') && type !== 'f80')
    return wrong(text, parts.suffixAt, 'f80, the only type of st0 to st7');
  if (perRegister === null) {
    return wrong(text, parts.suffixAt, `a type that divides the ${row.widthBits} bits of ${row.name}`);
  }
  if (count !== null && count !== perRegister) {
    return wrong(text, parts.suffixAt, `${perRegister} elements: ${row.name} holds that many ${type}`);
  }
  const indexes = checkIndexes(text, parts, indexLimits(row, type, parts.vnni, perRegister));
  if (!indexes.ok) return indexes;
  return decoded({ ...plain(row.name), type, ...(parts.vnni ? { vnni: true } : {}), indexes: indexes.value });
};

const indexLimits = (row: RegisterRow, type: RegisterType, vnni: boolean, perRegister: number): readonly number[] => {
  if (row.rowBytes === null) return [perRegister];
  const rows = row.widthBits / 8 / row.rowBytes;
  if (!vnni || !isTileType(type)) return [rows, Math.floor(row.rowBytes / typeBytes(type))];
  const matrix = matrixExtent(type, 'vnni', { rows, colsb: row.rowBytes });
  return [matrix.rows, matrix.columns];
};

/** Reads a path as typed; case does not matter. A problem names the place, what was expected and names that are near. */
export const parsePath = (text: string): Decoded<RegisterPath> => {
  const parts = split(text);
  if (!parts.ok) return parts;
  const { name, dot, colon, indexes, nameAt, suffixAt } = parts.value;
  const row = registerRow(name);
  if (row === undefined) {
    const names = REGISTERS.map((register) => register.name);
    return wrong(text, nameAt, `a register name such as xmm3, k2, mxcsr${near(name, names)}`);
  }
  if (dot !== null && parts.value.vnni) return wrong(text, suffixAt + dot.length, 'a type before ":vnni"');
  if (dot !== null) {
    // gdb's name for an xmm register as one number.
    if (dot.toLowerCase() === 'uint128' && row.widthBits === 128 && indexes.length === 0)
      return decoded(plain(row.name));
    const union = unionNamed(dot);
    if (union !== null) return typed(text, parts.value, row, union);
    if (row.name === 'tilecfg') return tileConfigField(text, parts.value, dot);
    return bitField(text, parts.value, row, dot);
  }
  if (colon !== null) {
    const named = typeNamed(colon);
    if (named === null) return wrong(text, suffixAt, `a type: ${TYPE_NAMES.join(', ')}${near(colon, TYPE_NAMES)}`);
    return typed(text, parts.value, row, named);
  }
  const first = indexes[0];
  if (first !== undefined) return wrong(text, first.at - 1, 'a type such as :u32 before an index');
  return decoded(plain(row.name));
};
