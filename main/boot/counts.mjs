/**
 * How many tests each runner says passed. A runner that died, or whose report cannot be read, counts as one failure: the sum
 * must never look better than what happened.
 *
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 */

/** @type {Counts} */
export const FAILED = { passed: 0, failed: 1, skipped: 0 };

/** A step that is no test runner counts as one. @param {number} code @returns {Counts} */
export const oneStep = (code) => (code === 0 ? { passed: 1, failed: 0, skipped: 0 } : FAILED);

/** A runner that ends badly with nothing failed in its report has died of something else. @param {Counts} counts @param {number} code */
const withExit = (counts, code) => (code !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts);

/** @param {string} text @returns {any} */
const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** @param {unknown} value */
const isCount = (value) => typeof value === 'number' && Number.isInteger(value) && value >= 0;

/** vitest's json reporter. @param {string} text @param {number} code @returns {Counts} */
export const readVitest = (text, code) => {
  const report = parse(text);
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = report ?? {};
  if (![numPassedTests, numFailedTests, numPendingTests].every(isCount)) return FAILED;
  // A file that could not even be loaded has no tests in it, and would vanish from the sum.
  const files = Array.isArray(testResults) ? testResults : [];
  const broken = files.filter((file) => file.status === 'failed' && file.assertionResults?.length === 0).length;
  const skipped = numPendingTests + (isCount(numTodoTests) ? numTodoTests : 0);
  return withExit({ passed: numPassedTests, failed: numFailedTests + broken, skipped }, code);
};

/** Playwright's json reporter; a flaky test has failed. @param {string} text @param {number} code @returns {Counts} */
export const readPlaywright = (text, code) => {
  const stats = parse(text)?.stats;
  if (stats === undefined || ![stats.expected, stats.unexpected, stats.skipped, stats.flaky].every(isCount))
    return FAILED;
  return withExit({ passed: stats.expected, failed: stats.unexpected + stats.flaky, skipped: stats.skipped }, code);
};

/** The last line `N passed, N failed` (`, N skipped`). @param {string} output @param {number} code @returns {Counts} */
export const readNativeLine = (output, code) => {
  const lines = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/gm)];
  const last = lines.at(-1);
  if (last === undefined) return FAILED;
  return withExit({ passed: Number(last[1]), failed: Number(last[2]), skipped: Number(last[3] ?? 0) }, code);
};

/** @param {Counts[]} all @returns {Counts} */
export const addUp = (all) =>
  all.reduce(
    (sum, one) => ({
      passed: sum.passed + one.passed,
      failed: sum.failed + one.failed,
      skipped: sum.skipped + one.skipped,
    }),
    { passed: 0, failed: 0, skipped: 0 },
  );

/** @param {Counts} counts */
export const closingLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
