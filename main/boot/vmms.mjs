import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { buildAll } from './build.mjs';
import { kvmAbsent } from './kvm.mjs';
import { explain, fail, ROOT } from './say.mjs';
import { ensurePackages } from './setup.mjs';

/**
 * The compatibility table: every VMM that is installed, or given by --qemu PATH, --kvmtool PATH, --vmm NAME=COMMAND (each may come again).
 * @param {string[]} args
 */
export const runVmms = async (args) => {
  /** @type {Record<string, string[]>} */
  const given = { '--qemu': [], '--kvmtool': [], '--vmm': [] };
  for (let at = 0; at < args.length; at += 2) {
    const list = given[args[at] ?? ''];
    const word = args[at + 1];
    if (list === undefined || word === undefined) {
      return fail(`test:vmms takes --qemu PATH, --kvmtool PATH and --vmm NAME=COMMAND, got ${args.join(' ')}`);
    }
    if (list === given['--vmm']) {
      if (!/^[^=\n|]+=[^\n]+$/.test(word)) return fail(`--vmm takes NAME=COMMAND, got ${word}`);
      list.push(word);
      continue;
    }
    if (!existsSync(word)) return fail(`${word} is not there`);
    list.push(resolve(word));
  }
  await ensurePackages();
  await buildAll();
  const absent = kvmAbsent();
  if (absent !== null) {
    explain(`skipped: ${absent}`);
    return 0;
  }
  const playwright = join(ROOT, 'node_modules', 'playwright', 'cli.js');
  const words = [playwright, 'test', '-c', join('e2e', 'playwright.config.ts'), '--project=vmms', '--reporter=list'];
  const env = {
    ...process.env,
    TILESCOPE_QEMU: (given['--qemu'] ?? []).join('\n'),
    TILESCOPE_KVMTOOL: (given['--kvmtool'] ?? []).join('\n'),
    TILESCOPE_VMM: (given['--vmm'] ?? []).join('\n'),
  };
  return spawnSync(process.execPath, words, { cwd: ROOT, stdio: 'inherit', env }).status ?? 1;
};
