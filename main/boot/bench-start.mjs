import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fail, ROOT } from './say.mjs';

/**
 * What a start of the command line takes, from the package that npm pack makes, beside a Node that does nothing. Both take
 * turns, so that what else the machine does weighs on both alike.
 */

const RUNS = 31;
/** A start may take as long as Node's own and half of it, and this. */
const ALLOWED_MS = 50;

/** @param {string} program @param {string[]} args */
const msOf = (program, args) => {
  const before = process.hrtime.bigint();
  const ran = spawnSync(program, args, { stdio: 'ignore' });
  if (ran.status !== 0) fail(`${program} ${args.join(' ')} ended with ${ran.status}`);
  return Number(process.hrtime.bigint() - before) / 1e6;
};

/** @param {number[]} values */
const median = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

/** Unpacked, as npm lays it out. @param {string} folder */
const packed = (folder) => {
  const npm = process.env.npm_execpath;
  const [program, leading] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const pack = [...leading, 'pack', '--silent', '--pack-destination', folder];
  if (spawnSync(program, pack, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
    fail('npm pack failed');
  const archive = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? '';
  const into = join(folder, 'unpacked');
  mkdirSync(into);
  if (spawnSync('tar', ['-xzf', join(folder, archive), '-C', into]).status !== 0)
    fail('the package cannot be unpacked');
  return join(into, 'package', 'main', 'tilescope.mjs');
};

/** How long each way to start takes, printed. */
export const benchStart = () => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-start-'));
  try {
    const script = packed(folder);
    const cases = {
      'node -e 0': ['-e', '0'],
      'tilescope --version': [script, '--version'],
      'tilescope show --help': [script, 'show', '--help'],
      'tilescope presets': [script, 'presets'],
    };
    /** @type {Record<string, number[]>} */
    const times = Object.fromEntries(Object.keys(cases).map((name) => [name, []]));
    for (let run = 0; run < RUNS; run += 1) {
      for (const [name, args] of Object.entries(cases)) times[name]?.push(msOf(process.execPath, args));
    }
    const node = median(times['node -e 0'] ?? []);
    const allowed = 1.5 * node + ALLOWED_MS;
    process.stdout.write(
      `start, median of ${RUNS}: node -e 0 ${node.toFixed(0)} ms; allowed ${allowed.toFixed(0)} ms\n`,
    );
    for (const [name, all] of Object.entries(times).slice(1)) {
      const ms = median(all);
      const ratio = ((ms - ALLOWED_MS) / node).toFixed(2);
      process.stdout.write(
        `  ${name}: ${ms.toFixed(0)} ms, ${(ms / node).toFixed(2)} of Node's own; less ${ALLOWED_MS} ms ${ratio} of it (1.50 allowed)\n`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
