import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { ensureTrials } from './build.mjs';
import { DIST, explain, ROOT, which } from './say.mjs';
import { ensurePackages } from './setup.mjs';

const SECONDS = 60;
/** The helper's own parsers have this part of the time. */
const NATIVE_PART = 0.25;

/** @param {string[]} args @param {string} name @param {number} otherwise */
const numberOf = (args, name, otherwise) => {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : Number(args[at + 1]);
};

/** libFuzzer comes with clang; where it does not, that is said. @param {number} seconds */
const fuzzNative = (seconds) => {
  if (which('clang') === null) {
    process.stdout.write('skipped: the helper’s parsers under libFuzzer: clang not found\n');
    return 0;
  }
  const out = join(DIST, 'fuzz-native');
  const make = spawnSync('make', ['-s', '-C', 'native', `OUT=${out}`, 'fuzz-parsers'], { cwd: ROOT, stdio: 'inherit' });
  if (make.status !== 0) {
    process.stdout.write('skipped: the helper’s parsers under libFuzzer: this clang has no libFuzzer\n');
    return 0;
  }
  const [corpus, kept] = [join(out, 'corpus'), join(ROOT, 'native', 'test', 'fuzz-seeds')];
  mkdirSync(corpus, { recursive: true });
  const bounds = [`-max_total_time=${Math.max(1, Math.round(seconds))}`, '-max_len=8192', '-verbosity=0'];
  const places = [corpus, ...(existsSync(kept) ? [kept] : [])];
  const artifacts = `-artifact_prefix=${out}/`;
  const run = spawnSync(join(out, 'fuzz-parsers'), [...bounds, '-print_final_stats=1', artifacts, ...places], {
    cwd: out,
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const said = `${run.stdout}${run.stderr}`;
  const executions = /number_of_executed_units:\s*(\d+)/.exec(said)?.[1] ?? '0';
  process.stdout.write(
    `the helper’s parsers under libFuzzer: ${executions} executions, ${run.status === 0 ? 'held' : 'FAULT'}\n`,
  );
  if (run.status !== 0)
    process.stdout.write(
      `${said.slice(-4000)}\n  its input lies in ${out}; once fixed, it belongs into native/test/fuzz-seeds\n`,
    );
  return run.status === 0 ? 0 : 1;
};

/** @param {string[]} args `--seconds N`, `--seed N`, `--target WORD` */
export const runFuzz = async (args) => {
  await ensurePackages();
  await ensureTrials();
  const seconds = numberOf(args, '--seconds', SECONDS);
  if (!(seconds > 0)) {
    explain('fuzz takes --seconds N, --seed N and --target WORD');
    return 2;
  }
  const { runFuzz: run } = await import(new URL('../../dist/trials/fuzz.js', import.meta.url).href);
  const isOne = args.includes('--target');
  const given = args.filter((word, at) => word !== '--seconds' && args[at - 1] !== '--seconds');
  const share = String(isOne ? seconds : seconds * (1 - NATIVE_PART));
  const places = [join(ROOT, 'main', 'fuzz', 'seeds'), join(DIST, 'fuzz-faults')];
  const code = await run([...given, '--seconds', share], ...places);
  return (isOne ? 0 : fuzzNative(seconds * NATIVE_PART)) || code;
};
