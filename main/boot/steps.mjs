/** The steps of a run of the tests, one after another; whatever ends the run, nothing of it is left. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addUp, closingLine, FAILED } from './counts.mjs';
import { failureList } from './failures.mjs';
import { beginRun, leftWords, sweep } from './left.mjs';
import { DIST } from './say.mjs';

/** @typedef {import('./counts.mjs').Counts} Counts */
/** @typedef {import('./failures.mjs').Failure} Failure */
/** @typedef {Counts & { failures?: Failure[] }} Outcome */
/**
 * begin: a step that leaves cores idle is begun once the build stands, beside the others; run gives its words at its turn.
 * @typedef {{ name: string, begin?: () => void, run: () => Promise<Outcome> }} Step
 */

/** Where each runner leaves its report. */
export const RESULTS = join(DIST, 'test');

/** A step that failed and cannot say where is listed by its own name. @param {Step} step @param {Outcome} outcome @returns {Failure[]} */
const failuresOf = (step, { failed, failures = [] }) =>
  failed > 0 && failures.length === 0
    ? [{ test: step.name, file: 'its words stand above', alone: ALONE[step.name] ?? 'npm test' }]
    : failures;

/** @type {Record<string, string>} */
const ALONE = { 'AMX tests': 'npm run test:amx', build: 'npm run build', 'native tests': 'npm run check' };

/** However the run ends, what it leaves is ended and named. @param {string} folder @param {() => Counts[]} soFar */
const endOnSignal = (folder, soFar) => {
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
    process.once(signal, () => {
      void sweep(folder, 0).then((left) => {
        for (const line of leftWords(left)) process.stdout.write(`${line}\n`);
        process.stdout.write(`\nended by ${signal}\n${closingLine(addUp([...soFar(), FAILED]))}\n`);
        process.exit(1);
      });
    });
  }
};

/**
 * Runs the steps in order, every one whatever the others say, and prints the closing line.
 * @param {Step[]} steps
 * @param {number} [graceMs] how long what was started may take to go by itself
 */
export const runSteps = async (steps, graceMs) => {
  mkdirSync(RESULTS, { recursive: true });
  /** @type {Counts[]} */
  const all = [];
  /** @type {Failure[]} */
  const failures = [];
  const run = beginRun();
  endOnSignal(run.folder, () => all);
  for (const [at, step] of steps.entries()) {
    process.stdout.write(`\n== ${step.name}\n`);
    if (at === 1) for (const { begin } of steps) begin?.();
    const began = performance.now();
    /** @type {Outcome} */
    let counts = FAILED;
    try {
      counts = await step.run();
    } catch (error) {
      process.stdout.write(`${step.name} died: ${error instanceof Error ? error.message : String(error)}\n`);
    }
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stdout.write(`-- ${step.name}: ${closingLine(counts)} (${seconds} s)\n`);
    all.push(counts);
    failures.push(...failuresOf(step, counts));
  }
  const left = await run.end(graceMs);
  for (const line of leftWords(left)) process.stdout.write(`${line}\n`);
  for (const { name } of left.processes) {
    all.push(FAILED);
    failures.push({ test: 'a process of the tests was left running', file: name, alone: 'npm test' });
  }
  process.stdout.write(failureList(failures));
  const sum = addUp(all);
  process.stdout.write(`\n${closingLine(sum)}\n`);
  return sum.failed === 0 ? 0 : 1;
};

/** @param {string} why @param {Step} step @returns {Step} */
export const skipped = (why, step) => ({
  name: step.name,
  run: async () => {
    process.stdout.write(`skipped: ${why}\n`);
    return { passed: 0, failed: 0, skipped: 1 };
  },
});
