import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toBase64 } from '../bits/base64.ts';
import { describeProblem } from '../bits/decoded.ts';
import { MAX_U64 } from '../bits/mask.ts';
import type { Capture } from '../capture/capture.ts';
import { sampleSession, sampleStop, sessionOf } from '../fixtures/sample-session.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { BIT } from '../xsave/components.ts';
import { createHistory } from './history.ts';
import {
  decodeSession,
  encodeSession,
  parseSessionText,
  type SavedSession,
  type SavedStop,
  sessionText,
} from './session-document.ts';
import { STOP_CAUSES, type Write } from './stop.ts';

type Json = Record<string, unknown>;

const documentOf = (session: SavedSession): Json => JSON.parse(JSON.stringify(encodeSession(session)));

/** What is to come back: plain values, with the captures asked for. Bytes are text, which compares at once. */
const plain = (session: SavedSession) => ({
  product: session.product,
  savedAtMs: session.savedAtMs,
  pinned: session.pinned,
  staged: session.staged ?? [],
  stops: session.stops.map(({ number, cause, label, write, event, code, capture: { image, facts } }) => ({
    ...{ number, cause, label, write, event: event ?? null, code: code == null ? null : [...code] },
    capture: { bytes: toBase64(image.bytes), layout: image.layout, facts },
  })),
});
const readBack = (document: unknown) => {
  const read = decodeSession(document);
  return read.ok ? plain(read.value) : describeProblem(read.problem);
};

// ---- arbitrary sessions --------------------------------------------------------------------------------------------

const words = fc.string({ unit: 'binary', maxLength: 12 });
const u64 = fc.bigInt(0n, MAX_U64);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const assignment = fc.record({ path: words, value: words });
const scope = fc.oneof(
  fc.constant({ kind: 'all' as const }),
  fc.record({ kind: fc.constant('components' as const), bits: fc.array(fc.nat(62), { maxLength: 4 }) }),
  fc.record({ kind: fc.constant('paths' as const), paths: fc.array(words, { maxLength: 4 }) }),
);
const from = fc.oneof(
  fc.record({ kind: fc.constant('stop' as const), number: fc.integer({ min: 1, max: 99 }) }),
  fc.record({ kind: fc.constant('file' as const), name: words }),
);

const writeOver = (stops: number): fc.Arbitrary<Write | null> => {
  if (stops === 0) return fc.constant(null);
  const about = { over: fc.nat(stops - 1), writtenBytes: fc.nat(20_000) };
  return maybe(
    fc.oneof(
      fc.record({ kind: fc.constant('apply' as const), assignments: fc.array(assignment, { maxLength: 3 }), ...about }),
      fc.record({ kind: fc.constant('restore' as const), scope, ...about }),
      fc.record({ kind: fc.constant('restore' as const), scope, from, ...about }),
      fc.record({ kind: fc.constantFrom('undo' as const, 'redo' as const), ...about }),
    ),
  );
};

/** What becomes of a capture from one stop to the next, or which other one comes. */
const change: fc.Arbitrary<(capture: Capture) => Capture> = fc.oneof(
  fc.constant((capture: Capture) => capture),
  fc.record({ at: fc.nat(11_007), to: fc.nat(255) }).map(({ at, to }) => (capture: Capture) => {
    const bytes = capture.image.bytes.slice();
    // XCOMP_BV decides on the format, and the layouts here are of the standard one.
    if (at < 520 || at >= 528) bytes.fill(to, at, Math.min(at + 3, at < 520 ? 520 : bytes.length));
    return { ...capture, image: { ...capture.image, bytes } };
  }),
  fc.nat(10_000).map((cut) => (capture: Capture) => {
    const bytes = capture.image.bytes.slice(0, Math.max(576, capture.image.bytes.length - cut));
    return { ...capture, image: { ...capture.image, bytes } };
  }),
  fc.constantFrom(sampleCapture, sampleAmxCapture).map((sample) => () => sample()),
  words.map((source) => (capture: Capture) => {
    const layout = { ...capture.image.layout, source };
    return { ...capture, image: { ...capture.image, layout } };
  }),
  fc.record({ rip: u64, rax: u64, takenAtMs: fc.maxSafeNat(), xcr0: maybe(u64) }).map((facts) => (capture: Capture) => {
    const { general } = capture.facts;
    const { rip, rax, ...rest } = facts;
    const moved = general === null ? null : { ...general, rip, rax };
    return { ...capture, facts: { ...capture.facts, ...rest, general: moved } };
  }),
  fc.constantFrom(sampleCapture().facts.general, null).map((general) => (capture: Capture) => ({
    ...capture,
    facts: { ...capture.facts, general, guestCpuid: general === null ? [] : capture.facts.hostCpuid },
  })),
  fc.constantFrom('live' as const, 'model' as const, 'file' as const).map((kind) => (capture: Capture) => ({
    ...capture,
    facts: { ...capture.facts, target: { ...capture.facts.target, kind }, msrs: [], frozen: kind === 'model' },
  })),
);

