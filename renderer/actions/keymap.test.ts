import { expect, test } from 'vitest';
import { chordOf, chordText, commandOf, keyText } from '../keys/chord.ts';
import { KEYMAP, type KeyRow } from '../keys/keymap.ts';
import { action } from './registry.ts';

const SOURCES = import.meta.glob<string>(['../**/*.{ts,tsx}', '!../**/*.test.ts', '!../keys/*'], {
  query: '?raw',
  import: 'default',
  eager: true,
});
const [README = ''] = Object.values(
  import.meta.glob<string>('../../README.md', { query: '?raw', import: 'default', eager: true }),
);
const rowsOf = (scope: keyof typeof KEYMAP): [string, KeyRow][] => Object.entries(KEYMAP[scope]);
const chordsOf = (...scopes: (keyof typeof KEYMAP)[]): string[] =>
  scopes.flatMap((scope) => rowsOf(scope).flatMap(([, { keys }]) => keys));

test('[U17] a key does one thing in its scope, and every key of the window is that of an act', () => {
  for (const scopes of [['window', 'everywhere'], ['grid', 'registers'], ['grid', 'matrix'], ['cell']] as const) {
    const chords = chordsOf(...scopes);
    expect(new Set(chords).size, scopes.join()).toBe(chords.length);
  }
  for (const scope of Object.keys(KEYMAP) as (keyof typeof KEYMAP)[]) {
    expect(new Set(chordsOf(scope)).size, scope).toBe(chordsOf(scope).length);
  }
  for (const [id] of rowsOf('window')) expect(action(id).title, id).not.toBe('');
});

test('[U17] a control takes no key of the window for something else', () => {
  const wide = new Set(chordsOf('window'));
  const hidden = (Object.keys(KEYMAP) as (keyof typeof KEYMAP)[])
    .filter((scope) => scope !== 'window' && scope !== 'browser')
    .flatMap((scope) =>
      rowsOf(scope).flatMap(([command, { keys }]) =>
        keys.filter((key) => wide.has(key)).map((key) => `${scope} ${command} ${key}`),
      ),
    );
  // What is being typed is staged first, and then it is the same act.
  expect(hidden).toEqual(['editor apply Ctrl+Enter']);
});

const press = (key: string, held: Partial<Record<'ctrlKey' | 'altKey' | 'shiftKey' | 'metaKey', boolean>> = {}) => ({
  ...{ key, ctrlKey: false, altKey: false, shiftKey: false, metaKey: false },
  ...held,
});

test('a chord is written one way, whatever the layout of the keyboard gives with Shift', () => {
  expect(chordOf(press('p', { ctrlKey: true, shiftKey: true }))).toBe('Ctrl+Shift+P');
  expect(chordOf(press('P', { metaKey: true, shiftKey: true }))).toBe('Ctrl+Shift+P');
  expect(chordOf(press('?', { shiftKey: true }))).toBe('?');
  expect(chordOf(press(' '))).toBe('Space');
  expect(commandOf('history', press('+', { shiftKey: true }))).toBe('nearer');
  expect(commandOf('grid', press('ArrowUp', { ctrlKey: true, shiftKey: true }))).toBe('up');
  expect(commandOf('grid', press('Enter', { ctrlKey: true }))).toBeNull();
  expect(commandOf('list', press('ArrowUp', { altKey: true }))).toBeNull();
});

/** Where a key is read otherwise: what a field needs for itself, and what begins a text. */
const READERS = ['../panels/registers/ValueEditor.tsx', './keys.ts'];

test('[U17] no control reads keys by itself', () => {
  const readers = Object.entries(SOURCES).flatMap(([path, text]) =>
    /\.key (===|!==) '|\[\s*event\.key\s*\]|includes\(event\.key\)|event\.key\.length/.test(text) ? [path] : [],
  );
  expect(Object.keys(SOURCES).length).toBeGreaterThan(100);
  expect(readers.sort()).toEqual(READERS);
});

/** README's list of keys, drawn from the table. */
const readmeKeys = (): string =>
  (['Run', 'Edit', 'View', 'Target', 'Help'] as const)
    .map((group) => {
      const acts = rowsOf('window').flatMap(([id, { keys }]) =>
        action(id).group === group ? [`\`${keys.map(chordText).join('`, `')}\` ${action(id).title}`] : [],
      );
      return `- ${group}: ${acts.join(' · ')}`;
    })
    .join('\n');

test('[U17] README lists the keys that there are', () => {
  const listed = /\n## Keys\n\n([\s\S]*?)\n\n/.exec(README)?.[1];
  expect(listed).toBe(readmeKeys());
});

test('the overlay shows a row as one would say it', () => {
  expect(keyText(KEYMAP.history.nearer)).toBe('+ − 0');
  expect(keyText(KEYMAP.editor.apply)).toBe('Ctrl Enter');
  expect(keyText(KEYMAP.editor.onward)).toBe('Tab');
});
