import { expect, test } from 'vitest';
import { skipLines } from './skips.mjs';

const spec = (title: string, status: string, annotations: readonly object[] = []) => ({
  ...{ title, file: 'live/a.spec.ts', line: 7, tests: [{ status, annotations }] },
});
const absent = [{ type: 'skip', description: '/dev/kvm is absent' }];

test('each reason is a line, with how many tests it left out; one without a reason names itself', () => {
  const suites = [
    {
      specs: [spec('runs', 'expected'), spec('one', 'skipped', absent)],
      suites: [{ specs: [spec('two', 'skipped', absent), spec('three', 'skipped')] }],
    },
  ];
  expect(skipLines(JSON.stringify({ suites })).sort()).toEqual([
    'skipped: 1 test: no reason is given: three (e2e/live/a.spec.ts:7)',
    'skipped: 2 tests: /dev/kvm is absent',
  ]);
  expect(skipLines('no report')).toEqual([]);
});