const anySession: fc.Arbitrary<SavedSession> = fc.array(change, { minLength: 1, maxLength: 14 }).chain((changes) => {
  const captures: Capture[] = [];
  for (const next of changes) captures.push(next(captures.at(-1) ?? sampleCapture()));
  const stops = captures.map((capture, at) =>
    fc.record({
      number: fc.constant(at * 2 + 1),
      cause: fc.constantFrom(...STOP_CAUSES),
      label: maybe(words),
      write: writeOver(at),
      event: maybe(fc.record({ kind: fc.constantFrom('nm' as const, 'ud' as const, 'gp' as const), text: words })),
      code: maybe(fc.uint8Array({ minLength: 1, maxLength: 15 })),
      // As it comes over the bridge: nothing is shared with another.
      capture: fc.constant(capture).map((one) => structuredClone(one)),
    }),
  );
  return fc.record({
    product: words,
    savedAtMs: fc.maxSafeNat(),
    pinned: maybe(fc.constantFrom(...captures.map((_, at) => at * 2 + 1))),
    staged: fc.array(assignment, { maxLength: 3 }),
    stops: fc.tuple(...stops) as unknown as fc.Arbitrary<SavedStop[]>,
  });
});

// ---- rules ---------------------------------------------------------------------------------------------------------

describe('[S1] a session written and read is the same session', () => {
  test('with one of everything, as document and as text', () => {
    expect(readBack(documentOf(sampleSession()))).toEqual(plain(sampleSession()));
    const read = parseSessionText(sessionText(sampleSession()));
    expect(read.ok && plain(read.value)).toEqual(plain(sampleSession()));
  });

  test('whatever its stops, writes, labels and layouts are', () => {
    fc.assert(
      fc.property(anySession, (any) => {
        const document = documentOf(any);
        expect(readBack(document)).toEqual(plain(any));
        // What was read is written the same: from the kept pieces, and from the captures alone.
        const read = decodeSession(document);
        if (!read.ok) expect.fail('not decoded');
        expect(documentOf(read.value)).toEqual(document);
        const stops = read.value.stops.map(({ kept: _, capture, ...rest }) => ({ ...rest, capture }));
        expect(documentOf({ ...read.value, stops })).toEqual(document);
      }),
      { numRuns: 50 },
    );
  });

  test('without staged edits there are none', () => {
    const read = decodeSession(documentOf(sessionOf(sampleStop(1, sampleCapture()))));
    expect(read.ok && read.value.staged).toEqual([]);
  });

  test('more stops can be added behind the last', () => {
    const read = decodeSession(documentOf(sampleSession()));
    if (!read.ok) expect.fail('not decoded');
    const { history, stops } = read.value;
    const bytes = history.keptBytes;
    const again = history.add(structuredClone(sampleAmxCapture()));
    expect(history.keptBytes).toBe(bytes);
    expect(again.pieces).toBe(stops.at(-1)?.kept.pieces);
    expect(again.changed).toEqual([]);
  });
});

