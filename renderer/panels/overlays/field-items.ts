import { fieldsOf } from '../../../app/xsave/bitfields.ts';
import { matchScore } from './match.ts';

/** Registers whose fields are looked for by what they mean, the likeliest first. */
const REGISTERS = ['mxcsr', 'fcw', 'fsw', 'rflags', 'pkru', 'cr0', 'cr4', 'efer'] as const;
const MOST = 8;

export interface FieldItem {
  readonly path: string;
  readonly meaning: string;
}

/** Fields whose meaning or name is what was typed: "rounding" is mxcsr.RC. */
export const fieldsCalled = (wanted: string): readonly FieldItem[] => {
  if (wanted.trim().length < 3) return [];
  const found = REGISTERS.flatMap((register) =>
    fieldsOf(register).flatMap(({ name, meaning }) => {
      const score = matchScore(meaning, wanted) ?? matchScore(name, wanted) ?? 0;
      return score < 600 ? [] : [{ path: `${register}.${name}`, meaning, score }];
    }),
  );
  return found
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST)
    .map(({ path, meaning }) => ({ path, meaning }));
};
