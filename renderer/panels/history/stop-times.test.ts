import { expect, test } from 'vitest';
import { secondsText, sincePrevious, spanText } from './stop-times.ts';

const taken = (...times: number[]): { takenAtMs: number }[] => times.map((takenAtMs) => ({ takenAtMs }));
const AT = 1_795_338_000_000;

test('stops span the time from the first to the last, in seconds', () => {
  expect(spanText(taken(AT, AT + 66))).toBe('0.066 s');
  expect(spanText(taken(AT, AT + 1000, AT + 12_418))).toBe('12.4 s');
  expect(spanText(taken(AT, AT + 5_043_120))).toBe('5043 s');
  expect(secondsText(9_999)).toBe('9.999 s');
});

test('a stop tells how long after the one before it was taken', () => {
  const stops = taken(AT, AT + 66, AT + 66, AT + 40_066);
  expect(stops.map((_, at) => sincePrevious(stops, at))).toEqual([null, '0.066 s', '0.000 s', '40.0 s']);
});

test('what is not known is not told: a single stop, a file without a time, a clock that was set back', () => {
  expect([spanText([]), spanText(taken(AT))]).toEqual([null, null]);
  expect([spanText(taken(0, 0)), spanText(taken(AT, 0)), spanText(taken(0, AT))]).toEqual([null, null, null]);
  expect([spanText(taken(AT, AT - 1)), sincePrevious(taken(AT, AT - 1), 1)]).toEqual([null, null]);
  // The clock was set back and went on: neither stop beside the step is measured, the others are.
  const stops = taken(AT, AT - 5000, AT - 4000);
  expect(stops.map((_, at) => sincePrevious(stops, at))).toEqual([null, null, '1.000 s']);
});
