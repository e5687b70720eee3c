/** Which tests of a run failed, where they stand, with which words, and how to run each alone. */
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { ROOT } from './say.mjs';

/** @typedef {{ test: string, file: string, alone: string, words?: readonly string[] }} Failure */

const MOST_LISTED = 30;
const MOST_WORDS = 8;
const WIDEST = 160;

/** @param {string} text @returns {any} */
const parse = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** For a shell. @param {string} text */
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The head of what a runner says of a failure, without its colours and blank lines. @param {unknown} message @returns {string[]} */
const headOf = (message) =>
  stripVTControlCharacters(String(message ?? ''))
    .split('\n')
    .map((line) => line.trim().slice(0, WIDEST))
    .filter((line) => line !== '')
    .slice(0, MOST_WORDS);

/** A test's name is a pattern to the runners. @param {string} text */
const asPattern = (text) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');

/** @param {string} text vitest's json report @returns {Failure[]} */
export const vitestFailures = (text) =>
  (parse(text)?.testResults ?? []).flatMap((/** @type {any} */ file) => {
    if (file.status !== 'failed') return [];
    const path = relative(ROOT, file.name ?? '');
    const alone = `npx vitest run --config main/vitest.config.ts ${quoted(path)}`;
    const failed = (file.assertionResults ?? []).filter((/** @type {any} */ one) => one.status === 'failed');
    if (failed.length === 0)
      return [{ test: 'the file could not be loaded', file: path, alone, words: headOf(file.message) }];
    return failed.map((/** @type {any} */ one) => ({
      test: one.fullName,
      file: path,
      alone: `${alone} -t ${quoted(asPattern(one.title))}`,
      words: headOf(one.failureMessages?.[0]),
    }));
  });

const MOST_ERRORS = 3;

/** What the failed try of a story says, and in which line of it: that its time is over, say, and what it waited for. @param {any} one @returns {string[]} */
const wordsOf = (one) =>
  (one.results ?? [])
    .flatMap((/** @type {any} */ result) => result.errors ?? [])
    .slice(0, MOST_ERRORS)
    .flatMap((/** @type {any} */ { location: { file = null, line = 0 } = {}, message = '' }) =>
      headOf(`${file === null ? '' : `at ${relative(ROOT, file)}:${line}\n`}${message}`),
    );

/** @param {any} suite @param {string[]} above @returns {Failure[]} */
const inSuite = (suite, above) => [
  ...(suite.suites ?? []).flatMap((/** @type {any} */ one) =>
    inSuite(one, one.file === one.title ? above : [...above, one.title]),
  ),
  ...(suite.specs ?? [])
    .filter((/** @type {any} */ spec) => !spec.ok)
    .flatMap((/** @type {any} */ spec) =>
      spec.tests
        .filter((/** @type {any} */ one) => one.status === 'unexpected' || one.status === 'flaky')
        .map((/** @type {any} */ one) => ({
          test: [...above, spec.title].join(' › '),
          file: `e2e/${spec.file}:${spec.line}`,
          alone: `npm run e2e -- --project=${one.projectName} ${quoted(`e2e/${spec.file}:${spec.line}`)}`,
          words: wordsOf(one),
        })),
    ),
];

/** @param {string} text Playwright's json report @returns {Failure[]} */
export const playwrightFailures = (text) =>
  (parse(text)?.suites ?? []).flatMap((/** @type {any} */ suite) => inSuite(suite, []));

/** `== PROGRAM ARGUMENTS` heads what a program says; `not ok: FILE:LINE: …` is a check that failed. @param {string} output @returns {Failure[]} */
export const nativeFailures = (output) => {
  let program = 'npm run check';
  /** @type {Failure[]} */
  const found = [];
  for (const line of output.split('\n')) {
    const head = /^== (.*)$/.exec(line);
    if (head !== null) program = head[1] ?? program;
    const failed = /^not ok: (?:(test\/[\w.]+:\d+): )?(.*)$/.exec(line);
    if (failed === null) continue;
    const file = failed[1] === undefined ? 'native' : `native/${failed[1]}`;
    // One line of code that fails a thousand times is one.
    if (found.some((one) => one.file === file && one.alone.endsWith(program))) continue;
    found.push({ test: failed[2] ?? '', file, alone: `cd native && ASAN_OPTIONS=detect_leaks=0 ${program}` });
  }
  return found;
};

/** @param {Failure[]} failures @returns {string} the short list that a failing run ends with */
export const failureList = (failures) => {
  if (failures.length === 0) return '';
  const listed = failures.slice(0, MOST_LISTED);
  const rows = listed.map(({ test, file, alone, words = [] }) =>
    [`  ${test}`, ...[file, ...words.map((line) => `| ${line}`), `alone: ${alone}`].map((line) => `    ${line}`)].join(
      '\n',
    ),
  );
  const more = failures.length - listed.length;
  return `\nFailed:\n${rows.join('\n')}\n${more > 0 ? `  and ${more} more\n` : ''}`;
};
