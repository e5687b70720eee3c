import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Locator, type Page } from 'playwright/test';
import { Files, GCORE_ABSENT } from '../models/files.ts';
import { test } from '../models/host.ts';
import { tilescope, tilescopeFed, tilescopeJson } from '../models/tilescope.ts';
import { Window } from '../models/window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

/** Images that users had trouble with. */
const CASES = join(import.meta.dirname, '../../app/formats/testdata/cases');

/** One gesture from the first screen: Open file…, and the file. */
const choose = async (page: Page, path: string): Promise<void> => {
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open file…' }).click();
  await (await chooser).setFiles(path);
  await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
  // Nothing lies under the pointer in the pictures.
  await page.mouse.move(0, 0);
};

/** Drops a file on the page, as a file manager does. */
const drop = async (page: Page, name: string, bytes: Buffer): Promise<void> => {
  const dataTransfer = await page.evaluateHandle(
    ([label, base64]) => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], label));
      return transfer;
    },
    [name, bytes.toString('base64')] as const,
  );
  await page.locator('.page').dispatchEvent('drop', { dataTransfer });
};

/** Goes from one thing that takes the keyboard to the next, until it is this one. */
const tabTo = async (page: Page, wanted: Locator): Promise<void> => {
  for (let presses = 0; presses < 100; presses += 1) {
    if (await wanted.evaluate((node) => node === document.activeElement)) break;
    await page.keyboard.press('Tab');
  }
  await expect(wanted).toBeFocused();
};

/** Pictures must not depend on the CPU they are made on: the verdict is that of a CPU by name. */
const restoredOn = async (page: Page, cpu: string): Promise<void> => {
  await page.getByLabel('Restored on').selectOption({ label: cpu });
};

const toTop = (page: Page, heading: string): Promise<void> =>
  page
    .getByRole('heading', { name: heading, exact: true })
    .evaluate((head) => (head.closest('section') ?? head).scrollIntoView());

/** Text that an ellipsis cuts, in the centre. */
const cut = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('[data-testid="centre"] :not(.visually-hidden)')]
      .filter((node) => getComputedStyle(node).overflow !== 'visible' && node.scrollWidth > node.clientWidth + 1)
      .filter((node) => !/scroll|auto/.test(getComputedStyle(node).overflowX) && (node.textContent ?? '') !== '')
      .map((node) => (node.textContent ?? '').slice(0, 80)),
  );

test('[C51] what cpuid -r prints, piped: --from - lays a file out by it, --preset - is where it goes', async () => {
  const AMD = 'ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65';
  const rows = [
    [0, 0x2e7, 0x988],
    [1, 0xf, 0x988],
    [2, 0x100, 0x240],
    [5, 0x40, 0x340],
    [6, 0x200, 0x380],
  ] as const;
  const all = [...rows, [7, 0x400, 0x580], [9, 8, 0x980]] as const;
  const hex = (value: number, digits = 8): string => `0x${value.toString(16).padStart(digits, '0')}`;
  const leaf = ([sub, eax, ebx]: readonly [number, number, number]): string =>
    `   0x0000000d ${hex(sub, 2)}: eax=${hex(eax)} ebx=${hex(ebx)} ecx=${hex(sub === 0 ? ebx : 0)} edx=0x00000000\n`;
  const dump = `CPU 0:\n   0x00000000 0x00: eax=0x0000000d ${AMD}\n${all.map(leaf).join('')}`;
  const of = (name: string): string => join(import.meta.dirname, '../../app/formats/testdata/cases', name);
  const shown = await tilescopeFed(
    dump,
    'show',
    of('gdb13-gcore-on-amd.core'),
    '--from',
    '-',
    'zmm17:u32[0]',
    '--json',
  );
  expect(shown.code, shown.err).toBe(0);
  expect(JSON.parse(shown.out)).toEqual({ 'zmm17:u32[0]': 2684358912 });
  const there = await tilescopeFed(dump, 'check', of('rr3573-zen4.bin'), '--preset', '-', '--json');
  expect(JSON.parse(there.out)).toMatchObject({ fits: 'yes', destination: 'CPUID of standard input' });
  const wrong = await tilescopeFed('no CPUID', 'check', of('rr3573-zen4.bin'), '--preset', '-');
  expect(wrong.code).toBe(3);
});

