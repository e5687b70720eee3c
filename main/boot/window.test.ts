import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sandboxProblem, whyNotShown } from './window.mjs';

describe('[C84] the sandbox', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-sandbox-'));
    vi.stubEnv('PATH', folder);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });
  const unshare = (code: number): void =>
    writeFileSync(join(folder, 'unshare'), `#!/bin/sh\n[ "$1 $2" = "-Ur true" ] && exit ${code}\nexit 9\n`, {
      mode: 0o755,
    });

  test('works where a user namespace can be had', () => {
    unshare(0);
    expect(sandboxProblem(join(folder, 'electron'))).toBeNull();
  });

  test('where it cannot, the remedies are named, each as a command', () => {
    unshare(1);
    const problem = sandboxProblem(join(folder, 'electron')) ?? '';
    expect(problem).toContain(`sudo chmod 4755 '${join(folder, 'chrome-sandbox')}'`);
    expect(problem).toContain('sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0');
    expect(problem).toContain('npm start -- --no-sandbox');
  });

  test('a set-uid helper of root’s is another way, one of a user’s is none', () => {
    unshare(1);
    const helper = join(folder, 'chrome-sandbox');
    writeFileSync(helper, '');
    chmodSync(helper, 0o4755);
    const mine = process.getuid?.() === 0;
    expect(sandboxProblem(join(folder, 'electron')) === null).toBe(mine);
    chmodSync(helper, 0o755);
    expect(sandboxProblem(join(folder, 'electron'))).not.toBeNull();
  });

  test('without anything to ask with, the start itself will tell', () => {
    expect(sandboxProblem(join(folder, 'electron'))).toBeNull();
  });
});

describe('[C84] the page takes the window’s place', () => {
  const ended = { code: 1, signal: null, shown: false, asked: false };
  test.each([
    [{ code: 133 }, /with 133/],
    [{ code: 127 }, /with 127/],
    [{ signal: 'SIGTRAP' as const }, /by SIGTRAP/],
    [{ signal: 'SIGSEGV' as const }, /by SIGSEGV/],
  ])('where Electron ended before it was shown: %j', (how, why) => {
    expect(whyNotShown({ ...ended, ...how })).toMatch(why);
  });
  test.each([{ shown: true }, { code: 0 }, { code: 2 }, { asked: true }])('not where %j', (how) => {
    expect(whyNotShown({ ...ended, ...how })).toBeNull();
  });
});
