import { parsePath, printPath, type RegisterPath } from '../../../app/register/path.ts';
import { type RegisterType, typeBytes } from '../../../app/register/register-type.ts';
import { type RegisterRow, type RegisterSource, registerRow } from '../../../app/register/registers.ts';
import { TILE_TYPES } from '../../../app/tile/tile-type.ts';
import { ELEMENT_TYPES } from '../../../app/value/element-type.ts';
import { BIT } from '../../../app/xsave/components.ts';

/** Where an element of a line begins; 0 where the path names no element, and in a tile, which one component keeps. */
const startOf = ({ type, indexes }: RegisterPath, { rowBytes }: RegisterRow): number =>
  type === null || rowBytes !== null ? 0 : (indexes[0] ?? 0) * typeBytes(type);

const keeperOf = (source: RegisterSource, startBytes: number): number | null => {
  switch (source.kind) {
    case 'fragments': {
      let left = startBytes;
      for (const { bit, sizeBytes } of source.parts) {
        if (left < sizeBytes) return bit;
        left -= sizeBytes;
      }
      return null;
    }
    case 'mxcsr':
      return BIT.SSE;
    case 'mm':
      return BIT.x87;
    case 'supervisor':
      return source.part.bit;
    case 'derived':
      return keeperOf(source.from, startBytes);
    default:
      return null;
  }
};

/** The component that keeps what a path names, or its first bytes; null: no component does. */
export const keptBy = (text: string): number | null => {
  const path = parsePath(text);
  const row = path.ok ? registerRow(path.value.register) : undefined;
  return !path.ok || row === undefined ? null : keeperOf(row.source, startOf(path.value, row));
};

/** Every component that keeps some of what a path names. */
export const allKeptBy = (text: string): readonly number[] => {
  const path = parsePath(text);
  const source = path.ok ? registerRow(path.value.register)?.source : undefined;
  const one = keptBy(text);
  const isWhole = path.ok && path.value.indexes.length === 0 && source?.kind === 'fragments';
  return isWhole ? source.parts.map(({ bit }) => bit) : one === null ? [] : [one];
};

/** As what it is read: "i32", "64 b" of a whole register, "field". */
export const typeWords = (text: string): string => {
  const path = parsePath(text);
  if (!path.ok || path.value.field !== null) return 'field';
  return path.value.type ?? `${registerRow(path.value.register)?.widthBits ?? 0} b`;
};

/** More bits than these are read by a type alone. */
const MOST_WHOLE_BITS = 64;

/**
 * The same place in each other type, the next one first: an index becomes that of the element in which its first byte lies. None
 * for a field, and for a register that is one number.
 */
export const otherTypes = (text: string, step: 1 | -1): readonly string[] => {
  const parsed = parsePath(text);
  if (!parsed.ok || parsed.value.field !== null) return [];
  const path = parsed.value;
  const row = registerRow(path.register);
  if (row === undefined || (path.type === null && row.widthBits <= MOST_WHOLE_BITS)) return [];
  const types: readonly RegisterType[] = (row.rowBytes === null ? ELEMENT_TYPES : TILE_TYPES).map(({ name }) => name);
  const from = path.type === null ? -1 : types.indexOf(path.type);
  const size = path.type === null ? 1 : typeBytes(path.type);
  return types.flatMap((_, at) => {
    const type = types[(from + step * (at + 1) + 2 * types.length) % types.length];
    // Taken apart for a product, a byte lies elsewhere in a type of another width.
    if (type === undefined || type === path.type || (path.vnni === true && typeBytes(type) !== size)) return [];
    const last = path.indexes.length - 1;
    // Of a tile the first index is its row.
    const moved = path.indexes.map((index, position) =>
      position === last && (row.rowBytes === null || position === 1)
        ? Math.floor((index * size) / typeBytes(type))
        : index,
    );
    const other = printPath({
      ...path,
      type,
      indexes: path.type === null ? [0, 0].slice(row.rowBytes === null ? 1 : 0) : moved,
    });
    return parsePath(other).ok ? [other] : [];
  });
};
