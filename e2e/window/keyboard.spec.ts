import { expect, type Page } from 'playwright/test';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

/** A model some steps into its program, opened without the mouse. */
const opened = async (open: () => Promise<Page>, widthPx = 1440, heightPx = 900): Promise<TilesWindow> => {
  const page = await open();
  const window = new TilesWindow(page);
  await window.openModel(0);
  for (let step = 0; step < 12; step += 1) await window.step();
  await resizeTo(page, widthPx, heightPx);
  await page.keyboard.press('Alt+3');
  return window;
};

/** Where the keyboard is: the region, and for what stands outside of regions the role and name of it. */
const place = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const node = document.activeElement;
    const region = node?.closest<HTMLElement>('[data-region]')?.dataset.region;
    // Behind the name of a tab stands its number, or a place.
    return region ?? `${node?.getAttribute('role') ?? node?.tagName} ${node?.firstChild?.textContent ?? ''}`;
  });

const round = async (page: Page, key: string, stops: number): Promise<readonly string[]> => {
  const been: string[] = [];
  for (let stop = 0; stop < stops; stop += 1) {
    await page.keyboard.press(key);
    been.push(await place(page));
  }
  return been;
};

const AROUND = ['toolbar', 'components', 'program', 'tab Tiles', 'centre', 'inspector', 'history', 'status'];

test('[U19] F6 goes round the regions and Shift+F6 back; the matrix is the first stop of the view', async ({
  open,
}) => {
  const { page } = await opened(open);
  await page.getByRole('tab', { name: 'Tiles', exact: true }).focus();
  const from = AROUND.indexOf('tab Tiles');
  const turned = [...AROUND.slice(from + 1), ...AROUND.slice(0, from + 1)];
  expect(await round(page, 'F6', AROUND.length)).toEqual(turned);
  expect(await round(page, 'Shift+F6', AROUND.length)).toEqual([...turned.slice(0, -1).reverse(), 'tab Tiles']);
  await page.keyboard.press('F6');
  await expect(page.locator('[role="gridcell"]:focus')).toHaveCount(1);
  // Each region keeps its place.
  await page.keyboard.press('ArrowDown');
  const cell = await page.evaluate(() => document.activeElement?.getAttribute('aria-label'));
  await page.keyboard.press('F6');
  await page.keyboard.press('Shift+F6');
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(cell);
});

test('[U19] a folded pane is one stop, its strip; Escape from one that a key unfolded folds it and gives the keyboard back', async ({
  open,
}) => {
  const window = await opened(open, 1100, 700);
  const { page } = window;
  const cell = window.element(0, 0, 0);
  await cell.focus();
  expect(await round(page, 'F6', 7)).toEqual([
    ...['tab Inspector', 'history', 'status', 'toolbar', 'components', 'tab Program', 'tab Tiles'],
  ]);
  await page.keyboard.press('F6');
  await expect(cell).toBeFocused();
  for (const [key, pane] of [
    ['F4', 'inspector'],
    ['Alt+p', 'program'],
  ] as const) {
    await page.keyboard.press(key);
    await expect(page.locator(`[data-pane="${pane}"]`)).toBeFocused();
    await page.keyboard.press('Escape');
    await expect(page.locator(`[data-pane="${pane}"]`)).toBeHidden();
    await expect(cell).toBeFocused();
  }
});

