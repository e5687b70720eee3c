import type { StopRange } from '../state/trace.ts';

const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));

/**
 * The stretch between the handles, of a timeline that may have become shorter; what is shown where none was chosen.
 *
 * @param shown first and last stop of the strip
 */
export const brushOf = (chosen: StopRange | null, shown: readonly [number, number], count: number): StopRange => {
  const last = Math.max(0, count - 1);
  if (chosen === null) return { first: clamp(shown[0], 0, last), last: clamp(shown[1], 0, last) };
  const first = clamp(chosen.first, 0, last);
  return { first, last: clamp(chosen.last, first, last) };
};

/** One handle put elsewhere: neither passes the other or leaves the strip; null where both stand at its ends again. */
export const movedBrush = (
  brush: StopRange,
  end: 'first' | 'last',
  stop: number,
  shown: readonly [number, number],
): StopRange | null => {
  const inside = clamp(stop, shown[0], shown[1]);
  const moved =
    end === 'first'
      ? { ...brush, first: Math.min(inside, brush.last) }
      : { ...brush, last: Math.max(inside, brush.first) };
  return moved.first <= shown[0] && moved.last >= shown[1] ? null : moved;
};
