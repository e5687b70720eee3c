import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'playwright/test';
import { sampleAmxCapture } from '../../app/fixtures/samples.ts';
import { captureText } from '../../app/session/document.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { callsInClone, NpmPackage } from '../models/npm-package.ts';
import { builtFresh } from '../models/tilescope.ts';

test.describe('[C78] the package that npm pack makes', () => {
  let installed: NpmPackage;
  let file: string;
  test.beforeAll(async () => {
    await builtFresh();
    installed = new NpmPackage();
    file = join(installed.folder, 'saved.json');
    writeFileSync(file, captureText(sampleAmxCapture()));
  });
  test.afterAll(() => installed?.remove());

  test('it runs under plain Node, with a helper that needs no libc of this machine', () => {
    expect(installed.run('--version')).toMatchObject({ code: 0, err: '' });
    expect(installed.run('show', file, 'xcr0', 'tilecfg', '--json')).toMatchObject({ code: 0, err: '' });
    expect(installed.runWith(`show ${JSON.stringify(file)} k1\n`, '--batch').code).toBe(0);
    const helper = readFileSync(join(installed.root, 'dist/native/tilescope-helper'));
    // No PT_INTERP: a static program names no loader.
    expect(helper.includes('/lib64/ld-linux')).toBe(false);
    const doctor = JSON.parse(installed.run('doctor', '--json').out) as { checks: { id: string; state: string }[] };
    expect(doctor.checks.find(({ id }) => id === 'helper')?.state).toBe('ok');
    const listed = installed.run('list', '--json');
    expect(listed.code, listed.err).toBe(0);
  });

  test('man page and completions lie where npm and the shells look', () => {
    for (const path of [
      'share/man/man1/tilescope.1',
      'lib/node_modules/tilescope/dist/share/bash-completion/completions/tilescope',
      'lib/node_modules/tilescope/dist/share/zsh/vendor-completions/_tilescope',
      'lib/node_modules/tilescope/dist/share/fish/vendor_completions.d/tilescope.fish',
    ]) {
      expect(existsSync(join(installed.folder, 'prefix', path)), path).toBe(true);
    }
    expect(installed.run('man').out).toBe(
      readFileSync(join(installed.folder, 'prefix/share/man/man1/tilescope.1'), 'utf8'),
    );
  });

  test('a start loads what its verb needs, once', () => {
    const version = installed.loadedBy('--version');
    expect(version.names.length).toBeLessThanOrEqual(6);
    expect(version.bytes).toBeLessThan(48 * 1024);
    const help = installed.loadedBy('show', '--help');
    expect(help.bytes).toBe(version.bytes);
    for (const words of [['presets'], ['show', file, 'k1']]) {
      const { names } = installed.loadedBy(...words);
      expect(new Set(names).size).toBe(names.length);
      // No helper is started, no session held, no page served for a file.
      expect(names.filter((name) => /\/(host|host-pages|kept-session|recovery|web|electron)[-.]/.test(name))).toEqual(
        [],
      );
    }
  });

  test('web serves the page', async () => {
    const web = spawn(installed.program, ['web', '--no-open', '--port', '0'], { stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      let heard = '';
      web.stderr.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
      });
      /** The address that is printed as the first, the second … */
      const address = async (number: number): Promise<string> => {
        const all = (): string[] => [...heard.matchAll(/http:\/\/127\.0\.0\.1:\d+\/#\S+/g)].map(([url]) => url);
        await expect.poll(() => all().length).toBeGreaterThanOrEqual(number);
        return all()[number - 1] ?? '';
      };
      const url = await address(1);
      const page = await fetch(url, { redirect: 'manual' });
      expect(page.status).toBe(200);
      web.kill('SIGUSR2');
      const fresh = await address(2);
      expect(new URL(fresh).origin).toBe(new URL(url).origin);
      expect(new URL(fresh).hash).not.toBe(new URL(url).hash);
    } finally {
      const gone = new Promise((resolve) => web.once('exit', resolve));
      web.kill('SIGTERM');
      await gone;
    }
  });

  test('a live guest, from the package', async () => {
    test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
    const guest = await Guest.start({ name: 'packed' });
    try {
      const shown = installed.run('show', '--pid', String(guest.pid), 'cs', 'fs_base', 'xmm0', '--json');
      expect(shown.code, shown.err).toBe(0);
      expect(JSON.parse(shown.out)).toMatchObject({ cs: expect.stringMatching(/^0x[0-9a-f]{4}$/) });
      expect(installed.run('__complete', 'show', '--pid', '').out).toContain(`${guest.pid}\t`);
    } finally {
      await guest.stop();
    }
  });
});

test('[C78] a start in a clone builds nothing that is built, reads no source, and asks each for its time once', async () => {
  await builtFresh();
  const { calls, said } = callsInClone('--version');
  expect(said).toMatchObject({ code: 0, err: '' });
  expect(calls.stat).toBeLessThan(700);
  expect(calls.list).toBeLessThan(80);
  expect(calls.read).toBeLessThanOrEqual(6);
});
