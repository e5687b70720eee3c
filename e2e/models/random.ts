/** Numbers that a seed decides, so that a run that failed can be had again: mulberry32. */
export interface Random {
  readonly seed: number;
  /** From 0 up to, not including, the bound. */
  below(bound: number): number;
  pick<T>(from: readonly T[]): T;
}

/** @param variable the environment variable that names a seed; without it the one that is fixed here, or the clock */
export function randomFrom(variable: string, fixed?: number): Random {
  const given = process.env[variable];
  const seed = given === undefined ? (fixed ?? Date.now() % 2 ** 31) : Number(given);
  if (!Number.isInteger(seed)) throw new Error(`${variable} is an integer, not ${given}`);
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    seed,
    below,
    pick: (from) => {
      const found = from[below(from.length)];
      if (found === undefined) throw new Error('there is nothing to pick from');
      return found;
    },
  };
}