test.describe('files in the window', () => {
  let files: Files;
  test.beforeEach(() => {
    files = new Files();
  });
  test.afterEach(() => files.close());

  test('a core from the first screen: its threads, its registers, another layout', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    await choose(page, files.core());
    await restoredOn(page, 'Zen 5 (Turin)');
    await window.shoot('files-core');
    const choice = page.getByTestId('vcpu');
    await choice.press('Enter');
    const threads = page.getByRole('menu', { name: 'thread' }).getByRole('menuitemradio');
    await expect(threads).toHaveCount(2);
    await threads.filter({ hasText: 'thread 4712' }).press('Enter');
    await expect(choice).toHaveText(/^thread 4712/);
    await page.keyboard.press('Alt+2');
    await expect(page.getByRole('gridcell', { name: /^zmm0:f32\[1\]/ })).toContainText('2.5');
    await page.keyboard.press('Alt+1');
    await page.getByLabel('Layout of the image').selectOption({ label: 'Skylake-SP, Cascade Lake-SP' });
    await expect(page.getByTestId('layouts')).toContainText('Skylake-SP');
  });

  test('a file that is picked late, when the page’s memory was cleaned meanwhile', async ({ open }) => {
    const page = await open();
    const browser = await page.context().newCDPSession(page);
    await browser.send('Page.enable');
    await browser.send('Page.setInterceptFileChooserDialog', { enabled: true });
    const asked = new Promise<number>((resolve) => {
      browser.once('Page.fileChooserOpened', ({ backendNodeId }) => resolve(backendNodeId ?? 0));
    });
    await page.getByRole('button', { name: 'Open file…' }).click();
    const backendNodeId = await asked;
    await browser.send('HeapProfiler.collectGarbage');
    await browser.send('DOM.setFileInputFiles', { files: [files.capture()], backendNodeId });
    await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
  });

  test('what an old gdb did not copy on an AMD CPU is lost, and no zeros', async ({ open }) => {
    const page = await open();
    await choose(page, join(import.meta.dirname, '../../app/formats/testdata/cases/gdb13-gcore-on-amd.core'));
    await page.keyboard.press('Alt+2');
    const cell = (name: string) => page.getByRole('gridcell', { name: new RegExp(`^${name} `) });
    for (const name of ['zmm0:f32\\[8\\]', 'zmm5:f32\\[15\\]']) {
      await expect(cell(name)).toHaveText('lost');
      await expect(cell(name)).toHaveAttribute('aria-label', /lost: gdb up to 13/);
    }
    for (const name of ['zmm0:f32\\[7\\]', 'zmm6:f32\\[15\\]', 'zmm17:f32\\[0\\]']) {
      await expect(cell(name)).toHaveText(/\d/);
    }
    await page
      .getByRole('tab', { name: /opmask/i })
      .or(page.getByRole('radio', { name: /opmask/i }))
      .first()
      .click();
    await expect(page.getByText(/opmask was lost: gdb up to 13/)).toBeVisible();
  });

  test('a core of a real process, named on the command line', async ({ open }) => {
    test.skip(GCORE_ABSENT !== null, GCORE_ABSENT ?? '');
    const path = await files.gcore();
    const shown = await tilescopeJson<Record<string, unknown>>('show', path, 'xmm5:f32');
    expect(shown).toMatchObject({ 'xmm5:f32': [1.5, -2.25, 0.1, 1e30] });
    const page = await open(path);
    const window = new Window(page);
    await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
    await window.jump('xmm5:f32[1]');
    await expect(page.getByRole('gridcell', { name: /^(zmm5|xmm5|ymm5):f32\[1\]/ })).toContainText('2.25');
  });

  test('a capture dropped on the first screen, and a text that is none', async ({ open }) => {
    const page = await open();
    await expect(page.getByTestId('targets')).toBeVisible();
    await drop(page, 'notes.txt', Buffer.from('hello'));
    await expect(page.getByRole('alert')).toContainText('notes.txt');
    await drop(page, 'saved.json', readFileSync(files.capture()));
    await expect(page.getByRole('tab', { name: 'Overview' })).toBeVisible();
    await expect(page.getByRole('button', { name: /^Compatibility: / })).toBeVisible();
  });

  test('map, ledger, matrix and layouts of a Sapphire Rapids guest', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    await choose(page, files.capture());
    await restoredOn(page, 'Zen 5 (Turin)');
    await expect(page.getByRole('button', { name: /^Compatibility: fits, loses/ })).toBeVisible();
    await window.shoot('files-map');
    await toTop(page, 'Size ledger');
    await window.shoot('files-ledger');
    await toTop(page, 'Bits');
    await window.shoot('files-matrix');
    await toTop(page, 'Layouts');
    await window.shoot('files-layouts');
    expect(await cut(page)).toEqual([]);
  });

  test('a snapshot that a 4096-byte buffer truncated', async ({ open }) => {
    const path = files.truncated();
    const page = await open();
    const window = new Window(page);
    await choose(page, path);
    await restoredOn(page, 'Sapphire Rapids');
    await expect(page.getByRole('button', { name: 'Compatibility: truncated' })).toBeVisible();
    await toTop(page, 'Compatibility');
    await window.shoot('files-compatibility');
    expect(await cut(page)).toEqual([]);
    const checked = await tilescope('check', path, '--preset', 'sapphire-rapids', '--json');
    expect(checked.code).toBe(1);
    expect(JSON.parse(checked.out)).toMatchObject({ fits: 'with-losses', lost: [{ bit: 18 }] });
  });

  test('an image of which two CPUs are possible says so, and the CPU is named by keyboard', async ({ open }) => {
    const page = await open();
    const window = new Window(page);
    await choose(page, join(CASES, 'asterinas3920-intel-cut2440.bin'));
    const doubt = page.getByTestId('layout-doubt');
    await expect(doubt.getByRole('status')).toHaveText('Layout in doubt');
    const chooser = doubt.getByRole('combobox', { name: 'CPU whose layout the image has' });
    await restoredOn(page, 'Zen 5 (Turin)');
    await page.keyboard.press('Alt+2');
    await page.getByRole('radio', { name: 'Opmask' }).click();
    await page.mouse.move(0, 0);
    await window.shoot('files-doubt');
    await tabTo(page, chooser);
    await page.keyboard.type('Zen 5');
    await page.keyboard.press('Enter');
    await expect(doubt).toHaveCount(0);
    await page.keyboard.press('Alt+1');
    await expect(page.getByLabel('Layout of the image')).toHaveValue('zen5');
  });

  test('saved as a raw image, it holds the bytes that were opened', async ({ open }) => {
    const path = files.truncated();
    const page = await open();
    await choose(page, path);
    await page.keyboard.press('Control+Shift+C');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Save The whole capture as Raw image' }).click();
    const saved = await (await download).path();
    expect(readFileSync(saved)).toEqual(readFileSync(path));
  });
});
