import { expect, test } from 'vitest';
import { shownJson, shownLines, shownText } from '../../app/bits/text.ts';
import { shown } from './shown.ts';

/** What a terminal obeys, what turns text around, what breaks a line, what cannot be seen, half a character. */
const EVIL = [
  ...['\u0000', '\u0007', '\u001b', '\u007f', '\u009b', '\u0085', '\t', '\r'],
  ...['\u061c', '\u200b', '\u200e', '\u200f', '\u202a', '\u202d', '\u202e', '\u2066', '\u2069', '\ufeff', '\u00ad'],
  ...['\u2028', '\u2029', '\ud800', '\udfff', '\u3164', '\u{e0001}', '\u{e0041}'],
];
/** Letters of any script, marks above them, and signs stay. */
const GOOD = 'Größe “x” — 日本語 שלום é e\u0301 😀 №5';

test.each(EVIL.map((text) => [JSON.stringify(text), text]))('[B7] %s is not shown', (_name, evil) => {
  expect(shownText(`a${evil}b`)).toBe('a?b');
  expect(shownLines(`a${evil}\nb`)).toBe('a?\nb');
  const json = shownJson(JSON.stringify([`a${evil}b`], null, 2));
  expect(json).not.toContain(evil);
  expect(JSON.parse(json)).toEqual([`a${evil}b`]);
});

test('[B7] what can be seen is left alone', () => {
  expect(shownText(GOOD)).toBe(GOOD);
  expect(shownText('a\nb')).toBe('a?b');
  expect(shownLines('a\nb')).toBe('a\nb');
});

test('[B7] an answer to a page is cleaned wherever text stands in it', () => {
  const bytes = Uint8Array.of(1, 2);
  const answer = { ok: true, value: [{ name: 'a\u202eb', '\u009bkey': 1n, bytes, none: null, count: 3 }] };
  expect(shown(answer)).toEqual({ ok: true, value: [{ name: 'a?b', '?key': 1n, bytes, none: null, count: 3 }] });
  const good = { name: GOOD, list: ['x', 1, null, true] };
  expect(shown(good)).toBe(good);
});
