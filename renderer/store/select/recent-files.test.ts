import { expect, test } from 'vitest';
import { createFakeBridge } from '../../testing/fake-bridge.ts';
import { createDebuggerStore } from '../debugger-store.ts';
import { fileWords, parseRecent, recentWhen, withRecent } from './recent-files.ts';

test('a file opened again moves to the front, and no more than eight are kept', () => {
  const files = Array.from({ length: 8 }, (_, at) => ({
    name: `core.${at}`,
    what: 'ELF core, 1 thread',
    openedAtMs: at,
  }));
  const again = withRecent(files, { name: 'core.3', what: 'ELF core, 1 thread', openedAtMs: 99 });
  expect([again.length, again[0]?.openedAtMs, again.filter(({ name }) => name === 'core.3').length]).toEqual([
    8, 99, 1,
  ]);
  const more = withRecent(files, { name: 'new.bin', what: 'raw XSAVE image', openedAtMs: 99 });
  expect([more.length, more[0]?.name, more.at(-1)?.name]).toEqual([8, 'new.bin', 'core.6']);
});

test('what was remembered is read as it comes, and nothing else', () => {
  const good = { name: 'a', what: 'capture', openedAtMs: 5 };
  expect(parseRecent(JSON.stringify([good, { name: 'b' }, null, 7, { ...good, openedAtMs: 'x' }]))).toEqual([good]);
  for (const text of [null, '', '{', '{}', '7']) expect(parseRecent(text)).toEqual([]);
});

test('the day stands in words where it is near', () => {
  const now = new Date(2026, 10, 22, 15, 0).getTime();
  expect(recentWhen(new Date(2026, 10, 22, 9, 5).getTime(), now)).toBe('today 09:05');
  expect(recentWhen(new Date(2026, 10, 21, 23, 59).getTime(), now)).toBe('yesterday');
  expect(recentWhen(new Date(2026, 10, 18).getTime(), now)).toBe('18 Nov');
  expect(recentWhen(new Date(2024, 10, 12).getTime(), now)).toBe('12 Nov 2024');
});

test('the store remembers files beyond the window', () => {
  const kept = new Map<string, string>();
  const remembered = {
    get: (key: string) => kept.get(key) ?? null,
    set: (key: string, text: string) => kept.set(key, text),
  };
  createDebuggerStore(createFakeBridge(), remembered)
    .getState()
    .noteRecentFile({
      name: 'core.1',
      what: fileWords({ kind: 'elf-core', states: [], preset: null }, 1),
      openedAtMs: 5,
    });
  expect(createDebuggerStore(createFakeBridge(), remembered).getState().recentFiles).toEqual([
    { name: 'core.1', what: 'ELF core, 0 threads', openedAtMs: 5 },
  ]);
});

test('a saved session is remembered with its stops', () => {
  expect(fileWords({ kind: 'session', states: [], preset: null }, 191)).toBe('saved session, 191 stops');
});
