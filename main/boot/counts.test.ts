import { describe, expect, test } from 'vitest';
import { addUp, closingLine, FAILED, oneStep, readNativeLine, readPlaywright, readVitest } from './counts.mjs';

const vitestReport = (more: object = {}) =>
  JSON.stringify({
    numPassedTests: 7,
    numFailedTests: 0,
    numPendingTests: 1,
    numTodoTests: 0,
    testResults: [],
    ...more,
  });

describe('what the runners say, summed', () => {
  test('[C26] the closing line names skipped tests only where there are some', () => {
    expect(closingLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed');
    expect(closingLine(addUp([oneStep(0), oneStep(1), { passed: 5, failed: 0, skipped: 2 }]))).toBe(
      '6 passed, 1 failed, 2 skipped',
    );
  });

  test('[C26] vitest: passed, failed, skipped', () => {
    expect(readVitest(vitestReport(), 0)).toEqual({ passed: 7, failed: 0, skipped: 1 });
    expect(readVitest(vitestReport({ numFailedTests: 2 }), 1)).toEqual({ passed: 7, failed: 2, skipped: 1 });
  });

  test('[C26] a test file that could not be loaded counts as a failure', () => {
    const report = vitestReport({ testResults: [{ status: 'failed', assertionResults: [] }] });
    expect(readVitest(report, 1)).toEqual({ passed: 7, failed: 1, skipped: 1 });
  });

  test('[C26] a runner that dies is a failure, whatever its report says', () => {
    expect(readVitest('', 1)).toEqual(FAILED);
    expect(readVitest('{"numPassedTests": 7', 0)).toEqual(FAILED);
    expect(readVitest(vitestReport(), 1)).toEqual({ passed: 7, failed: 1, skipped: 1 });
    expect(readPlaywright('{}', 0)).toEqual(FAILED);
    expect(readNativeLine('all is well\n', 0)).toEqual(FAILED);
    expect(readNativeLine('12 passed, 0 failed\n', 139)).toEqual({ passed: 12, failed: 1, skipped: 0 });
  });

  test('[C26] Playwright: a flaky test has failed', () => {
    const stats = { expected: 4, unexpected: 1, flaky: 1, skipped: 0 };
    expect(readPlaywright(JSON.stringify({ stats }), 1)).toEqual({ passed: 4, failed: 2, skipped: 0 });
  });

  test('[C26] native: the last line counts', () => {
    expect(readNativeLine('1 passed, 0 failed\nmore\n12 passed, 1 failed, 2 skipped\n', 1)).toEqual({
      passed: 12,
      failed: 1,
      skipped: 2,
    });
  });
});
