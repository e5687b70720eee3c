import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, type Page, test } from 'playwright/test';
import { StandInHost, type StartOptions } from '../models/electron.ts';
import { Files } from '../models/files.ts';
import { Guest, KVM_ABSENT } from '../models/guest.ts';
import { WIDE } from '../models/having.ts';
import { Window } from '../models/window.ts';

/** What the stand-in says of a window, where it is asked to. */
const LOUD = { STAND_IN_LOG: '1' };
const ROOT_WORDS = process.getuid?.() === 0 ? ['--no-sandbox'] : [];

let files: Files;
let host: StandInHost | null = null;
test.beforeAll(() => {
  files = new Files();
});
test.afterEach(async () => {
  await host?.stop();
  host = null;
});
test.afterAll(() => files.close());

const start = async (options: StartOptions = {}): Promise<Page> => {
  host = await StandInHost.start(options);
  return host.page();
};
const targets = (page: Page) => page.getByRole('heading', { name: 'Live on this machine' });
const overview = (page: Page) => page.getByRole('tab', { name: 'Overview' });
const said = (text: RegExp) => expect.poll(() => host?.said ?? '').toMatch(text);

/** Everything that the page may reach is asked of it in its own world. */
const reached = (page: Page): Promise<unknown> =>
  page.evaluate(async () => {
    const world = window as unknown as Record<string, unknown>;
    const bridge = world.tilescope as {
      hostFacts(): Promise<{ value: { host: string } }>;
      openFile(...args: unknown[]): Promise<unknown>;
    };
    const text = (error: unknown): string => String(error);
    return {
      frozen: Object.isFrozen(bridge),
      node: [typeof world.require, typeof world.process, typeof world.Buffer],
      host: (await bridge.hostFacts()).value.host,
      functions: await bridge.openFile('x', () => 1).catch(text),
      copied: await navigator.clipboard.writeText('zmm3').then(() => true, text),
      read: await navigator.clipboard.readText().then(
        () => true,
        () => false,
      ),
      outside: await fetch('https://example.org/').then(
        () => true,
        () => false,
      ),
    };
  });

test('npm start opens the window: the bridge and nothing else, text to the clipboard, nothing outside', async () => {
  host = await StandInHost.npmStart({ words: ROOT_WORDS });
  const page = await host.page();
  await expect(targets(page)).toBeVisible();
  const found = (await reached(page)) as Record<string, unknown>;
  expect(found).toMatchObject({ frozen: true, node: ['undefined', 'undefined', 'undefined'], host: 'electron' });
  expect(found).toMatchObject({ copied: true, read: false, outside: false });
  expect(found.functions).toContain('could not be cloned');
  // Ctrl+C reaches everyone in the terminal, and npm sends it again.
  host.child.kill('SIGINT');
  host.child.kill('SIGINT');
  expect(await host.ended).toMatchObject({ code: 0, signal: null });
});

