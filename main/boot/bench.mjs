import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { benchLive } from './bench-live.mjs';
import { benchStart } from './bench-start.mjs';
import { buildAll } from './build.mjs';
import { explain, ROOT } from './say.mjs';
import { chromiumPath, ensurePackages } from './setup.mjs';

/** The measurements, which print what they found. */
export const runBench = async () => {
  await ensurePackages();
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
