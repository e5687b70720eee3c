import { expect, test } from 'vitest';
import { brushOf, movedBrush } from './trace-brush.ts';

test('[RC9] the plots show the strip until a handle is moved, and again once both stand at its ends', () => {
  const shown = [10, 90] as const;
  const whole = brushOf(null, shown, 200);
  expect(whole).toEqual({ first: 10, last: 90 });
  const moved = movedBrush(whole, 'first', 30, shown);
  expect(moved).toEqual({ first: 30, last: 90 });
  expect(movedBrush(moved ?? whole, 'last', 20, shown)).toEqual({ first: 30, last: 30 });
  expect(movedBrush(moved ?? whole, 'last', 500, shown)).toEqual({ first: 30, last: 90 });
  expect(movedBrush(moved ?? whole, 'first', 0, shown)).toBeNull();
});

test('of a timeline that has become shorter there is what is left', () => {
  expect(brushOf({ first: 30, last: 90 }, [0, 49], 50)).toEqual({ first: 30, last: 49 });
  expect(brushOf({ first: 80, last: 90 }, [0, 49], 50)).toEqual({ first: 49, last: 49 });
  expect(brushOf(null, [0, -1], 0)).toEqual({ first: 0, last: 0 });
});
