import { describe, expect, test } from 'vitest';
import { timesRefusal } from '../../store/select/time-axis.ts';
import type { Stop } from '../../store/state/timeline.ts';
import { type TrackPicture, trackMarks } from './draw-track.ts';
import { placesByTime, timeTicks } from './stop-times.ts';
import {
  aboutStop,
  bucketsOf,
  clampView,
  columnsOf,
  fitView,
  following,
  isFit,
  pageOf,
  shownStops,
  spotsOf,
  stopAtX,
  xOfStop,
  zoomed,
} from './track-view.ts';
import { wheelPx } from './wheel.ts';

const WIDTH = 1308;

describe('the strip', () => {
  test('a few stops fill it from the left', () => {
    expect(xOfStop(fitView(3), 0, 240)).toBe(15);
    expect(xOfStop(fitView(3), 2, 240)).toBe(75);
    expect(stopAtX(fitView(3), 200, 240, 3)).toBe(2);
  });

  test.each([1, 24, 412, 1000])('with %i stops the mouse reaches each of them', (count) => {
    const view = fitView(count);
    for (let index = 0; index < count; index += 1) {
      expect(stopAtX(view, xOfStop(view, index, WIDTH), WIDTH, count)).toBe(index);
    }
  });

  test('with 10,000 stops it does so once zoomed, all along', () => {
    const count = 10_000;
    for (let index = 0; index < count; index += 97) {
      const view = aboutStop(fitView(count), 1 / 100, index, count);
      const x = xOfStop(view, index, WIDTH);
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(WIDTH);
      expect(WIDTH / view.places).toBeGreaterThan(10);
      expect(stopAtX(view, x, WIDTH, count)).toBe(index);
    }
  });

  test('a pointer outside it means the ends', () => {
    expect(stopAtX(fitView(412), -500, WIDTH, 412)).toBe(0);
    expect(stopAtX(fitView(412), WIDTH + 500, WIDTH, 412)).toBe(411);
    expect(stopAtX(fitView(0), 10, WIDTH, 0)).toBe(0);
  });

  test('zooming keeps the stop under the pointer, and ends at all stops', () => {
    const view = zoomed(fitView(10_000), 1 / 8, 400, WIDTH, 10_000);
    expect(stopAtX(view, 400, WIDTH, 10_000)).toBe(stopAtX(fitView(10_000), 400, WIDTH, 10_000));
    expect(isFit(view, 10_000)).toBe(false);
    expect(zoomed(view, Number.POSITIVE_INFINITY, 400, WIDTH, 10_000)).toEqual(fitView(10_000));
    expect(zoomed(view, 0, 400, WIDTH, 10_000).places).toBe(24);
  });

  test('it follows the stop on screen, and shrinks with the timeline', () => {
    const view = { from: 100, places: 50 };
    expect(following(view, 120, 10_000)).toBe(view);
    for (const index of [0, 90, 160, 9_999]) {
      const next = following(view, index, 10_000);
      expect(next.places).toBe(50);
      expect(xOfStop(next, index, WIDTH)).toBeGreaterThan(0);
      expect(xOfStop(next, index, WIDTH)).toBeLessThan(WIDTH);
    }
    expect(clampView({ from: 9_000, places: 500 }, 30)).toEqual(fitView(30));
  });

  test('a page is a tenth of what is shown', () => {
    expect(pageOf(fitView(10_000), 10_000)).toBe(1000);
    expect(pageOf({ from: 0, places: 50 }, 10_000)).toBe(5);
    expect(pageOf(fitView(3), 3)).toBe(1);
  });

  test('every stop falls into one column', () => {
    const view = { from: 123.4, places: 5000 };
    const starts = columnsOf(view, 100, 10_000);
    expect(starts).toHaveLength(101);
    expect([...starts].sort((a, b) => a - b)).toEqual(starts);
    expect((starts[100] ?? 0) - (starts[0] ?? 0)).toBe(5000);
  });

  test('glyphs that would overlap become one', () => {
    const all = Array.from({ length: 10_000 }, (_, index) => index);
    const spots = spotsOf(all, fitView(10_000), WIDTH, 14);
    expect(spots.length).toBeLessThanOrEqual(Math.ceil(WIDTH / 14));
    expect(spots.every(({ x }, at) => at === 0 || x - (spots[at - 1]?.x ?? 0) >= 14)).toBe(true);
    expect(spotsOf([0, 411], fitView(412), WIDTH, 14).map(({ index }) => index)).toEqual([0, 411]);
  });

  test('glyphs in a row are counted, those with room stand alone', () => {
    const all = Array.from({ length: 10_000 }, (_, index) => index);
    const dense = bucketsOf(all, fitView(10_000), WIDTH);
    expect(dense.length).toBeLessThanOrEqual(Math.ceil(WIDTH / 72));
    expect(dense.flatMap(({ indexes }) => indexes)).toEqual(all);
    expect(dense.every(({ x }, at) => at === 0 || x - (dense[at - 1]?.x ?? 0) >= 72)).toBe(true);
    const view = fitView(1308);
    const groups = (...at: number[]) => bucketsOf(at, view, WIDTH).map(({ indexes }) => indexes);
    expect(groups(0, 20, 40)).toEqual([[0], [20], [40]]);
    expect(groups(0, 8, 30, 60)).toEqual([[0, 8, 30], [60]]);
    expect(bucketsOf([5000], { from: 0, places: 100 }, WIDTH)).toEqual([]);
  });

  test('a wheel tells px, lines or pages, and Shift turns it', () => {
    const event = { deltaX: 0, deltaY: 3, deltaMode: 0, shiftKey: false };
    expect(wheelPx(event)).toEqual({ across: 0, down: 3 });
    expect(wheelPx({ ...event, deltaMode: 1 }).down).toBe(99);
    expect(wheelPx({ ...event, shiftKey: true })).toEqual({ across: 3, down: 0 });
  });
});

