import { describe, expect, test } from 'vitest';
import { concat, writeU32, writeU64 } from '../bits/bytes.ts';
import { assert, describeProblem } from '../bits/decoded.ts';
import { textFromUtf8, utf8FromText } from '../bits/text.ts';
import { sampleSession } from '../fixtures/sample-session.ts';
import { sampleCapture } from '../fixtures/samples.ts';
import { captureText } from '../session/document.ts';
import { sessionText } from '../session/session-document.ts';
import { openBytes } from './detect.ts';
import { writeCore } from './elf-write.ts';
import { parseJson } from './json.ts';
import { surveyJson } from './json-survey.ts';

/* What a file of megabytes may make of memory: each of these took gigabytes, or ended the process, where nothing counts. */

const filled = (head: string, piece: string, count: number, tail: string): Uint8Array => {
  const unit = utf8FromText(piece);
  const block = concat(Array.from({ length: 1024 }, () => unit));
  const blocks = Array.from({ length: Math.ceil(count / 1024) }, () => block);
  return concat([utf8FromText(head), ...blocks, utf8FromText(tail)]);
};

const problemOf = (bytes: Uint8Array): string => {
  const opened = openBytes('a', bytes);
  return opened.ok ? 'opened' : describeProblem(opened.problem);
};

describe('[F14] JSON is counted before it is parsed', () => {
  test.each([
    ['objects', '{"a":[', '{},', 2_200_000, /lists and objects/],
    ['lists', '{"a":[', '[],', 2_200_000, /lists and objects/],
    ['objects in a document of ours', '{"format":"tilescope-session","a":[', '{},', 2_200_000, /lists and objects/],
    ['strings', '{"format":"tilescope-session","a":[', '"ab",', 4_300_000, /strings/],
    ['members', '{"format":"tilescope-session",', '"a":1,', 4_300_000, /members/],
    ['numbers', '{"format":"tilescope-session","a":[', '1,', 17_000_000, /values/],
  ])('too many %s', (_name, head, piece, count, said) => {
    expect(problemOf(filled(head, piece, count, '0]}'))).toMatch(said);
  });

  test.each([
    ['objects', '{"snapshots":[', '{},', 600_000],
    ['strings', '{"snapshots":[', '"ab",', 600_000],
    ['members', '{"snapshots":{},', '"a":1,', 600_000],
    ['numbers beyond 2^53', '{"snapshots":[', '9999999999999999999,', 600_000],
  ])('the reader that keeps every number counts for itself: %s', (_name, head, piece, count) => {
    expect(problemOf(filled(head, piece, count, '0]}'))).toMatch(/at most \d+ lists, objects, members and strings/);
  });

  test('nesting ends at its bound, in either reader', () => {
    const deep = `{"a":${'['.repeat(65)}${']'.repeat(65)}}`;
    expect(problemOf(utf8FromText(deep))).toMatch(/deeper than 64/);
    expect(parseJson('a', deep).ok).toBe(false);
  });

  test('brackets, quotes and commas inside of strings count for nothing', () => {
    const text = JSON.stringify({ 'a"b\\': `${'[{,":'.repeat(100)}\\`, format: '\\"' });
    const survey = surveyJson('a', utf8FromText(text));
    assert(survey.ok, 'it is surveyed');
    expect([...survey.value.names]).toEqual(['a"b\\', 'format']);
  });

  test('a name that is written with escapes is the name', () => {
    const text = captureText(sampleCapture()).replace('"format"', '"f\\u006frmat"');
    expect(openBytes('a', utf8FromText(text)).ok).toBe(true);
  });

  test('what Tilescope writes stays far below', () => {
    for (const text of [captureText(sampleCapture()), sessionText(sampleSession())]) {
      expect(openBytes('a', utf8FromText(text)).ok).toBe(true);
    }
  });
});

describe('[F14] notes of a core are counted', () => {
  const coreOf = (notes: Uint8Array): Uint8Array => {
    const whole = writeCore(sampleCapture());
    assert(whole.ok, 'a core is written');
    const head = whole.value.slice(0, 120);
    writeU64(head, 64 + 32, BigInt(notes.length));
    return concat([head, notes]);
  };

  test('empty notes of a kind that is looked for', () => {
    const note = new Uint8Array(12);
    writeU32(note, 8, 1);
    const notes = concat(Array.from({ length: 300_000 }, () => note));
    expect(problemOf(coreOf(notes))).toMatch(/more than 262144 notes/);
  });

  test('more threads than anyone looks at: one is opened by its number', () => {
    const whole = writeCore(sampleCapture());
    assert(whole.ok, 'a core is written');
    const notes = whole.value.slice(120);
    const many = coreOf(concat(Array.from({ length: 8193 }, () => notes)));
    expect(problemOf(many)).toMatch(/more than 8192 threads/);
  });
});

test('[F13] a core with numbers of processes that none has opens, and what is saved of it opens again', () => {
  const core = writeCore(sampleCapture());
  assert(core.ok, 'a core is written');
  // The notes begin at 120, each descriptor 20 bytes further; NT_PRSTATUS has 336 bytes.
  writeU32(core.value, 140 + 32, 0xffff_fffb);
  writeU32(core.value, 140 + 336 + 20 + 24, 0xffff_fff9);
  const opened = openBytes('core', core.value);
  assert(opened.ok, 'it opens');
  const [state] = opened.value.states;
  assert(state !== undefined, 'with its state');
  expect(state.capture.facts.target).toMatchObject({ pid: null, tid: null });
  expect(problemOf(utf8FromText(captureText(state.capture)))).toBe('opened');
});

test('[B5] text of bytes that are none is one text, not one for each byte', () => {
  const bytes = new Uint8Array(3 << 20).fill(0xff);
  expect(textFromUtf8(bytes)).toBe('\ufffd'.repeat(bytes.length));
});
