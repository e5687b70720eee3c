import { parsePath, printPath } from '../../../app/register/path.ts';
import { memoizeKeyed } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';
import { changesSince } from './last-change.ts';

/** "zmm3 changed", "where tmm0 changed", "mxcsr.RC": the path in it; null: there is none. */
const pathIn = (text: string): string | null => {
  const plain = text
    .trim()
    .replace(/^where\s+/i, '')
    .replace(/\s+changed$/i, '');
  const path = parsePath(plain);
  return path.ok ? printPath(path.value) : null;
};

const found = memoizeKeyed((stops: readonly Stop[], text: string): readonly number[] | 'no path' => {
  const path = pathIn(text);
  if (path === null) return 'no path';
  const numbers = new Set(changesSince(stops, 0, stops.length - 1, path));
  return stops.flatMap(({ number }, index) => (numbers.has(number) ? [index] : []));
});

/** Places of the stops at which what is filtered for differs from the stop before; null: nothing is filtered for. */
export const selectFilteredStops = ({ stops, stopFilter }: State): readonly number[] | 'no path' | null =>
  stopFilter.trim() === '' ? null : found(stops, stopFilter);

/** What is filtered for; null: nothing, or no path. */
export const selectFilterPath = ({ stopFilter }: State): string | null => pathIn(stopFilter);
