import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { assert } from '../bits/decoded.ts';
import type { Capture } from '../capture/capture.ts';
import { sampleAmxCapture } from '../fixtures/samples.ts';
import { parsePath } from '../register/path.ts';
import { captureText, parseCaptureText } from './document.ts';
import { createHistory, type Kept } from './history.ts';
import { lastChangeOf, pathReader, type ValueReader } from './last-change.ts';
import { changedComponents } from './provenance.ts';
import { parseSessionText, type SavedSession, sessionText } from './session-document.ts';

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

/**
 * Stops as they come over the bridge: decoded anew each time, nothing shared.
 *
 * @param everyStops a change this often
 * @param still how much of each component never changes, from its beginning
 */
function* stopsOf(first: Capture, everyStops: number, still = 0): Generator<Capture> {
  const random = randomOf(1);
  const bytes = first.image.bytes.slice();
  const places = first.image.layout.components;
  for (let stop = 0; stop < STOPS; stop += 1) {
    const place = places[random(places.length)];
    if (place !== undefined && stop % everyStops === 0) {
      const from = Math.floor(place.sizeBytes * still);
      for (let byte = 0; byte < 4; byte += 1) {
        bytes[place.offsetBytes + from + random(place.sizeBytes - from)] = random(256);
      }
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
      const [previous, now] = [stops[at - 1], stops[at]];
      return now === undefined ? 0 : now.image.bytes.length + changedComponents(previous ?? null, now).length;
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

// ---- saved sessions ------------------------------------------------------------------------------------------------

const GENERAL = { rax: 1n, rbx: 2n, rcx: 3n, rdx: 4n, rsi: 5n, rdi: 6n, rsp: 0x7ffe0000n, rbp: 0x7ffe0040n };
const HIGH = { r8: 8n, r9: 9n, r10: 10n, r11: 11n, r12: 12n, r13: 13n, r14: 14n, r15: 15n };

/** Stops as of a guest that runs on between them: a component changes, two registers and the time do. */
function* runningStops(everyStops: number, still = 0): Generator<Capture> {
  let stop = 0;
  for (const { image, facts } of stopsOf(sampleAmxCapture(), everyStops, still)) {
    const general = { ...GENERAL, ...HIGH, rcx: BigInt(stop % 64), rip: 0x401000n + BigInt(stop % 977), rflags: 2n };
    yield { image, facts: { ...facts, general, takenAtMs: 1_780_000_000_000 + stop * 17, pauseNs: BigInt(stop * 31) } };
    stop += 1;
  }
}

/** Whole captures take long: as many as this are written and read, and times and bytes are those of all stops. */
const WHOLE_SAMPLE = 500;

const savedOf = (kept: readonly Kept[], capture: (kept: Kept) => Capture): SavedSession => ({
  ...{ product: 'Tilescope', savedAtMs: 0, pinned: null },
  stops: kept.map((one, at) => ({
    ...{ number: at + 1, cause: 'capture', label: null, write: null, kept: one },
    get capture() {
      return capture(one);
    },
  })),
});

test.each(CASES)('a saved session: $what', async ({ what, everyStops }) => {
  const history = createHistory();
  const kept: Kept[] = [];
  const texts: string[] = [];
  let wholeMs = 0;
  for (const capture of runningStops(everyStops)) {
    kept.push(history.add(capture));
    if (texts.length < WHOLE_SAMPLE) wholeMs += timed(() => void texts.push(captureText(capture)));
  }
  const scale = STOPS / WHOLE_SAMPLE;
  const wholeBytes = texts.reduce((sum, text) => sum + text.length, 0) * scale;
  const wholeReadMs = timed(() => void texts.every((text) => parseCaptureText(text).ok)) * scale;
  texts.length = 0;

  const saved = { text: '' };
  const saveMs = timed(() => {
    saved.text = sessionText(savedOf(kept, history.captureOf));
  });
  const before = await memoryBytes();
  const opened: { session?: ReturnType<typeof parseSessionText> } = {};
  const openMs = timed(() => {
    opened.session = parseSessionText(saved.text);
  });
  await nextTask();
  const memory = (await memoryBytes()) - before;
  const { session } = opened;
  assert(session?.ok === true, 'what was saved is read');
  expect(session.value.stops).toHaveLength(STOPS);
  expect(session.value.stops.at(-1)?.capture).toEqual(history.captureOf(kept.at(-1) as Kept));
  const line = (name: string, bytes: number, save: number, open: number): string =>
    `  ${name.padEnd(18)} ${mib(bytes).padStart(10)}   save ${save.toFixed(0).padStart(6)} ms   open ${open.toFixed(0).padStart(6)} ms`;
  console.log(
    [
      `saved session: ${STOPS} stops of 11008 bytes, ${what}, two registers and the time at each`,
      line('session', saved.text.length, saveMs, openMs),
      line('capture documents', wholeBytes, wholeMs * scale, wholeReadMs),
      `  ratio: file 1 : ${(wholeBytes / saved.text.length).toFixed(1)}, save 1 : ${((wholeMs * scale) / saveMs).toFixed(1)}, open 1 : ${(wholeReadMs / openMs).toFixed(1)}`,
      `  in memory after opening: ${mib(memory)}`,
    ].join('\n'),
  );
  expect(saved.text.length * 10).toBeLessThan(wholeBytes);
});

// ---- when did it last change ---------------------------------------------------------------------------------------

const readerOf = (text: string): ValueReader => {
  const path = parsePath(text);
  assert(path.ok, text);
  return pathReader(path.value);
};

test('when a value last changed', async () => {
  const history = createHistory();
  const kept: Kept[] = [];
  for (const capture of runningStops(1, 0.5)) kept.push(history.add(capture));
  // None of them ever changes, so that every stop is asked; what they lie beside does.
  const asked: readonly (readonly [string, ValueReader])[] = [
    ['rbx', readerOf('rbx')],
    ['xmm0:u8[0]', readerOf('xmm0:u8[0]')],
    ['zmm20', readerOf('zmm20')],
    ['tmm1', readerOf('tmm1')],
    ['IA32_XFD', readerOf('xfd')],
  ];
  const lines: string[] = [];
  for (const [name, reader] of asked) {
    const fastMs = timed(() => expect(lastChangeOf(kept, STOPS - 1, reader)).toBeNull());
    const slowMs = timed(() => {
      for (let at = STOPS - 1; at > 0; at -= 1) {
        const [previous, now] = [kept[at - 1] as Kept, kept[at] as Kept];
        if (reader.differs(history.captureOf(previous), history.captureOf(now))) throw new Error('it never changes');
      }
    });
    await nextTask();
    lines.push(
      `  ${name.padEnd(14)} ${fastMs.toFixed(1).padStart(8)} ms   reading every capture ${slowMs.toFixed(0).padStart(6)} ms   ratio 1 : ${(slowMs / fastMs).toFixed(0)}`,
    );
    expect(fastMs).toBeLessThan(slowMs);
  }
  console.log([`last change over ${STOPS} stops, of values that never changed`, ...lines].join('\n'));
});
