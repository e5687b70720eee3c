import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './say.mjs';

test('[C26] the helper is built in a folder whose path has a space, and no link to it stays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-a space-'));
  const out = join(folder, 'of two words');
  try {
    // Dry: what would be run, and no word of a target that make cannot take.
    const made = spawnSync('make', ['-n', '-C', join(ROOT, 'native'), `OUT=${out}`], { encoding: 'utf8' });
    expect([made.status, made.stderr]).toEqual([0, '']);
    const link = /-c main\.c -o (\S+\/out)\/obj\/main\.o/.exec(made.stdout)?.[1] ?? '';
    expect(link).toMatch(/^\/tmp\//);
    expect([existsSync(out), existsSync(link), existsSync(dirname(link))]).toEqual([true, false, false]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
