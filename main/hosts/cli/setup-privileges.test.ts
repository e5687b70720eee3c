import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { setUp as setUpOf } from '../../../app/refusals/helper-reasons.ts';
import { refusalContext } from '../../helper/refusal-context.ts';
import { INSTALLED_HELPER } from '../places.ts';
import { setUp } from './setup-privileges.ts';

const missing = ['setcap', 'groupadd', 'usermod', 'install'].find((name) => spawnSync('which', [name]).status !== 0);
if (missing !== undefined) console.log(`skipped: the plan for a read-only mount, for ${missing} is not installed`);

describe('[C64] an AppImage, whose mount is read-only', () => {
  let mount: string;
  let helper: string;
  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'tilescope-mount-'));
    helper = join(mount, 'tilescope-helper');
    writeFileSync(helper, 'a helper');
    chmodSync(mount, 0o555);
  });
  afterEach(() => {
    chmodSync(mount, 0o755);
    rmSync(mount, { recursive: true, force: true });
  });

  test.skipIf(missing !== undefined)('the helper is copied out of it, and the copy gets the capabilities', () => {
    const plan = setUp.plan({ users: [], allowed: [], seccomp: false }, helper);
    if (!plan.ok) throw new Error(plan.refusal.what);
    const shown = plan.value.map((step) => step.shown);
    expect(shown.filter((line) => line.includes(mount))).toEqual([
      `install -o root -g tilescope -m 0750 ${helper} ${INSTALLED_HELPER}`,
    ]);
    expect(shown).toContain(`setcap cap_sys_ptrace+ep ${INSTALLED_HELPER}`);
    expect(readdirSync(mount)).toEqual(['tilescope-helper']);
  });

  test('the remedy of a refusal names the AppImage, not a command that is not there', () => {
    const inside = refusalContext(helper, { APPDIR: mount, APPIMAGE: '/home/mara/my apps/Tilescope.AppImage' });
    expect(setUpOf(inside)).toBe("sudo '/home/mara/my apps/Tilescope.AppImage' setup-privileges --yes");
  });

  test.each([
    [{ APPDIR: '/tmp/.mount_editor', APPIMAGE: '/home/mara/Editor.AppImage' }],
    [{ APPDIR: '', APPIMAGE: '/home/mara/Editor.AppImage' }],
    [{}],
  ])('a terminal that another AppImage has started is none: %o', (environment) => {
    expect(setUpOf(refusalContext(helper, environment, mount))).toBe('sudo tilescope setup-privileges --yes');
  });
});

describe('[C64] the command that a refusal advises', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tilescope-called-'));
    mkdirSync(join(folder, 'main'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test.each([
    ['a clone', ['bootstrap.mjs', 'tilescope.mjs'], 'sudo npm run -s cli -- setup-privileges --yes'],
    ['what npm has installed', ['tilescope.mjs'], 'sudo env "PATH=$PATH" tilescope setup-privileges --yes'],
    ['a deb', [], 'sudo tilescope setup-privileges --yes'],
  ])('in %s', (_where, files, advised) => {
    for (const name of files) writeFileSync(join(folder, 'main', name), '');
    // Whichever helper is used: the one that came with it, or the one that is installed with capabilities.
    for (const helper of [join(folder, 'dist/native/tilescope-helper'), INSTALLED_HELPER]) {
      expect(setUpOf(refusalContext(helper, {}, folder))).toBe(advised);
    }
  });
});
