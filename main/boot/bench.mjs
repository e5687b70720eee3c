import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';

/** The measurements, which print what they found. */
export const runBench = async () => {
  await ensurePackages();
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--config', join('main', 'vitest.bench.config.ts')];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' }).status ?? 1;
};
