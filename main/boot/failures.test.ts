import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failureList, nativeFailures, playwrightFailures, vitestFailures } from './failures.mjs';
import { ROOT } from './say.mjs';

describe('[C26] a failing run ends with which test, which file, how to run it alone', () => {
  test('vitest: by the name of the test, which is a pattern', () => {
    const assertionResults = [
      {
        status: 'failed',
        fullName: 'a [C1] b (c)',
        title: "[C1] b (c) isn't",
        failureMessages: ['no\n\n  at x', 'two'],
      },
      { status: 'passed', fullName: 'd', title: 'd' },
    ];
    const testResults = [
      { name: join(ROOT, 'app/x.test.ts'), status: 'failed', assertionResults },
      { name: join(ROOT, 'app/y.test.ts'), status: 'failed', assertionResults: [], message: 'no such module' },
      { name: join(ROOT, 'app/z.test.ts'), status: 'passed', assertionResults: [] },
    ];
    expect(vitestFailures(JSON.stringify({ testResults }))).toEqual([
      {
        test: 'a [C1] b (c)',
        file: 'app/x.test.ts',
        alone: `npx vitest run --config main/vitest.config.ts app/x.test.ts -t '\\[C1\\] b \\(c\\) isn'\\''t'`,
        words: ['no', 'at x'],
      },
      {
        test: 'the file could not be loaded',
        file: 'app/y.test.ts',
        alone: 'npx vitest run --config main/vitest.config.ts app/y.test.ts',
        words: ['no such module'],
      },
    ]);
    expect(vitestFailures('')).toEqual([]);
  });

  test('Playwright: by project and line, in suites of any depth', () => {
    const message = `\u001b[31m${'x'.repeat(200)}\u001b[39m\n\nExpected: 1\n${'more\n'.repeat(20)}`;
    const location = { file: join(ROOT, 'e2e/window/tiles.spec.ts'), line: 12 };
    const spec = (title: string, line: number, status: string) => ({
      title,
      line,
      file: 'window/tiles.spec.ts',
      ok: status === 'expected',
      tests: [
        {
          projectName: 'window',
          status,
          results: [{ errors: [] }, { errors: [{ message: 'Test timeout' }, { message, location }] }],
        },
      ],
    });
    const inner = { title: 'a group', file: 'window/tiles.spec.ts', specs: [spec('two', 9, 'unexpected')] };
    const title = 'window/tiles.spec.ts';
    const suites = [{ title, file: title, specs: [spec('one', 5, 'expected')], suites: [inner] }];
    expect(playwrightFailures(JSON.stringify({ suites }))).toEqual([
      {
        test: 'a group › two',
        file: 'e2e/window/tiles.spec.ts:9',
        alone: 'npm run e2e -- --project=window e2e/window/tiles.spec.ts:9',
        words: [
          'Test timeout',
          'at e2e/window/tiles.spec.ts:12',
          'x'.repeat(160),
          'Expected: 1',
          ...Array(5).fill('more'),
        ],
      },
    ]);
  });

  test('the helper’s: a check once for each program, with the command of the program', () => {
    const output = [
      '== /d/test-kill-points /d/helper',
      'not ok: test/test_kill_points.c:132: is_old: killed at 1',
      'not ok: test/test_kill_points.c:132: is_old: killed at 2',
      '1 passed, 2 failed, 0 skipped',
      '== /d/kill-storm /d/helper --qemu',
      'not ok: /d/kill-storm ended with code 139 and no summary',
    ].join('\n');
    expect(nativeFailures(output)).toEqual([
      {
        test: 'is_old: killed at 1',
        file: 'native/test/test_kill_points.c:132',
        alone: 'cd native && ASAN_OPTIONS=detect_leaks=0 /d/test-kill-points /d/helper',
      },
      {
        test: '/d/kill-storm ended with code 139 and no summary',
        file: 'native',
        alone: 'cd native && ASAN_OPTIONS=detect_leaks=0 /d/kill-storm /d/helper --qemu',
      },
    ]);
  });

  test('the list is short, and empty where nothing failed', () => {
    expect(failureList([])).toBe('');
    const many = Array.from({ length: 33 }, (_, at) => ({ test: `t${at}`, file: 'f', alone: 'a' }));
    expect(failureList(many.slice(0, 1))).toBe('\nFailed:\n  t0\n    f\n    alone: a\n');
    expect(failureList(many)).toContain('and 3 more');
    expect(failureList([{ test: 't', file: 'f', alone: 'a', words: ['w', 'x'] }])).toBe(
      '\nFailed:\n  t\n    f\n    | w\n    | x\n    alone: a\n',
    );
  });
});
