import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { join } from 'node:path';
import { benchLive } from './bench-live.mjs';
import { benchStart } from './bench-start.mjs';
import { buildAll } from './build.mjs';
import { explain, ROOT } from './say.mjs';
import { chromiumPath, ensurePackages } from './setup.mjs';

/** What the figures were measured on, and how busy it is. */
export const machineWords = () => {
  const all = cpus();
  const isGuest = /^flags\s*:.*\bhypervisor\b/m.test(readFileSync('/proc/cpuinfo', 'utf8'));
  return `machine: ${all[0]?.model.trim() ?? 'a CPU without a name'}, ${all.length} CPUs${isGuest ? ' of a virtual machine' : ''}, Linux ${release()}, Node ${process.version}, load ${loadavg()[0]?.toFixed(1)}`;
};

/** The measurements, which print what they found. */
export const runBench = async () => {
  await ensurePackages();
  console.log(machineWords());
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--config', join('main', 'vitest.bench.config.ts')];
  const status = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
  await buildAll();
  benchStart();
  const live = benchLive();
  const chromium = chromiumPath();
  if (chromium === null) {
    explain('skipped: step to painted: Chromium not found');
    return status || live;
  }
  const playwright = join(ROOT, 'node_modules', 'playwright', 'cli.js');
  const paint = [playwright, 'test', '-c', join('e2e', 'playwright.config.ts'), '--project=bench', '--reporter=list'];
  const env = { ...process.env, TILESCOPE_CHROMIUM: chromium };
  return (spawnSync(process.execPath, paint, { cwd: ROOT, stdio: 'inherit', env }).status ?? 1) || status || live;
};