test('[U20] what closes gives the keyboard back, and it never falls to the page', async ({ open }) => {
  const window = await opened(open);
  const { page } = window;
  const cell = window.element(0, 0, 0);
  await cell.focus();
  for (const [key, role] of [
    ['Shift+F10', 'menu'],
    ['Control+Shift+P', 'dialog'],
    ['Shift+?', 'dialog'],
    ['Control+F5', 'dialog'],
    ['Control+Shift+C', 'dialog'],
  ] as const) {
    await page.keyboard.press(key);
    await expect(page.getByRole(role)).toBeVisible();
    await page.keyboard.press('Escape');
    await expect(page.getByRole(role)).toHaveCount(0);
    await expect(cell, key).toBeFocused();
  }
  // By its key, and by Delete on its tab.
  await page.keyboard.press('Alt+g');
  await expect(page.locator('[data-pane="plot"]')).toBeFocused();
  await page.keyboard.press('Alt+g');
  await expect(cell, 'Plot').toBeFocused();
  await page.keyboard.press('Control+f');
  await expect(page.locator('[data-pane="find"]').getByRole('searchbox')).toBeFocused();
  await page.getByRole('tab', { name: 'Find' }).focus();
  await page.keyboard.press('Delete');
  await expect(page.locator('[data-pane="find"]')).toHaveCount(0);
  await expect(page.locator(':focus')).toHaveCount(1);
  // A menu whose item opens a dialog.
  const target = page.getByRole('button', { name: /^Target / });
  await target.press('Enter');
  await page.getByRole('menuitem', { name: 'Keys' }).press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(target).toBeFocused();
  // Views, groups and types that take the cell away with them.
  await page.keyboard.press('Alt+2');
  await window.jump('zmm3:f32[5]');
  await expect(window.cell('zmm3:f32[5]')).toBeFocused();
  for (const key of ['t', 'Alt+3', 'Alt+1', 'Alt+6', 'Alt+ArrowLeft', 'Alt+5']) {
    await page.keyboard.press(key);
    await expect(page.locator(':focus'), key).toHaveCount(1);
  }
  // Its end leads to the first screen, where nothing is pressed by the next Enter.
  await page.keyboard.press('Control+Shift+P');
  await page.keyboard.type('detach');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog');
  await expect(dialog).toBeVisible();
  await dialog
    .getByRole('button', { name: /^Close/ })
    .last()
    .press('Enter');
  await page.getByTestId('targets').waitFor();
  await expect(page.locator(':focus')).toHaveCount(1);
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('targets')).toBeVisible();
});

test('[U19] of keys that come within one frame none is lost, in either grid', async ({ open }) => {
  const { page } = await opened(open);
  const grids = [
    { view: 'Alt+2', at: '[data-cell="0-3"]', keys: ['ArrowDown', 'ArrowLeft', 'ArrowDown'], name: /^zmm2:f32\[4\]/ },
    { view: 'Alt+3', at: '[data-at="0 0"]', keys: ['ArrowDown', 'ArrowRight'], name: /\[1\]\[1\]/ },
  ];
  for (const { view, at, keys, name } of grids) {
    await page.keyboard.press(view);
    await page.locator(`[role="gridcell"]${at}`).first().focus();
    await page.evaluate(async (pressed) => {
      for (const key of pressed) {
        document.activeElement?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        // What a key changed is there before the next one; a frame is not.
        for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
      }
    }, keys);
    await expect(page.locator('[role="gridcell"]:focus')).toHaveAccessibleName(name);
  }
});

test('[U19] a value is reached, edited, applied and taken back by the keyboard alone', async ({ open }) => {
  const window = await opened(open);
  const { page } = window;
  await page.keyboard.press('Alt+2');
  await expect(page.getByRole('gridcell', { name: /^zmm0/ }).first()).toBeVisible();
  const cell = page.locator('[role="gridcell"]:focus');
  for (let tried = 0; tried < 9 && (await cell.count()) === 0; tried += 1) await page.keyboard.press('F6');
  await expect(cell).toHaveCount(1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await expect(cell).toHaveAccessibleName(/^zmm1/);
  await page.keyboard.type('2.5');
  await page.keyboard.press('Enter');
  await expect(window.staged()).toHaveText('1 staged');
  await expect(cell).toHaveAccessibleName(/ 2\.5, staged/);
  await window.apply();
  await expect(cell).toHaveAccessibleName(/ 2\.5, written/);
  await page.keyboard.press('Control+z');
  await expect(cell).not.toHaveAccessibleName(/^zmm1\S* 2\.5/);
  await expect(cell).toHaveCount(1);
});
