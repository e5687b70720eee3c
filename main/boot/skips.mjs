/** Which tests of a run were skipped, and why: no test is left out without a word. */

/** @param {any} suite @returns {string[]} a reason for each test */
const reasonsIn = (suite) => [
  ...(suite.suites ?? []).flatMap(reasonsIn),
  ...(suite.specs ?? []).flatMap((/** @type {any} */ spec) =>
    spec.tests
      .filter((/** @type {any} */ one) => one.status === 'skipped')
      .map((/** @type {any} */ one) => {
        const said = (one.annotations ?? []).find((/** @type {any} */ note) => note.type === 'skip')?.description;
        // Without a reason the test names itself, so that it is seen and given one.
        return said || `no reason is given: ${spec.title} (e2e/${spec.file}:${spec.line})`;
      }),
  ),
];

/** @param {string} text Playwright's json report @returns {string[]} a line for each reason, with how many tests it left out */
export const skipLines = (text) => {
  /** @type {any} */
  let report;
  try {
    report = JSON.parse(text);
  } catch {
    return [];
  }
  const counts = new Map();
  for (const reason of (report?.suites ?? []).flatMap(reasonsIn)) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts].map(([reason, count]) => `skipped: ${count} ${count === 1 ? 'test' : 'tests'}: ${reason}`);
};
