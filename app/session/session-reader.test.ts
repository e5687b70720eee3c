import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64, toBase64 } from '../bits/base64.ts';
import { describeProblem } from '../bits/decoded.ts';
import { sampleSession, sampleStop, sessionOf } from '../fixtures/sample-session.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import {
  decodeSession,
  encodeSession,
  type OpenedSession,
  parseSessionText,
  type SavedSession,
  sessionText,
} from './session-document.ts';

type Json = Record<string, unknown>;

const documentOf = (session: SavedSession): Json => JSON.parse(JSON.stringify(encodeSession(session)));
const problem = (document: unknown): string => {
  const read = decodeSession(document);
  return read.ok ? 'decoded' : describeProblem(read.problem);
};

/** Everything of it, each capture asked for. Bytes are text, which compares at once. */
const plain = ({ history: _, stops, ...rest }: OpenedSession) => ({
  ...rest,
  stops: stops.map(({ kept: _kept, capture: { image, facts }, ...stop }) => ({
    ...stop,
    capture: { bytes: toBase64(image.bytes), layout: image.layout, facts },
  })),
});
const readBack = (document: unknown) => {
  const read = decodeSession(document);
  return read.ok ? plain(read.value) : describeProblem(read.problem);
};

/** The document with one place changed; undefined takes it away. */
const withChange = (path: readonly (string | number)[], value: unknown): Json => {
  const document = documentOf(sampleSession());
  let at: Json = document;
  for (const step of path.slice(0, -1)) at = at[step] as Json;
  const last = path.at(-1) ?? '';
  if (value === undefined) delete at[last];
  else at[last] = value;
  return document;
};

