import { memoizeByIdentity } from '../base/memoize.ts';
import type { State } from '../state/state.ts';
import type { Stop } from '../state/timeline.ts';

type Taken = Pick<Stop, 'takenAtMs'>;

/** Why stops cannot lie by when they were taken; null: they can. */
const refusal = memoizeByIdentity((stops: readonly Taken[]): string | null => {
  if (stops.length < 2) return 'one stop spans no time';
  if (stops.some(({ takenAtMs }) => takenAtMs === 0)) return 'a stop does not say when it was taken';
  const isBack = stops.some(({ takenAtMs }, at) => takenAtMs < (stops[at - 1]?.takenAtMs ?? 0));
  if (isBack) return 'the clock was set back between two stops';
  return stops[0]?.takenAtMs === stops.at(-1)?.takenAtMs ? 'all stops were taken in the same millisecond' : null;
});

export { refusal as timesRefusal };
export const timeAxisRefusal = ({ stops }: Pick<State, 'stops'>): string | null => refusal(stops);
