import { toHexHighFirst } from '../../../app/bits/bytes.ts';
import { parsePath } from '../../../app/register/path.ts';
import { parseTyped, type RegisterType, typeBytes } from '../../../app/register/register-type.ts';
import { registerRow } from '../../../app/register/registers.ts';
import { elementRow, isElementType } from '../../../app/value/element-type.ts';
import { parseNumber } from '../../../app/value/number.ts';
import type { Base } from '../state/view.ts';

/** More bits than these are no number that one reads. */
const MOST_BINARY_BITS = 16;
const MOST_BITS = 64;

interface Kind {
  readonly bits: number;
  /** As it is written where nothing is chosen. */
  readonly own: 'hex' | 'decimal' | 'signed' | 'float';
  readonly type: RegisterType | null;
}

/** A byte of memory among bytes in hex. */
const BYTE: Kind = { bits: 8, own: 'hex', type: null };
/** "[0x401010]" and "[0x401010]:f32", as the elements of Memory are named for this, and "[rsi+0x40]:f32" as Watch names a place. */
const MEMORY = /^(?:physical)?\[[^\]]+\](?::(\w+))?$/;

const typedKind = (type: RegisterType): Kind | null => {
  // The text of a tf32 does not tell all of its bits.
  if (type === 'tf32') return null;
  const row = isElementType(type) ? elementRow(type) : null;
  const own = row === null || row.float !== null ? 'float' : row.kind === 'signed' ? 'signed' : 'decimal';
  return { bits: typeBytes(type) * 8, own, type };
};

/** What stands at a path; null: no single number, such as a field or a whole vector register. */
const kindOf = (path: string): Kind | null => {
  const memory = MEMORY.exec(path);
  if (memory !== null) return memory[1] === undefined ? BYTE : typedKind(memory[1] as RegisterType);
  const parsed = parsePath(path);
  if (!parsed.ok || parsed.value.field !== null) return null;
  const { register, type, indexes } = parsed.value;
  if (type === null) {
    const bits = registerRow(register)?.widthBits ?? 0;
    return bits === 0 || bits > MOST_BITS ? null : { bits, own: 'hex', type: null };
  }
  return indexes.length === 0 ? null : typedKind(type);
};

/** Which ways of writing a path has, its own first; none: it is no single number. */
export const basesOf = (path: string): readonly Base[] => {
  const kind = kindOf(path);
  if (kind === null) return [];
  if (kind.own === 'float') return ['own', 'hex'];
  const others = (['hex', 'decimal', 'signed'] as const).filter((base) => base !== kind.own);
  return ['own', ...others, ...(kind.bits <= MOST_BINARY_BITS ? (['binary'] as const) : [])];
};

/** The next way of writing it. */
export const nextBase = (path: string, base: Base): Base => {
  const bases = basesOf(path);
  return bases[(bases.indexOf(base) + 1) % Math.max(1, bases.length)] ?? 'own';
};

const grouped = (digits: string): string => digits.replace(/(?<=.)(?=(?:.{4})+$)/g, '_');

/**
 * A value as the command line prints it, in another base: hex with all its digits and 0x, binary in groups of four. What is no such
 * number stays as it is.
 */
export const inBase = (path: string, text: string, base: Base): string => {
  const kind = kindOf(path);
  if (kind === null || base === 'own') return text;
  if (kind.own === 'float') {
    const bytes = kind.type === null ? null : parseTyped(kind.type, text);
    return bytes?.ok === true ? `0x${toHexHighFirst(bytes.value)}` : text;
  }
  const number = parseNumber(text.trim());
  if (number === null) return text;
  const bits = BigInt.asUintN(kind.bits, number.value);
  if (base === 'hex') return `0x${bits.toString(16).padStart(Math.ceil(kind.bits / 4), '0')}`;
  if (base === 'binary') return `0b${grouped(bits.toString(2).padStart(kind.bits, '0'))}`;
  return (base === 'signed' ? BigInt.asIntN(kind.bits, bits) : bits).toString();
};

const WORDS: Readonly<Record<Exclude<Base, 'own'>, string>> = {
  hex: 'in hex',
  decimal: 'in decimal',
  signed: 'as a signed number',
  binary: 'in binary',
};

/** "Show in decimal". */
export const baseWords = (path: string, base: Base): string => {
  const own = kindOf(path)?.own ?? 'float';
  const shown = base !== 'own' ? base : own === 'float' ? null : own;
  return shown === null ? 'Show as a number' : `Show ${WORDS[shown]}`;
};
