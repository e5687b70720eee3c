import { readUint } from '../bits/bytes.ts';
import type { RegisterRow } from '../register/registers.ts';
import { jsonElement } from '../value/print.ts';
import { type FieldRow, fieldWord, readField } from '../xsave/bitfields.ts';

/** More than these are counted. */
const MOST_FIELDS = 2;
/** A greater distance between two general registers is no distance: one of them is no address, or of another thing. */
const MOST_DISTANCE = 1n << 31n;

const bitsOf = (mask: bigint): number => {
  let count = 0;
  for (let rest = mask; rest > 0n; rest &= rest - 1n) count += 1;
  return count;
};

const bitWords = (was: bigint, is: bigint): string => {
  const [set, clear] = [bitsOf(is & ~was), bitsOf(was & ~is)];
  if (clear === 0) return `${set} ${set === 1 ? 'bit' : 'bits'} set`;
  if (set === 0) return `${clear} ${clear === 1 ? 'bit' : 'bits'} clear`;
  return `${set} set, ${clear} clear`;
};

const fieldChange = (row: FieldRow, is: bigint): string => {
  if (row.hi > row.lo) return `${row.name} ${fieldWord(is, row)}`;
  const on = readField(is, row) === 1;
  if (row.exception?.is === 'raised') return `${row.name} ${on ? 'raised' : 'cleared'}`;
  return `${row.name} ${on ? 'on' : 'off'}`;
};

const fieldWords = (fields: readonly FieldRow[], was: bigint, is: bigint): string | null => {
  const differing = fields.filter((row) => readField(was, row) !== readField(is, row));
  if (differing.length === 0) return null;
  if (differing.length > MOST_FIELDS) return `${differing.length} fields`;
  return differing.map((row) => fieldChange(row, is)).join(', ');
};

/** As the two's complement of 64 bits has it: a stack pointer that went down has gone down. */
const distanceWords = (was: bigint, is: bigint): string | null => {
  const by = BigInt.asIntN(64, is - was);
  if (by > MOST_DISTANCE || by < -MOST_DISTANCE) return null;
  return by > 0n ? `+${by}` : String(by);
};

/** What became of a register that is no vector and no tile, in a few words; null: the values say all there is. */
export const registerWords = (row: RegisterRow, was: Uint8Array, is: Uint8Array): string | null => {
  if (was.length !== is.length) return null;
  if (/^st\d/.test(row.name)) {
    const [a, b] = [Number(jsonElement('f80', was, 0)), Number(jsonElement('f80', is, 0))];
    const by = b - a;
    // A number here has 53 bits of the 64: what is left of a smaller difference is the rounding of the two.
    const isTold = Math.abs(by) > Math.max(Math.abs(a), Math.abs(b)) * 2 ** -39;
    return Number.isFinite(by) && isTold ? `${by > 0 ? '+' : ''}${Number(by.toPrecision(4))}` : null;
  }
  if (was.length > 8) return null;
  const [a, b] = [readUint(was, 0, was.length), readUint(is, 0, is.length)];
  if (row.source.kind === 'general' && row.name !== 'rflags') return distanceWords(a, b);
  return fieldWords(row.fields, a, b) ?? bitWords(a, b);
};
