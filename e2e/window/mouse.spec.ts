import { readFileSync } from 'node:fs';
import { expect, type Page } from 'playwright/test';
import { HELD_BY, holdAnswers } from '../models/held-answers.ts';
import { test } from '../models/host.ts';
import { amxCaptureFile, TilesWindow, valueIn } from '../models/tiles-window.ts';
import { fromMore } from '../models/window.ts';

// Nothing here is this machine's own.
test.use({ machine: 'stories' });

/** From the first screen on no key is pressed: a story that would need one stops here. */
const mouseAlone = (page: Page): void => {
  for (const name of ['press', 'type', 'down', 'insertText'] as const)
    page.keyboard[name] = () => Promise.reject(new Error('this story has no keyboard'));
};

const openedModel = async (page: Page): Promise<void> => {
  await page.getByRole('listbox', { name: 'Models' }).getByRole('option').first().click();
  await page.getByRole('button', { name: 'Open the model' }).click();
  await page.getByTestId('program').waitFor();
};

const view = (page: Page, name: string) => page.getByRole('tab', { name, exact: true });

test('[U30] by the mouse alone: a breakpoint is set beside its instruction, run to, switched off and taken away', async ({
  open,
}) => {
  const page = await open();
  mouseAlone(page);
  await openedModel(page);
  const lines = page.getByRole('list', { name: 'Instructions' }).locator('[data-address]');
  const line = lines.nth(9);
  const address = (await line.getAttribute('data-address')) ?? '';
  const box = await line.locator('.program-gutter').boundingBox();
  if (box === null) throw new Error('there is no gutter');
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  await page.mouse.click(x, y);
  await expect(line.locator('.visually-hidden')).toHaveText('breakpoint');
  await page.getByRole('button', { name: /^Continue/ }).click();
  await expect(lines.nth(9)).toHaveAttribute('aria-current', 'step');
  await view(page, 'Breakpoints').click();
  const row = page.getByTestId('breakpoints').getByRole('listitem');
  await expect(row).toContainText(/hit 1/);
  await row.getByRole('checkbox', { name: new RegExp(address) }).click();
  await view(page, 'Program').click();
  await expect(line.locator('.visually-hidden')).toHaveText('breakpoint, off');
  await line.locator('.program-gutter').click();
  await expect(line.locator('.visually-hidden')).toHaveCount(0);
});

test('[U30] by the mouse alone: a value is edited, applied, and restored at a stop that was chosen', async ({
  open,
}) => {
  const page = await open();
  mouseAlone(page);
  const window = new TilesWindow(page);
  await openedModel(page);
  await view(page, 'Registers').click();
  const bit = page.locator('[data-field-of="mxcsr.FTZ"]');
  await expect(bit).toHaveAttribute('aria-checked', 'false');
  await bit.click();
  await expect(window.staged()).toHaveText('1 staged');
  await page.getByRole('button', { name: /^Apply/ }).click();
  await expect(window.staged()).toHaveCount(0);
  await expect(bit).toHaveAttribute('aria-checked', 'true');
  await fromMore(page, /^Restore/);
  const dialog = page.getByRole('dialog', { name: 'Restore' });
  await dialog.getByRole('radio', { name: 'A stop' }).click();
  await dialog.getByTestId('restore-now').click();
  await expect(dialog).toHaveCount(0);
  await expect(bit).toHaveAttribute('aria-checked', 'false');
});

test('[U30] by the mouse alone: a file is edited, applied, and saved as another', async ({ open }) => {
  const page = await open();
  mouseAlone(page);
  const window = new TilesWindow(page);
  const file = amxCaptureFile();
  const before = readFileSync(file, 'utf8');
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Open file…' }).first().click();
  await (await chooser).setFiles(file);
  await view(page, 'Registers').click();
  await page.locator('[data-field-of="mxcsr.FTZ"]').click();
  await expect(window.staged()).toHaveText('1 staged');
  await page.getByRole('button', { name: /^Apply/ }).click();
  await expect(window.staged()).toHaveCount(0);
  await fromMore(page, /^(Copy|Save) .*as/);
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save The whole capture as Capture' }).click(),
  ]);
  const saved = await download.path();
  expect(valueIn(saved, 'mxcsr.FTZ')).not.toEqual(valueIn(file, 'mxcsr.FTZ'));
  expect(valueIn(saved, 'tmm0')).toEqual(valueIn(file, 'tmm0'));
  expect(readFileSync(file, 'utf8')).toBe(before);
});

/** What the mouse can press in a part of the page, and how far each moves, in px, while a press holds it. */
const movedByPress = (page: Page, within: string): Promise<readonly string[]> =>
  page.evaluate(async (selector) => {
    const frame = (): Promise<unknown> => new Promise((done) => requestAnimationFrame(done));
    const moved: string[] = [];
    const seen = (node: Element): boolean => node.checkVisibility() && node.closest('.visually-hidden') === null;
    const nodes = [
      ...document.querySelectorAll<HTMLElement>(`${selector} :is(button, input, select, [role="gridcell"])`),
    ];
    // Of a thousand cells a few speak for all.
    const cells = nodes.filter((node) => node.role === 'gridcell').slice(0, 3);
    for (const node of nodes.filter((one) => seen(one) && (one.role !== 'gridcell' || cells.includes(one)))) {
      if (!node.isConnected) continue;
      const was = node.getBoundingClientRect();
      node.focus({ preventScroll: true });
      await frame();
      await frame();
      const now = node.getBoundingClientRect();
      const far = Math.max(Math.abs(now.x - was.x), Math.abs(now.y - was.y));
      if (!node.isConnected || far > 1) moved.push(`${node.ariaLabel ?? node.textContent}: ${far}`);
    }
    return moved;
  }, within);

test('[U30] what is pressed stays under the pointer: the focus that a press brings moves nothing', async ({ open }) => {
  const page = await open();
  mouseAlone(page);
  await openedModel(page);
  for (const name of ['Overview', 'Registers', 'Tiles', 'Memory', 'XFD', 'Compare']) {
    await view(page, name).click();
    expect(await movedByPress(page, '[data-region="centre"]'), name).toEqual([]);
    if (name !== 'Registers') continue;
    for (const group of ['Opmask', 'x87', 'PKRU', 'General', 'Vector']) {
      await page.getByRole('radio', { name: group, exact: true }).click();
      expect(await movedByPress(page, '[data-region="centre"]'), group).toEqual([]);
    }
  }
  for (const pane of ['toolbar', 'program', 'inspector', 'history'])
    expect(await movedByPress(page, `[data-region="${pane}"]`), pane).toEqual([]);
});

test('[U30] the first screen stays where it is while it learns what it shows', async ({ open, host, page: given }) => {
  test.skip(host !== 'web', HELD_BY);
  const { letGo } = await holdAnswers(given, 'listModels');
  const page = await open();
  const boxes = async (): Promise<unknown> => {
    await page.evaluate(() => document.fonts.ready);
    return Promise.all(
      ['Open file…', 'Start a demo guest'].map((name) => page.getByRole('button', { name }).first().boundingBox()),
    );
  };
  // All else is known.
  await expect(page.getByText('Looking for vCPUs…')).toBeHidden();
  await expect(page.getByTestId('served')).not.toBeEmpty();
  const before = await boxes();
  letGo();
  await page.getByRole('listbox', { name: 'Models' }).waitFor();
  expect(await boxes()).toEqual(before);
});
