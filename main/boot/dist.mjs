import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { buildAll, makeStatic, SHARE } from './build.mjs';
import { DIST, explain, fail, ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';
import { buildTwice, problemOfLock, writeBillOfMaterials } from './supply.mjs';

/** Makes the packages. @param {string[]} args are handed to electron-builder, such as `--linux dir` */
export const distribute = async (args) => {
  const problem = problemOfLock();
  if (problem !== null) fail(problem);
  await ensurePackages();
  await buildAll();
  if (!(await buildTwice())) fail('what is packed cannot be built again by others; the differences stand above');
  explain(`bill of materials: ${writeBillOfMaterials(join(ROOT, 'release'))}`);
  // The machine that a package is made on may have a newer libc than the one it is installed on.
  await makeStatic();
  // Debian keeps manuals compressed.
  const manual = readFileSync(join(SHARE, 'man', 'man1', 'tilescope.1'));
  writeFileSync(join(DIST, 'tilescope.1.gz'), gzipSync(manual, { level: 9 }));
  const builder = join(ROOT, 'node_modules', 'electron-builder', 'out', 'cli', 'cli.js');
  const targets = args.length > 0 ? args : ['--linux', 'deb', 'AppImage'];
  const given = ['--config', join('main', 'pack', 'electron-builder.mjs'), '--publish', 'never', ...targets];
  const run = spawnSync(process.execPath, [builder, ...given], { cwd: ROOT, stdio: 'inherit' });
  if (run.status !== 0) {
    fail(`packing failed; electron-builder’s message stands above. It fetches Electron, fpm and the tools of AppImages from
  github.com. Where that is not reached: -c.electronDist=FOLDER, and CUSTOM_FPM_PATH and APPIMAGE_TOOLS_PATH in the environment`);
  }
  return 0;
};
