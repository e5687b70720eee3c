import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './boot/say.mjs';

const filesOf = (folder: string, ending: RegExp): readonly string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => ending.test(name))
    .map((name) => join(folder, name));

/** kill(2): 0 is every process of the caller’s group, -1 every one that it may signal; what was not started has such a number. */
test('no story sends a signal to a number but through that, its own process aside', () => {
  const own = /process\.kill\(process\.pid\b/;
  const others = filesOf('e2e', /\.ts$/).filter(
    (file) =>
      file !== 'e2e/models/signal.ts' &&
      readFileSync(join(ROOT, file), 'utf8')
        .split('\n')
        .some((line) => line.includes('process.kill(') && !own.test(line)),
  );
  expect(others).toEqual([]);
});

test('no story resizes the page but through the one that waits until it has taken the size', () => {
  const others = filesOf('e2e', /\.ts$/).filter(
    (file) => file !== 'e2e/models/resize.ts' && readFileSync(join(ROOT, file), 'utf8').includes('setViewportSize'),
  );
  expect(others).toEqual([]);
});

test('in the helper’s tests the bare call does not compile: each file that would signal includes what forbids it', () => {
  expect(readFileSync(join(ROOT, 'native/test/signal_process.h'), 'utf8')).toContain('#pragma GCC poison kill killpg');
  const signalling = filesOf('native', /\.c$/).filter((file) =>
    /[^_]\bkill\((?!2\))/.test(readFileSync(join(ROOT, file), 'utf8')),
  );
  expect(signalling).toEqual([]);
});
