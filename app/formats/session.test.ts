import { describe, expect, test } from 'vitest';
import { describeProblem } from '../bits/decoded.ts';
import { utf8FromText } from '../bits/text.ts';
import { sampleAmxCapture, sampleCapture } from '../fixtures/samples.ts';
import { decodeSession, type SavedSession, sessionText } from '../session/session-document.ts';
import { openBytes } from './detect.ts';
import type { OpenOptions } from './opened.ts';

const session: SavedSession = {
  ...{ product: 'Tilescope 0.1.0', savedAtMs: 1_780_000_000_000, pinned: 4, staged: [{ path: 'rax', value: '1' }] },
  stops: [
    { number: 1, cause: 'attach', label: null, write: null, capture: sampleCapture() },
    {
      ...{ number: 3, cause: 'apply', label: null, capture: sampleAmxCapture() },
      write: { kind: 'apply', assignments: [{ path: 'mxcsr', value: '0x1f80' }], over: 0, writtenBytes: 4 },
    },
    { number: 4, cause: 'step', label: 'before the loop', write: null, capture: sampleCapture() },
  ],
};
const file = utf8FromText(sessionText(session));

const open = (options: OpenOptions = {}) => {
  const opened = openBytes('a.json', file, options);
  if (!opened.ok) expect.fail(describeProblem(opened.problem));
  return opened.value;
};

describe('[F17] a saved session', () => {
  test('is known by its content, with one state for each stop, chosen by its number', () => {
    const { kind, states } = open();
    expect(kind).toBe('session');
    expect(states.map(({ number, label }) => [number, label])).toEqual([
      [1, 'stop 1, attach'],
      [3, 'stop 3, edits written'],
      [4, 'stop 4, before the loop'],
    ]);
    expect(states.map(({ capture }) => capture)).toEqual(session.stops.map(({ capture }) => capture));
    expect(open({ thread: 3 }).states.map(({ capture }) => capture)).toEqual([sampleAmxCapture()]);
  });

  test('a stop that is not there is refused with those that are', () => {
    const opened = openBytes('a.json', file, { thread: 2 });
    expect(!opened.ok && describeProblem(opened.problem)).toBe(
      'a.json: there is no stop 2 in it; they are numbered from 1 to 4',
    );
  });

  test('its layouts are its own, whatever preset is named', () => {
    expect(open({ preset: 'zen2' }).states.map(({ capture }) => capture)).toEqual(
      open().states.map((one) => one.capture),
    );
  });

  test('gives all its stops to whoever shows a timeline, whichever state was asked for', () => {
    const read = decodeSession(open({ thread: 1 }).session);
    if (!read.ok) expect.fail(describeProblem(read.problem));
    expect(read.value).toMatchObject({ product: session.product, pinned: 4, staged: session.staged });
    expect(read.value.stops.map(({ write, label }) => ({ write, label }))).toEqual(
      session.stops.map(({ write, label }) => ({ write, label })),
    );
  });

  test('what else stands in the file is not passed on', () => {
    const nested = JSON.stringify({ ...JSON.parse(sessionText(session)), weather: [[['dry']]] });
    const opened = openBytes('a.json', utf8FromText(nested));
    expect(opened.ok && opened.value.session).toEqual(open().session);
  });

  test('one that cannot be read is refused with the place', () => {
    const broken = JSON.parse(sessionText(session));
    broken.stops[1].cause = 'magic';
    const opened = openBytes('a.json', utf8FromText(JSON.stringify(broken)));
    expect(!opened.ok && describeProblem(opened.problem)).toContain(
      'session document, stops[1].cause: has to be one of',
    );
  });
});
