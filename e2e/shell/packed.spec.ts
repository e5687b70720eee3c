import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { StandInHost } from '../models/electron.ts';
import { Files } from '../models/files.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { Packed } from '../models/packed.ts';

test.describe('the package, unpacked', () => {
  let packed: Packed;
  let files: Files;
  test.beforeAll(() => {
    packed = new Packed();
    files = new Files();
  });
  test.afterAll(() => {
    packed?.remove();
    files?.close();
  });

  /** The verbs as the command itself lists them, those for people. */
  const verbs = async (): Promise<string[]> => {
    const { code, out } = await packed.run('--help');
    expect(code).toBe(0);
    return [...new Set([...out.matchAll(/^ {2}tilescope ([a-z][a-z-]+)\b/gm)].map(([, verb]) => verb ?? ''))];
  };

  test('every verb reaches the command line, without a screen', async () => {
    const names = await verbs();
    expect(names).toEqual(
      expect.arrayContaining(['list', 'show', 'capture', 'set', 'restore', 'diff', 'doctor', 'web']),
    );
    for (const verb of names) {
      const { code, out, err } = await packed.run(verb, '--help');
      expect({ code, err }, verb).toEqual({ code: 0, err: '' });
      expect(out, verb).toContain(`tilescope ${verb}`);
    }
  });

  test('files are read, and written', async () => {
    const capture = files.capture();
    const shown = await packed.run('show', capture, 'xcr0', '--json');
    expect(shown).toMatchObject({ code: 0, err: '' });
    expect(Object.keys(JSON.parse(shown.out))).toEqual(['xcr0']);
    for (const words of [
      ['layout', capture],
      ['presets'],
      ['diff', capture, capture],
      ['journal'],
      ['man'],
      ['completions', 'bash'],
    ]) {
      expect(await packed.run(...words), words.join(' ')).toMatchObject({ code: 0, err: '' });
    }
    const raw = files.write('raw.xsave', '');
    expect((await packed.run('convert', capture, '--to', 'raw', '--out', raw, '--force')).code).toBe(0);
    expect(readFileSync(raw).length).toBeGreaterThan(576);
    expect(await packed.run('show', '/nowhere/at-all.json')).toMatchObject({ code: 3, out: '' });
    expect((await packed.run('show')).code).toBe(2);
    expect((await packed.run('--version')).out).toMatch(/^Tilescope \d/);
  });

  test('the helper is found beside app.asar: targets are listed, doctor speaks with it', async () => {
    const listed = await packed.run('list', '--json');
    expect(listed).toMatchObject({ code: 0 });
    expect(Array.isArray(JSON.parse(listed.out))).toBe(true);
    expect((await packed.run('doctor', '--json')).out).toContain('/resources/bin/tilescope-helper');
  });

  test('a vCPU is read, written, compared and given back', async () => {
    test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
    const guest = await Guest.start({ name: 'packed' });
    try {
      const pid = String(guest.pid);
      const file = files.write('before.json', '');
      expect((await packed.run('capture', '--pid', pid, '--out', file)).code).toBe(0);
      expect(await packed.run('set', '--pid', pid, 'mxcsr=0x9fc0')).toMatchObject({ code: 0 });
      // Electron stops at an address that something follows: this looks like one.
      const differs = await packed.run('diff', file, `pid:${pid}/0`, '--json');
      expect(differs).toMatchObject({ code: 0 });
      expect(differs.out).toContain('mxcsr');
      expect((await packed.run('restore', '--pid', pid, '--only', 'mxcsr', file)).code).toBe(0);
      expect(JSON.parse((await packed.run('show', '--pid', pid, 'mxcsr', '--json')).out)).not.toEqual({
        mxcsr: '0x9fc0',
      });
    } finally {
      await guest.stop();
    }
  });

  for (const words of [['--web', '--no-open'], ['web', '--no-open'], []]) {
    test(`the page is served by "tilescope ${words.join(' ')}" where there is no screen, until Ctrl+C`, async ({
      page,
    }) => {
      const { url, interrupt } = await packed.serve(...words);
      await page.goto(url);
      await expect(page.getByRole('heading', { name: 'Live on this machine' })).toBeVisible();
      expect(await interrupt()).toBe(0);
    });
  }

  test('the window opens a file, with the helper of the package', async () => {
    const host = await StandInHost.start({ command: [packed.command], words: ['--no-sandbox', files.capture()] });
    try {
      const page = await host.page();
      await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
      await expect(page.getByRole('button', { name: /^Compatibility: / })).toBeVisible();
    } finally {
      await host.stop();
    }
  });
});
