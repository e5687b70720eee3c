import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { buildAll, makeStatic } from './build.mjs';
import { fail, ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';

/** Makes the packages. @param {string[]} args are handed to electron-builder, such as `--linux dir` */
export const distribute = async (args) => {
  await ensurePackages();
  await buildAll();
  // The machine that a package is made on may have a newer libc than the one it is installed on.
  await makeStatic();
  const builder = join(ROOT, 'node_modules', 'electron-builder', 'out', 'cli', 'cli.js');
  const targets = args.length > 0 ? args : ['--linux', 'deb', 'AppImage'];
  const given = ['--config', join('main', 'pack', 'electron-builder.mjs'), '--publish', 'never', ...targets];
  const run = spawnSync(process.execPath, [builder, ...given], { cwd: ROOT, stdio: 'inherit' });
  if (run.status !== 0) fail('packing failed; electron-builder’s message stands above');
  return 0;
};