describe('[U25] by time', () => {
  const AT = 1_795_338_000_000;
  const stops = [0, 100, 200, 5000, 10_000].map((ms) => ({ takenAtMs: AT + ms }));
  const view = { ...fitView(5), times: placesByTime(stops) };

  test('a stop lies where its time does, from one edge to the other, and the mouse reaches each', () => {
    const xs = stops.map((_, index) => xOfStop(view, index, 800));
    expect(xs.map(Math.round)).toEqual([50, 57, 64, 400, 750]);
    expect(xs.map((x) => stopAtX(view, x, 800, 5))).toEqual([0, 1, 2, 3, 4]);
    expect([stopAtX(view, -9, 800, 5), stopAtX(view, 900, 800, 5), stopAtX(view, 231, 800, 5)]).toEqual([0, 4, 2]);
  });

  test('a stretch of it holds the stops of those times, and comes along with the stop on screen', () => {
    const many = Array.from({ length: 1000 }, (_, at) => ({
      takenAtMs: AT + (at < 900 ? at : 900 + (at - 900) * 100),
    }));
    const whole = { ...fitView(1000), times: placesByTime(many) };
    const late = following({ ...whole, from: 0, places: 100 }, 950, 1000);
    const [first, last] = shownStops(late, 1000);
    expect([first <= 950, last >= 950, last - first < 20]).toEqual([true, true, true]);
    const starts = columnsOf(whole, WIDTH, 1000);
    expect([starts[0], starts.at(-1)]).toEqual([0, 1000]);
    expect(starts.every((start, at) => at === 0 || start >= (starts[at - 1] ?? 0))).toBe(true);
  });

  test('round times are written along it, no nearer than their words are wide', () => {
    const ticks = timeTicks(stops, view, 800);
    expect(ticks.map(({ text }) => text)).toEqual(['0 s', '2 s', '4 s', '6 s', '8 s', '10 s']);
    expect(ticks[1]?.x).toBe(190);
    expect(timeTicks(stops.slice(0, 3), { ...fitView(3), times: placesByTime(stops.slice(0, 3)) }, 400)[1]?.text).toBe(
      '100 ms',
    );
  });

  test.each([
    ['one stop spans no time', [AT]],
    ['a stop does not say when it was taken', [AT, 0]],
    ['the clock was set back between two stops', [AT, AT - 1]],
    ['all stops were taken in the same millisecond', [AT, AT]],
  ])('refused: %s', (why, times) => {
    const taken = times.map((takenAtMs) => ({ takenAtMs }));
    expect(timesRefusal(taken)).toBe(why);
    expect(placesByTime(taken)).toBeNull();
  });
});

describe('the marks', () => {
  const stop = (number: number, bits: readonly number[]): Stop =>
    ({ number, changed: new Set(bits), changedOutside: false }) as unknown as Stop;
  const picture = (stops: readonly Stop[]): TrackPicture => ({
    stops,
    view: fitView(stops.length),
    widthPx: WIDTH,
    oneLane: false,
    lanePx: 16,
    colours: [],
  });

  test('a stop has a mark in the lane of what it changed', () => {
    const marks = trackMarks(picture([stop(1, []), stop(2, [2, 18]), stop(3, [6])]));
    expect(marks.map(({ lane }) => lane)).toEqual([0, 2, 1]);
    expect(marks.every(({ widthPx, strength }) => widthPx === 28 && strength === 1)).toBe(true);
  });

  test('10,000 stops are no more marks than px, and one change among them is still seen', () => {
    const many = Array.from({ length: 10_000 }, (_, at) =>
      stop(at + 1, at === 5000 ? [2, 18] : at % 3 === 0 ? [2] : []),
    );
    const marks = trackMarks(picture(many));
    expect(marks.length).toBeLessThanOrEqual(4 * WIDTH);
    const amx = marks.filter(({ lane }) => lane === 2);
    expect(amx).toEqual([{ lane: 2, x: Math.floor((5000.5 / 10_000) * WIDTH) - 1, widthPx: 3, strength: 1 }]);
    expect(marks.filter(({ lane }) => lane === 0).every(({ strength }) => strength > 0.35 && strength < 0.9)).toBe(
      true,
    );
  });
});