describe('[S2] what is equal stands once', () => {
  const text = (...captures: Capture[]): string =>
    sessionText(sessionOf(...captures.map((one, at) => sampleStop(at + 1, one))));

  test('an equal stop is a line of its number and cause', () => {
    const lines = text(sampleCapture(), structuredClone(sampleCapture())).split('\n');
    expect(lines[2]).toBe('{"number":2,"cause":"capture"}');
    expect(lines).toHaveLength(5);
  });

  test('a register that changed is named alone, and a changed component costs its pieces', () => {
    const [, second, third, fourth] = documentOf(sampleSession()).stops as Json[];
    expect(second).not.toHaveProperty('facts');
    expect(second).not.toHaveProperty('layout');
    expect(second?.pieces).toHaveLength(1);
    expect(third).toEqual({
      number: 3,
      cause: 'capture',
      facts: { takenAtMs: 1_780_000_000_123, general: { rip: '0x401000' } },
    });
    expect(fourth?.layout).toMatchObject({ format: 'standard', totalBytes: 11008 });
  });

  test('pieces, layouts and CPUID tables that come back are numbers', () => {
    const [, , third] = documentOf(
      sessionOf(
        sampleStop(1, sampleCapture()),
        sampleStop(2, sampleAmxCapture()),
        sampleStop(3, structuredClone(sampleCapture())),
      ),
    ).stops as Json[];
    expect(third?.layout).toBe(0);
    expect(((third?.pieces ?? ['none']) as unknown[]).every((piece) => typeof piece === 'number')).toBe(true);
    expect(third?.facts).toMatchObject({ guestCpuid: 0, hostCpuid: 1 });
  });

  test('[TP3] an instruction that comes back is a number', () => {
    const at = (number: number, code: number[]) => sampleStop(number, sampleCapture(), { code: Uint8Array.from(code) });
    const document = encodeSession(
      sessionOf(at(1, [0x90]), at(2, [0xc4, 0xe2]), at(3, [0x90]), sampleStop(4, sampleCapture())),
    );
    const codes = (document.stops as { code?: unknown }[]).map(({ code }) => code);
    expect(codes).toEqual(['90', 'c4e2', 0, undefined]);
    const read = decodeSession(document);
    expect(read.ok && read.value.stops.map(({ code }) => code && [...code])).toEqual([
      [0x90],
      [0xc4, 0xe2],
      [0x90],
      undefined,
    ]);
    const { stops, ...head } = document;
    for (const code of ['9', 'zz', '', 2, -1, '90'.repeat(16)]) {
      expect(decodeSession({ ...head, stops: [{ ...(stops as object[])[0], code }] }).ok, String(code)).toBe(false);
    }
  });

  test('also where the stops come from two histories', () => {
    const [one, other] = [createHistory(), createHistory()];
    const [a, b] = [one.add(sampleCapture()), other.add(structuredClone(sampleCapture()))];
    const made = sessionText(
      sessionOf(sampleStop(1, sampleCapture(), { kept: a }), sampleStop(2, sampleCapture(), { kept: b })),
    );
    expect(made.length).toBeLessThan(text(sampleCapture()).length + 6000);
    expect(readBack(JSON.parse(made))).toEqual(
      plain(sessionOf(sampleStop(1, sampleCapture()), sampleStop(2, sampleCapture()))),
    );
  });

  test('after reading, equal parts of two stops are one object', () => {
    const read = decodeSession(documentOf(sampleSession()));
    if (!read.ok) expect.fail('not decoded');
    const [first, second, third] = read.value.stops.map(({ kept }) => kept);
    expect(second?.facts).toBe(first?.facts);
    expect(third?.pieces).toBe(second?.pieces);
    expect(third?.facts.hostCpuid).toBe(first?.facts.hostCpuid);
    expect(third?.facts.control).toBe(first?.facts.control);
    expect(second?.pieces.filter((piece, at) => piece !== first?.pieces[at])).toHaveLength(1);
    expect(second?.changed).toEqual([BIT.AVX]);
  });

  test('2,000 stops of 11,008 bytes with a changed component in ten take less than a fiftieth of whole captures', () => {
    const first = sampleAmxCapture();
    const { bytes, layout } = first.image;
    const places = layout.components;
    const stops = Array.from({ length: 2000 }, (_, at) => {
      const place = places[(at * 7) % places.length];
      if (at % 10 === 0 && place !== undefined) bytes[place.offsetBytes + ((at * 31) % place.sizeBytes)] = at % 251;
      return sampleStop(at + 1, structuredClone(first));
    });
    expect(bytes.length).toBe(11_008);
    const whole = stops.length * bytes.length;
    const saved = sessionText(sessionOf(...stops));
    expect(saved.length * 50).toBeLessThan(whole * (4 / 3));
    const read = parseSessionText(saved);
    expect(read.ok && read.value.history.keptBytes * 50).toBeLessThan(whole);
    expect(read.ok && read.value.stops[1234]?.capture).toEqual(stops[1234]?.capture);
  });
});
