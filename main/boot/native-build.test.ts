import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from './say.mjs';

test('[C26] the helper is built in a folder whose path has a space, and no link to it stays', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-a space-'));
  const out = join(folder, 'of two words');
  try {
    // Dry: what would be run, and no word of a target that make cannot take.
    const env = { ...process.env, TMPDIR: folder };
    const made = spawnSync('make', ['-n', '-C', join(ROOT, 'native'), `OUT=${out}`], { encoding: 'utf8', env });
    expect([made.status, made.stderr]).toEqual([0, '']);
    expect(made.stdout).toMatch(/-c main\.c -o \S+\/out\/obj\/main\.o/);
    expect(existsSync(out)).toBe(true);
    expect(readdirSync(folder)).toEqual(['of two words']);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
