import { isDeterministic } from '../../fixed.ts';
import { memoizeByIdentity } from '../base/memoize.ts';
import type { Pauses } from '../state/pauses.ts';
import type { Stop } from '../state/timeline.ts';

/** A pause that a guest may feel: said in the colour of attention. */
const LONG_PAUSE_NS = 1_000_000;

/** Whether the greatest is one that a guest may feel. A clock has no say where every run is to look the same. */
export const isLongPause = ({ greatestNs }: Pick<Pauses, 'greatestNs'>): boolean =>
  !isDeterministic() && greatestNs > LONG_PAUSE_NS;

/** Null: nothing was measured, as of a file or a model. */
export const pausesOf = memoizeByIdentity((stops: readonly Stop[]): Pauses | null => {
  const all = stops.flatMap(({ kept }) => (kept.facts.pauseNs === null ? [] : [Number(kept.facts.pauseNs)]));
  const sorted = all.sort((a, b) => a - b);
  const [median, greatest] = [sorted[sorted.length >> 1], sorted.at(-1)];
  return median === undefined || greatest === undefined
    ? null
    : { looks: sorted.length, medianNs: median, greatestNs: greatest };
});

/** What was remembered of the last session; anything else that stands there is forgotten. */
export const parsePauses = (text: string | null): Pauses | null => {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    if (typeof value !== 'object' || value === null) return null;
    const { looks, medianNs, greatestNs } = value as Record<string, unknown>;
    const all = [looks, medianNs, greatestNs];
    if (!all.every((one) => typeof one === 'number' && Number.isFinite(one) && one >= 0)) return null;
    return { looks, medianNs, greatestNs } as Pauses;
  } catch {
    return null;
  }
};
