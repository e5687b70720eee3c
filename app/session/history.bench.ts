import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { sampleAmxCapture } from '../fixtures/samples.ts';
import type { Capture } from './capture.ts';
import { createHistory } from './history.ts';
import { changedComponents } from './provenance.ts';

const STOPS = 10_000;
const SCRUBS = 20_000;

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;
/** A WeakRef holds its object until the task that made it ends: stops come in a task each. */
const nextTask = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const memoryBytes = async (): Promise<number> => {
  // Buffers are swept beside the program: what the way before has left must be gone first.
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    collect();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** mulberry32: the same captures for both ways and in every run. */
const randomOf = (seed: number) => {
  let state = seed;
  return (bound: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
};

/** Stops as they come over the bridge: decoded anew each time, nothing shared. @param everyStops a change this often */
function* stopsOf(first: Capture, everyStops: number): Generator<Capture> {
  const random = randomOf(1);
  const bytes = first.image.bytes.slice();
  const places = first.image.layout.components;
  for (let stop = 0; stop < STOPS; stop += 1) {
    const place = places[random(places.length)];
    if (place !== undefined && stop % everyStops === 0) {
      for (let byte = 0; byte < 4; byte += 1) bytes[place.offsetBytes + random(place.sizeBytes)] = random(256);
    }
    yield structuredClone({ image: { ...first.image, bytes }, facts: first.facts });
  }
}

const timed = (work: () => void): number => {
  const begun = performance.now();
  work();
  return performance.now() - begun;
};

interface Measured {
  readonly bytes: number;
  readonly addMs: number;
  readonly scrubUs: number;
}

/** Keeps all stops, then goes to random ones, asking for the bytes and for what changed there. */
const measure = async (
  first: Capture,
  everyStops: number,
  make: () => { add(capture: Capture): void; visit(at: number): number },
): Promise<Measured> => {
  const before = await memoryBytes();
  const kept = make();
  let addMs = 0;
  for (const capture of stopsOf(first, everyStops)) {
    addMs += timed(() => kept.add(capture));
    await nextTask();
  }
  const bytes = (await memoryBytes()) - before;
  const random = randomOf(2);
  let seen = 0;
  const ms = timed(() => {
    for (let scrub = 0; scrub < SCRUBS; scrub += 1) seen += kept.visit(1 + random(STOPS - 1));
  });
  expect(seen).toBeGreaterThan(0);
  return { bytes, addMs, scrubUs: (ms * 1000) / SCRUBS };
};

const shared = () => {
  const history = createHistory();
  const stops: ReturnType<typeof history.add>[] = [];
  return {
    add: (capture: Capture) => void stops.push(history.add(capture)),
    visit: (at: number) => {
      const stop = stops[at];
      return stop === undefined ? 0 : history.captureOf(stop).image.bytes.length + stop.changed.length;
    },
  };
};

/** What it stands beside: an array of captures. */
const whole = () => {
  const stops: Capture[] = [];
  return {
    add: (capture: Capture) => void stops.push(capture),
    visit: (at: number) => {
      const [former, now] = [stops[at - 1], stops[at]];
      return now === undefined ? 0 : now.image.bytes.length + changedComponents(former ?? null, now).length;
    },
  };
};

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
const row = (name: string, { bytes, addMs, scrubUs }: Measured): string =>
  `  ${name.padEnd(14)} ${mib(bytes).padStart(10)}   scrub ${scrubUs.toFixed(2).padStart(7)} µs a stop   add ${((addMs * 1000) / STOPS).toFixed(1).padStart(6)} µs a stop`;

const CASES = [
  { what: 'one component in ten changes at each stop', everyStops: 1 },
  { what: 'one component changes at one stop in ten', everyStops: 10 },
];

test.each(CASES)('$what', async ({ what, everyStops }) => {
  const first = sampleAmxCapture();
  expect(first.image.bytes.length).toBe(11_008);
  const kept = await measure(first, everyStops, shared);
  const array = await measure(first, everyStops, whole);
  console.log(
    [
      `history: ${STOPS} captures of ${first.image.bytes.length} bytes, ${what}`,
      row('shared', kept),
      row('whole images', array),
      `  ratio: memory 1 : ${(array.bytes / kept.bytes).toFixed(1)}, scrub 1 : ${(array.scrubUs / kept.scrubUs).toFixed(1)}`,
    ].join('\n'),
  );
  expect(kept.bytes * 2).toBeLessThan(array.bytes);
});
