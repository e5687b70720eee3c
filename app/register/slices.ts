import { type Decoded, decoded, undecodable } from '../bits/decoded.ts';
import { REGISTERS, registerRow } from './registers.ts';

/*
 * Several paths in one word: `zmm*`, `xmm0..7:f32`, `tmm2:bf16[0..3][7]`, `k*`. A star stands for any letters and digits of
 * a name, two dots for the numbers from one to another.
 */

/** More than every element of a register file would be a mistake of typing. */
const MOST_PATHS = 4096;

const NAME = /^(\$?)([a-z_][a-z0-9_*]*)(?:\.\.(\d{1,5}))?/i;
const RANGE = /\[(\d{1,5})\.\.(\d{1,5})\]/;

const wrong = (text: string, at: number, expected: string): Decoded<never> =>
  undecodable({ kind: 'syntax', what: `register path "${text.slice(0, 60)}"`, at, expected });

const numbersBetween = (first: number, last: number): readonly number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

const namesOf = (text: string, name: string, last: string | undefined): Decoded<readonly string[]> => {
  if (last !== undefined) {
    const [, family = '', digits] = /^([a-z_]+)(\d+)$/i.exec(name) ?? [];
    if (digits === undefined || Number(last) < Number(digits)) {
      return wrong(text, name.length, 'a range of registers that rises, such as xmm0..7');
    }
    return decoded(numbersBetween(Number(digits), Number(last)).map((number) => `${family}${number}`));
  }
  if (!name.includes('*')) return decoded([name]);
  const pattern = new RegExp(`^${name.toLowerCase().replaceAll('*', '[a-z0-9_]*')}$`);
  const found = REGISTERS.map((row) => row.name).filter((one) => pattern.test(one));
  return found.length === 0
    ? wrong(text, 0, 'a star that stands for a register: no name is like that')
    : decoded(found);
};

const withIndexes = (paths: readonly string[]): readonly string[] | null => {
  const range = RANGE.exec(paths[0] ?? '');
  if (range === null) return paths;
  const [first, last] = [Number(range[1]), Number(range[2])];
  if (last < first || (last - first + 1) * paths.length > MOST_PATHS) return null;
  const wider = paths.flatMap((path) => numbersBetween(first, last).map((index) => path.replace(RANGE, `[${index}]`)));
  return withIndexes(wider);
};

/** The paths that a word stands for: itself, where it is one path. They need not be right. */
export const pathsOf = (text: string): Decoded<readonly string[]> => {
  const head = NAME.exec(text);
  // A name that is none is for parsePath to tell.
  if (head === null || (!text.includes('*') && !text.includes('..'))) return decoded([text]);
  const names = namesOf(text, head[2] ?? '', head[3]);
  if (!names.ok) return names;
  const rest = text.slice(head[0].length);
  const known = names.value.filter((name) => registerRow(name) !== undefined);
  const isRange = head[3] !== undefined && known.length < names.value.length;
  if (isRange)
    return wrong(text, 0, `registers that are there: ${names.value.find((one) => !known.includes(one))} is not`);
  const paths = withIndexes(names.value.map((name) => name + rest));
  return paths === null ? wrong(text, head[0].length, 'a range of indexes that rises, such as [0..3]') : decoded(paths);
};
