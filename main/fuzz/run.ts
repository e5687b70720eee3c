import { parseArgs } from 'node:util';
import { type Fuzzed, fuzz } from './fuzz.ts';
import { keepFault, seedsOf } from './seeds.ts';
import { FUZZ_TARGETS } from './targets.ts';
import { startWebFuzz } from './web-frames.ts';

/** `npm run fuzz`: every target for its share of the time given. Prints what was done; the exit code says whether it held. */
const rowOf = ({ name, executions, ms, outcomes, slowestMs, fault }: Fuzzed): string =>
  [
    name.padEnd(44),
    String(executions).padStart(9),
    `${Math.round((executions * 1000) / Math.max(ms, 1))}/s`.padStart(9),
    String(outcomes).padStart(5),
    `${slowestMs.toFixed(0)} ms`.padStart(9),
    fault === null ? '  held' : '  FAULT',
  ].join('');

export const runFuzz = async (args: readonly string[], seedFolder: string, faultFolder: string): Promise<number> => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seconds: { type: 'string', default: '60' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      target: { type: 'string', default: '' },
    },
  });
  const [seconds, seed] = [Number(values.seconds), Number(values.seed)];
  if (!(seconds > 0) || !Number.isInteger(seed)) {
    process.stderr.write('Tilescope: fuzz takes --seconds N, --seed N and --target WORD\n');
    return 2;
  }
  const web = await startWebFuzz();
  const targets = [...FUZZ_TARGETS, ...web.targets].filter(({ name }) => name.includes(values.target));
  process.stdout.write(`seed ${seed}; ${targets.length} targets, ${seconds} s in all\n`);
  process.stdout.write(`${'target'.padEnd(44)}executions     rate kinds  slowest\n`);
  const all: Fuzzed[] = [];
  for (const target of targets) {
    const ms = (seconds * 1000) / targets.length;
    const done = await fuzz(target, { seed, ms }, seedsOf(seedFolder, target.name));
    all.push(done);
    process.stdout.write(`${rowOf(done)}\n`);
    if (done.fault === null) continue;
    const path = keepFault(faultFolder, done.fault);
    process.stdout.write(`  ${done.fault.what}\n  kept in ${path}: once it is fixed it belongs into main/fuzz/seeds\n`);
  }
  await web.close();
  const faults = all.filter(({ fault }) => fault !== null).length;
  const executions = all.reduce((sum, one) => sum + one.executions, 0);
  process.stdout.write(`${executions} executions, ${faults} faults\n`);
  return faults === 0 ? 0 : 1;
};