describe('[S3] documents from outside', () => {
  test('another format or version is refused by name; what is not known is ignored', () => {
    expect(problem({ format: 'tilescope-capture', version: 1 })).toBe(
      'session document, format: "tilescope-capture" is not tilescope-session',
    );
    expect(problem({ format: 'tilescope-session', version: 2 })).toContain('version 2 is not known here');
    expect(problem(withChange(['weather'], { dry: true }))).toBe('decoded');
    expect(problem(withChange(['stops', 2, 'facts', 'weather'], 'dry'))).toBe('decoded');
    expect(problem(null)).toBe('session document: has to be an object');
  });

  test.each<[(string | number)[], unknown, string]>([
    [['stops'], [], 'session document, stops: has to be a list of one stop or more'],
    [['stops'], Array(100_001).fill(0), 'stops: has 100001 entries'],
    [['stops', 1], null, 'session document, stops[1]: has to be an object'],
    [['stops', 1, 'number'], 1, 'stops[1].number: is not above the one before'],
    [['stops', 0, 'number'], 0, 'stops[0].number: has to be an integer from 1'],
    [['stops', 1, 'cause'], 'magic', 'stops[1].cause: has to be one of attach'],
    [['stops', 1, 'label'], 7, 'stops[1].label: has to be a string'],
    [['stops', 1, 'event'], { kind: 'nm' }, 'stops[1].event.text: has to be a string'],
    [['stops', 1, 'event'], { kind: 'pf', text: '' }, 'stops[1].event.kind: has to be one of nm, ud, gp'],
    [['stops', 1, 'write', 'over'], 1, 'stops[1].write.over: has to be an integer from 0 to 0'],
    [['stops', 1, 'write', 'kind'], 'erase', 'stops[1].write.kind: has to be one of apply, restore, undo, redo'],
    [['stops', 1, 'write', 'assignments', 0, 'path'], 'x'.repeat(200), 'assignments[0].path: is longer than 128'],
    [['stops', 3, 'write', 'scope', 'bits', 0], 63, 'stops[3].write.scope.bits[0]: has to be an integer'],
    [['stops', 3, 'write', 'from', 'number'], 'one', 'stops[3].write.from.number: has to be an integer'],
    [['stops', 0, 'write'], { kind: 'undo', over: 0, writtenBytes: 1 }, 'stops[0].write.over: has to be an integer'],
    [['stops', 0, 'layout'], undefined, 'stops[0].layout: has to be an object'],
    [['stops', 0, 'layout'], 0, 'stops[0].layout: has to be an integer'],
    [['stops', 0, 'layout', 'format'], 'compacted', 'stops[0].pieces: XCOMP_BV'],
    [['stops', 0, 'layout', 'totalBytes'], 2431, 'stops[0].layout.totalBytes: is 2431'],
    [['stops', 0, 'layout', 'components', 2, 'offsetBytes'], 512, 'stops[0].layout: layout from'],
    [['stops', 0, 'pieces'], undefined, 'stops[0].pieces: has to be a list'],
    [['stops', 0, 'pieces'], [], 'stops[0].pieces: XSAVE image is cut short'],
    [['stops', 0, 'pieces', 0], 'AAA', 'stops[0].pieces[0]: base64'],
    [['stops', 0, 'pieces', 0], '', 'stops[0].pieces[0]: is empty'],
    [['stops', 0, 'pieces', 0], 0, 'stops[0].pieces[0]: has to be an integer'],
    [['stops', 1, 'pieces'], [7], 'stops[1].pieces[0]: has to be a place and a piece'],
    [['stops', 1, 'pieces'], [[99, 0]], 'stops[1].pieces[0]: has to be an integer from 0'],
    [['stops', 1, 'pieces'], [[0, 9999]], 'stops[1].pieces[0]: has to be an integer from 0'],
    [['stops', 1, 'pieces'], 'AAAA', 'stops[1].pieces: has to be a list'],
    [['stops', 0, 'facts'], undefined, 'stops[0].facts: has to be an object'],
    [['stops', 0, 'facts', 'xcr0'], undefined, 'stops[0].facts.xcr0: has to be a hex string'],
    [['stops', 0, 'facts', 'guestCpuid'], 0, 'stops[0].facts.guestCpuid: has to be an integer'],
    [['stops', 2, 'facts', 'general', 'rip'], 1, 'stops[2].facts.general.rip: has to be a hex string'],
    [['stops', 2, 'facts', 'takenAtMs'], -1, 'stops[2].facts.takenAtMs: has to be an integer'],
    [['stops', 2, 'facts', 'hostCpuid'], 9, 'stops[2].facts.hostCpuid: has to be an integer'],
    [['pinned'], 4, 'session document, pinned: there is no stop 4'],
    [['staged', 0, 'value'], null, 'session document, staged[0].value: has to be a string'],
    [['product'], undefined, 'session document, product: has to be a string'],
    [['savedAtMs'], 1.5, 'session document, savedAtMs: has to be an integer'],
  ])('%s = %j is refused with its place', (path, value, sentence) => {
    expect(problem(withChange(path, value))).toContain(sentence);
  });

  test('a file cut short at any length is a problem', () => {
    const text = sessionText(sampleSession()).trimEnd();
    const taken: number[] = [];
    for (let length = 0; length < text.length; length += length < 300 || length > text.length - 300 ? 1 : 211)
      if (parseSessionText(text.slice(0, length)).ok) taken.push(length);
    expect(taken).toEqual([]);
  });

  test('no value in any place makes decoding throw', () => {
    const places: (string | number)[][] = [];
    const walk = (value: unknown, path: (string | number)[]): void => {
      if (path.length > 0) places.push(path);
      if (typeof value !== 'object' || value === null) return;
      for (const [name, inner] of Object.entries(value))
        walk(inner, [...path, Array.isArray(value) ? Number(name) : name]);
    };
    walk(documentOf(sampleSession()), []);
    expect(places.length).toBeGreaterThan(300);
    const junk = fc.oneof(
      fc.anything({ withBigInt: false }),
      fc.constantFrom('__proto__', 'AAAA', [[0, 1]], 0, 1, -0, 1e300),
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, (path, value) => {
        const read = decodeSession(withChange(path, value));
        // What was taken can be looked at and written again.
        if (read.ok) expect(readBack(documentOf(read.value))).toEqual(plain(read.value));
        else expect(describeProblem(read.problem)).not.toContain('Tilescope fault');
      }),
      { numRuns: 400 },
    );
    fc.assert(fc.property(fc.anything(), (value) => !decodeSession(value).ok));
    fc.assert(fc.property(fc.json(), (text) => !parseSessionText(text).ok));
  });
});

