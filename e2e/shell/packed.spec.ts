import { readFileSync } from 'node:fs';
import { expect, test } from 'playwright/test';
import { StandInHost } from '../models/electron.ts';
import { Files } from '../models/files.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { Packed } from '../models/packed.ts';
import { tilescope } from '../models/tilescope.ts';

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

  test('check, product and batch answer as the command line without Electron does', async () => {
    const capture = files.capture();
    for (const [code, ...words] of [
      [0, 'check', capture, '--preset', 'sapphire-rapids', '--json'],
      [1, 'check', capture, '--preset', 'skylake-sp', '--json'],
      [0, 'product', capture, 'tmm0', 'tmm1', 'tmm2', '--instruction', 'TDPBSSD', '--json'],
      [2, 'product', capture, 'tmm0', 'tmm1', 'tmm9', '--instruction', 'TDPBSSD'],
    ] as const) {
      const ran = await packed.run(...words);
      expect(ran, words.join(' ')).toEqual(await tilescope(...words));
      expect(ran.code, words.join(' ')).toBe(code);
    }
    const input = `show '${capture}' xcr0\n# nothing\ncheck '${capture}' --preset sapphire-rapids\n`;
    for (const words of [['batch'], ['--batch']]) {
      const { code, out, err } = await packed.runIn({ input }, ...words, '--json');
      expect({ code, err }).toEqual({ code: 0, err: '' });
      const lines = out.trim().split('\n');
      expect(lines.map((line) => JSON.parse(line)).map(({ line, code }) => [line, code])).toEqual([
        [1, 0],
        [3, 0],
      ]);
    }
  });

  test('setup-privileges says what it would do with the helper of the package, and does nothing', async () => {
    const { code, out, err } = await packed.run('setup-privileges', '--json');
    test.skip(err.includes('is not there'), err);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { steps, done } = JSON.parse(out) as { steps: string[]; done: boolean };
    expect(done).toBe(false);
    expect(steps.filter((step) => step.startsWith('install ')).join('\n')).toContain(
      '/linux-unpacked/resources/bin/tilescope-helper',
    );
  });

  test('the helper is found beside app.asar: targets are listed, doctor speaks with it', async () => {
    const listed = await packed.run('list', '--json');
    expect(listed).toMatchObject({ code: 0 });
    expect(Array.isArray(JSON.parse(listed.out))).toBe(true);
    expect((await packed.run('doctor', '--json')).out).toContain('/resources/bin/tilescope-helper');
  });

  test('a vCPU is read, written, compared, given back, stepped and run to an address', async () => {
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
      // What the guest counts in, its steps and a stop at one of them.
      const page = files.write('page.bin', '');
      const at = ['--physical', '--bytes', '16', '--out', page];
      expect(await packed.run('mem', '--pid', pid, '0x7e00', ...at)).toMatchObject({ code: 0 });
      const read = readFileSync(page);
      expect(read).toHaveLength(16);
      expect(read.readBigUInt64LE(0)).toBeGreaterThan(0n);
      expect(read.readBigUInt64LE(0)).toBeLessThanOrEqual(await guest.counter());
      const stepped = await packed.run('step', '--pid', pid, '8', '--json');
      expect(stepped).toMatchObject({ code: 0 });
      const { steps, stops } = JSON.parse(stepped.out) as { steps: number; stops: { rip: string }[] };
      expect({ steps, stops: stops.length }).toEqual({ steps: 8, stops: 8 });
      const rip = stops.at(-1)?.rip ?? '';
      const there = await packed.run('break', '--pid', pid, rip, '--json');
      expect(there).toMatchObject({ code: 0 });
      const breakpoints = [{ breakpoint: rip, hit: true, hits: 1 }];
      expect(JSON.parse(there.out)).toEqual({ hit: true, rip, why: null, breakpoints });
      expect((await packed.run('check', file, '--pid', pid, '--json')).code).toBe(0);
      await guest.progress();
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

  test('a display that is gone: the page is served instead, until Ctrl+C', async ({ page }) => {
    const words = ['--no-sandbox', '--no-open', files.capture()];
    const { url, interrupt, said } = await packed.serveIn({ DISPLAY: ':4711' }, ...words);
    expect(said()).toMatch(/no window: Electron ended with 139 before its window was shown/);
    await page.goto(url);
    await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
    expect(await interrupt()).toBe(0);
  });

  test('a library that is missing is named, with what brings it: the page would need it too', async () => {
    const gone = { DISPLAY: ':4711', STAND_IN_NO_LIBRARY: 'libgbm.so.1' };
    const { code, err } = await packed.runIn(gone, '--no-sandbox', '--no-open');
    expect(code).toBe(127);
    expect(err).toContain('libgbm.so.1');
    expect(err).toMatch(/apt install .*\.deb/);
    expect(err).not.toContain('http://');
  });

  test('wrong words are refused once, not served', async () => {
    const { code, err } = await packed.runIn({ WAYLAND_DISPLAY: 'stand-in' }, '--no-sandbox', 'a.json', 'b.json');
    expect(code).toBe(2);
    expect(err).toContain('one file can be opened');
    expect(err).not.toMatch(/no window|http:/);
  });

  test('what is sent to the command reaches its window, and ends it once', async () => {
    const host = await StandInHost.start({ command: [packed.command], words: ['--no-sandbox'] });
    await expect((await host.page()).getByRole('heading', { name: 'Live on this machine' })).toBeVisible();
    for (let times = 0; times < 3; times += 1) host.child.kill('SIGINT');
    const { code, signal, said } = await host.ended;
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    expect(said).not.toContain('http://');
    await host.stop();
  });

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