test('a page that would leave stays where it is, and opens no window', async () => {
  const page = await start({ environment: LOUD });
  await expect(targets(page)).toBeVisible();
  const address = page.url();
  await page.evaluate(() => {
    location.href = 'https://example.org/';
  });
  await said(/a navigation was prevented: https:\/\/example\.org\//);
  expect(page.url()).toBe(address);
  expect(await page.evaluate(() => window.open('https://example.org/'))).toBeNull();
  await said(/window.open deny https:\/\/example\.org\//);
});

for (const [how, words] of [
  ['behind switches of Chromium’s', (path: string) => ['--ozone-platform-hint=auto', '--enable-features=X', path]],
  ['before one', (path: string) => [path, '--force-device-scale-factor=1']],
  ['as a file manager’s address', (path: string) => [pathToFileURL(path).href]],
] as const) {
  test(`a file named ${how} is opened`, async () => {
    const page = await start({ words: words(files.write('named here.json', readFileSync(files.capture()))) });
    await expect(overview(page)).toBeVisible();
    expect(host?.said).not.toMatch(/none of Tilescope’s options/);
  });
}

test('a misspelt option is said, two files are refused', async () => {
  const page = await start({ words: ['--detreministic'] });
  await expect(targets(page)).toBeVisible();
  await said(/--detreministic is none of Tilescope’s options/);
  const two = await StandInHost.start({ words: ['a.json', 'b.json'] });
  expect(await two.ended).toMatchObject({ code: 2, said: expect.stringMatching(/one file can be opened, got/) });
  await two.stop();
});

test('a second start hands over its file, named from where it stands, and the window opens it', async () => {
  const page = await start();
  await expect(targets(page)).toBeVisible();
  const folder = mkdtempSync(join(tmpdir(), 'tilescope-second-'));
  try {
    symlinkSync(files.capture(), join(folder, 'second.json'));
    const second = await StandInHost.start({ words: ['second.json'], cwd: folder, user: host?.user });
    expect(await second.ended).toMatchObject({ code: 0 });
    await expect(overview(page)).toBeVisible();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a page whose process crashed is loaded again', async () => {
  const page = await start();
  await expect(targets(page)).toBeVisible();
  void page.goto('chrome://crash').catch(() => undefined);
  await said(/the window’s process ended \(crashed, code 5\); loading the page again/);
  await host?.forget();
  await expect(targets(await (host as StandInHost).page())).toBeVisible();
});

test('the window opens where it was left, in the theme it was left in', async () => {
  const first = await start({ environment: { ...LOUD, STAND_IN_MOVED: '10,20,1200,800' } });
  await said(/a window \{"width":1440,"height":900,"backgroundColor":"#0a0c10"\}/);
  await expect(targets(first)).toBeVisible();
  // Which one it begins in is the desktop's to say, and the test's browser has a word in it.
  if ((await first.locator('html').getAttribute('data-theme')) === 'dark') {
    await first.keyboard.press('Control+Shift+P');
    await first.keyboard.type('Dark or light');
    await first.keyboard.press('Enter');
  }
  await expect(first.locator('html')).toHaveAttribute('data-theme', 'light');
  await said(/theme color #ebedef/);
  host?.closeWindow();
  await host?.ended;
  const second = await StandInHost.start({ environment: LOUD, user: host?.user });
  await expect(targets(await second.page())).toBeVisible();
  expect(second.said).toContain('a window {"x":10,"y":20,"width":1200,"height":800,"backgroundColor":"#ebedef"}');
  await second.stop();
});

test('a window that is never painted before it is shown is shown all the same', async () => {
  const page = await start({ environment: { ...LOUD, STAND_IN_WAYLAND: '1' } });
  await expect(targets(page)).toBeVisible();
  await said(/the window is shown/);
});

test.describe('where the window cannot come up, npm start serves the page', () => {
  const dead = { WAYLAND_DISPLAY: '', DISPLAY: ':4711' };
  for (const [how, environment, words, why] of [
    ['no display', { WAYLAND_DISPLAY: '', DISPLAY: '' }, ROOT_WORDS, /there is no display/],
    ['a display that is gone', dead, ROOT_WORDS, /Electron ended with 139 before its window was shown/],
    // Only where unshare works does the start come so far; root needs no namespace, and passes the switch to get here.
    ['no sandbox for root', {}, [], /Electron’s sandbox does not run as root/],
  ] as const) {
    test(how, async () => {
      test.skip(how.includes('root') && process.getuid?.() !== 0, 'only root is refused its sandbox');
      host = await StandInHost.npmStart({ words: [...words, '--no-open'], environment });
      await said(why);
      await said(/open http:\/\/127\.0\.0\.1:\d+\/#/);
    });
  }
});

test.describe('with work under way', () => {
  test.skip(KVM_ABSENT !== null, KVM_ABSENT ?? '');
  let guest: Guest;
  test.beforeAll(async () => {
    guest = await Guest.start({ name: 'shell' });
  });
  test.afterAll(async () => guest?.stop());

  const edited = async (): Promise<Window> => {
    const window = new Window(await start());
    await expect(window.target('shell')).toBeVisible();
    await window.attach('shell');
    await window.page.keyboard.press('Alt+2');
    await window.type(`${WIDE}3:f32[1]`, '2.5');
    return window;
  };

  test('closing the window asks about what is staged, as Detach does, and closes once it is answered', async () => {
    const { page } = await edited();
    const dialog = page.getByRole('dialog', { name: /^Detach from/ });
    // Left alone it would be accepted; the stand-in says the same: the page stays.
    page.on('dialog', (asked) => void asked.dismiss().catch(() => undefined));
    host?.closeWindow();
    await expect(dialog).toBeVisible();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await expect(page.getByRole('button', { name: /^1 staged$/ })).toBeVisible();
    host?.closeWindow();
    await dialog.getByRole('button', { name: 'Discard and detach' }).click();
    expect(await host?.ended).toMatchObject({ code: 0, signal: null });
    await guest.progress();
  });

  test('Ctrl+C lets the vCPU go before the process ends, however often it comes', async () => {
    await edited();
    for (let times = 0; times < 5; times += 1) host?.child.kill('SIGINT');
    expect(await host?.ended).toMatchObject({ code: 0, signal: null });
    await guest.progress();
  });
});
