import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, ensureTrials } from './build.mjs';
import { kvmAbsent } from './kvm.mjs';
import { DIST, explain, ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';

const CONNECTIONS = 5_000;
const KILLS = 500;
/** How often a VMM on small stacks, and one written in Go, is attached to, captured, written and left. */
const ROUNDS = 1_000;
/** How often a hostile VMM of each kind is asked for everything. */
const HOSTILE_ROUNDS = 30;

/** @param {string[]} args @param {string} name @param {number} otherwise */
const numberOf = (args, name, otherwise) => {
  const at = args.indexOf(name);
  return at < 0 ? otherwise : Number(args[at + 1]);
};

/**
 * VMMs that scribble, exec, churn threads, hand on descriptors and numbers, and helpers killed in between.
 * @param {{ kills: number, rounds: number, hostile: number, seed: number }} counts
 */
const hostileVmms = ({ kills, rounds, hostile, seed }) => {
  process.stdout.write('== hostile VMMs\n');
  const absent = kvmAbsent();
  if (absent !== null) {
    process.stdout.write(`   skipped: ${absent}\n`);
    return 0;
  }
  const out = join(DIST, 'native');
  const make = spawnSync('make', ['-s', '-C', 'native', `OUT=${out}`, 'tests'], { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (make.status !== 0) {
    process.stdout.write('   BROKEN: they cannot be built\n');
    return 1;
  }
  const at = (/** @type {string} */ name) => join(out, 'sanitized', name);
  const [helper, demo] = [at('tilescope-helper'), at('demo-vmm')];
  const programs = [
    ['test-footprint', helper, demo, at('go-vmm'), String(rounds)],
    ['test-hostile', helper, at('hostile-vmm'), demo, String(hostile), String(seed)],
    ['test-lifetimes', helper, at('helper-kill-points'), at('odd-vmm')],
    ['test-authority', join(out, 'tilescope-helper'), at('odd-vmm')],
    ['test-kill-points', at('helper-kill-points'), demo],
    ['kill-storm', helper, '--demo', demo, '--kills', String(kills)],
    ['kill-storm', helper, '--qemu', '--kills', String(kills)],
    ['kill-storm', helper, '--demo', demo, '--io', '--kills', String(kills)],
    ['kill-storm', helper, '--demo', demo, '--host-tiles', '--kills', String(kills)],
  ];
  let broken = 0;
  for (const [name = '', ...words] of programs) {
    const run = spawnSync(at(name), words, {
      encoding: 'utf8',
      env: { ...process.env, ASAN_OPTIONS: 'detect_leaks=0' },
      maxBuffer: 64 << 20,
    });
    const lines = run.stdout.trim().split('\n');
    const shown = words.filter((word) => !word.includes('/')).join(' ');
    process.stdout.write(`   ${name} ${shown}: ${lines.at(-1)}\n`);
    for (const line of lines.filter((text) => text.startsWith('skipped: '))) process.stdout.write(`     ${line}\n`);
    for (const line of lines.filter((text) => text.startsWith('not ok'))) process.stdout.write(`   BROKEN: ${line}\n`);
    if (run.status !== 0) broken += 1;
  }
  return broken;
};

/** @param {string[]} args `--connections N`, `--kills N`, `--rounds N`, `--hostile N`, `--seed N` */
export const runAttack = async (args) => {
  await ensurePackages();
  await buildAll();
  await ensureTrials();
  const connections = numberOf(args, '--connections', CONNECTIONS);
  const counts = {
    kills: numberOf(args, '--kills', KILLS),
    rounds: numberOf(args, '--rounds', ROUNDS),
    hostile: numberOf(args, '--hostile', HOSTILE_ROUNDS),
    seed: numberOf(args, '--seed', Date.now() % 2 ** 31),
  };
  if (![connections, ...Object.values(counts)].every(Number.isInteger)) {
    explain('attack takes --connections N, --kills N, --rounds N, --hostile N and --seed N');
    return 2;
  }
  process.stdout.write(`seed ${counts.seed}\n`);
  const { runAttack: run } = await import(new URL('../../dist/trials/attack.js', import.meta.url).href);
  const broken = (await run(join(DIST, 'main', 'web.js'), connections, counts.seed)) + hostileVmms(counts);
  process.stdout.write(`\n${broken === 0 ? 'every attack held' : `${broken} attacks reached something`}\n`);
  return broken === 0 ? 0 : 1;
};