const fromBase64Length = (text: string | number): number => {
  if (typeof text === 'number') return -1;
  const bytes = fromBase64(text);
  return bytes.ok ? bytes.value.length : -1;
};

describe('[S4] work and memory are bounded, whatever a document claims', () => {
  /** Time of the CPU: how long a test waits for one says nothing of what it costs. */
  const costMs = (work: () => void): number => {
    const begun = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(begun);
    return (user + system) / 1000;
  };
  const wide = (stops: readonly unknown[], sizeBytes = 1 << 20): Json => {
    const document = documentOf(sessionOf(sampleStop(1, sampleCapture())));
    const [first] = document.stops as Json[];
    const head = (first?.pieces ?? []) as unknown[];
    const rest = 'A'.repeat(Math.floor((sizeBytes - 4096) / 3) * 4);
    return { ...document, stops: [{ ...first, pieces: [...head, rest] }, ...stops] };
  };

  test('an image above 1 MiB is refused', () => {
    expect(problem(wide([], 3 << 20))).toContain('stops[0].pieces[');
    expect(problem(wide([{ number: 2, cause: 'capture', layout: 0, pieces: Array(400).fill(12) }]))).toContain(
      'pieces',
    );
  });

  test('many stops that each change a large component all over end early', () => {
    const sizeBytes = 1 << 19;
    const document = wide([], sizeBytes);
    const [first] = document.stops as { layout: Json; pieces: (string | number)[] }[];
    if (first === undefined) expect.fail('no stop');
    const components = first.layout.components as Json[];
    const large = { bit: 40, offsetBytes: 4096, sizeBytes: sizeBytes - 8192, aligned64: false, xfdCapable: false };
    const filler = first.pieces.filter((piece) => typeof piece === 'string').length - 1;
    const stops = Array.from({ length: 50_000 }, (_, at) => ({
      ...{ number: at + 2, cause: 'step' },
      // Every other byte differs from what stood there before.
      pieces: [
        [
          first.pieces.length - 1,
          at === 0 ? 'qgBV'.repeat(Math.floor((sizeBytes - 4096) / 3)) : at % 2 === 0 ? filler + 1 : filler,
        ],
      ],
    }));
    const layout = {
      ...first.layout,
      totalBytes: large.offsetBytes + large.sizeBytes,
      components: [...components, { ...large, supervisor: false }],
    };
    const inUse = Uint8Array.from({ length: 64 }, (_, at) => (at === 0 ? 0xe7 : at === 5 ? 1 : 0));
    const pieces = first.pieces.map((piece) => (fromBase64Length(piece) === 64 ? toBase64(inUse) : piece));
    const whole = { ...document, stops: [{ ...first, layout, pieces }, ...stops] };
    expect(costMs(() => expect(problem(whole)).toContain('take more than can be read'))).toBeLessThan(20_000);
  });

  test('long CPUID tables that every stop names by their number take no longer than short ones', () => {
    const document = documentOf(sessionOf(sampleStop(1, sampleCapture())));
    const [first] = document.stops as { facts: Json }[];
    const none = { leaf: '0x0', subleaf: '0x0', eax: '0x0', ebx: '0x0', ecx: '0x0', edx: '0x0' };
    const stops = Array.from({ length: 30_000 }, (_, at) => ({
      ...{ number: at + 3, cause: 'step' },
      facts: { guestCpuid: 2 + ((at + 1) % 2), hostCpuid: 2 + (at % 2) },
    }));
    const costOf = (entries: number): number => {
      const table = (edx: string) => [...Array(entries - 1).fill(none), { ...none, edx }];
      const tables = { guestCpuid: table('0x1'), hostCpuid: table('0x2') };
      // Each table stands there twice, and the second one is what the stops name.
      const twice = { number: 2, cause: 'step', facts: tables };
      const whole = [{ ...first, facts: { ...first?.facts, ...tables } }, twice, ...stops];
      return costMs(() => expect(problem({ ...document, stops: whole })).toBe('decoded'));
    };
    costOf(1);
    expect(costOf(4096)).toBeLessThan(costOf(1) * 5 + 500);
  });
});
