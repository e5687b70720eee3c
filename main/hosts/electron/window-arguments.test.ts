import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { CLI_VERBS } from '../cli/verbs.ts';
import { readWords, wordsAfter } from './window-arguments.ts';

const read = (words: readonly string[], cwd = '/home/u') => {
  const asked = readWords(words, CLI_VERBS, cwd);
  return asked.ok ? asked.value : asked.refusal.what;
};
const window = (file: string | null, unknown: readonly string[] = []) => ({
  kind: 'window',
  file,
  deterministic: false,
  unknown,
});

describe('[C80] words on Electron’s command line', () => {
  test('ours begin behind the executable, and behind the folder where it runs from one, whatever stands between', () => {
    expect(wordsAfter(['/opt/Tilescope/tilescope', 'a', '--b'], null)).toEqual(['a', '--b']);
    expect(wordsAfter(['electron', '/src', 'a'], '/src')).toEqual(['a']);
    expect(wordsAfter(['electron', '--inspect=0', '--remote-debugging-port=0', '/src', '--x', 'a'], '/src')).toEqual([
      '--x',
      'a',
    ]);
  });

  test('a verb is found behind Chromium’s switches, and everything behind it is the verb’s', () => {
    const words = ['diff', 'a.json', 'pid:1/0', '--json', '--no-sandbox'];
    expect(read(['--no-sandbox', '--ozone-platform=headless', '--', ...words])).toEqual({ kind: 'verb', words });
    expect(read(['--no-sandbox', '--ozone-platform=headless', ...words])).toEqual({ kind: 'verb', words });
    for (const verb of CLI_VERBS) expect(read(['--no-sandbox', '--', verb])).toEqual({ kind: 'verb', words: [verb] });
  });

  test('a file that only has a verb’s name is opened by another spelling of it', () => {
    expect(read(['./list'])).toEqual(window('/home/u/list'));
  });

  test.each([
    [['saved.json', '--ozone-platform=wayland'], window('/home/u/saved.json')],
    [['--enable-features=UseOzonePlatform', 'saved.json'], window('/home/u/saved.json')],
    [['--no-sandbox', '--remote-debugging-port=0', '/a/saved.json'], window('/a/saved.json')],
    [['--force-device-scale-factor=2'], window(null)],
    [['--detreministic', 'a'], window('/home/u/a', ['--detreministic'])],
    [['--', '-strange'], window('/home/u/-strange')],
    [['file:///tmp/with%20space.json'], window('/tmp/with space.json')],
    [['FILE:///tmp/a'], window('/tmp/a')],
  ])('a switch takes no file away: %j', (words, asked) => {
    expect(read(words)).toEqual(asked);
  });

  test('a path that is there stays one, whatever it looks like', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tilescope-words-'));
    afterAll(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, 'vm:saved'), '');
    expect(read(['vm:saved'], folder)).toEqual(window(join(folder, 'vm:saved')));
    expect(read([join(folder, 'vm:saved')], '/')).toEqual(window(join(folder, 'vm:saved')));
  });

  test('--web is the page, with its own options', () => {
    expect(read(['--web', '--port', '8080', '--no-open', 'a'])).toEqual({
      kind: 'page',
      words: ['--web', '--port', '8080', '--no-open', 'a'],
    });
  });

  test.each([
    [['a', 'b'], /one file can be opened/],
    [['--port', 'x'], /--port is a number/],
    [['https://example.org/a'], /no file of this machine/],
    [['file://elsewhere/a'], /no file of this machine/],
  ])('what cannot be done is said: %j', (words, what) => {
    expect(read(words)).toMatch(what);
  });
});
