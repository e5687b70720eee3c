import { expect, type Page } from 'playwright/test';
import { axeViolations } from '../models/axe.ts';
import { test } from '../models/host.ts';
import { resizeTo } from '../models/resize.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

const opened = async (open: () => Promise<Page>): Promise<TilesWindow> => {
  const page = await open();
  await resizeTo(page, 1440, 900);
  const model = new TilesWindow(page);
  await model.openModel(0);
  return model;
};

const value = (page: Page, path: string) => page.locator(`[data-watch="${path}"]`);

test('[U28] memory is watched over the stops: where a register points, and at an address, where it is edited too', async ({
  open,
}) => {
  const model = await opened(open);
  const { page } = model;
  await page.getByRole('tab', { name: 'Watch' }).click();
  const add = page.getByRole('textbox', { name: 'Path to watch' });
  const watch = async (path: string): Promise<void> => {
    await add.fill(path);
    await add.press('Enter');
  };
  await watch('physical[rsi]:i8');
  await expect(page.getByRole('alert')).toContainText('no path of a register or of memory');
  await watch('[ RSI ]:i8');
  // RSI is zero there, and nothing is mapped.
  await expect(value(page, '[rsi]:i8')).toHaveText('not read');
  for (let step = 0; step < 3; step += 1) await model.step();
  const pointed = value(page, '[rsi]:i8').getByRole('button');
  await expect(pointed).toBeVisible();
  const before = await pointed.textContent();
  await watch('[0x403000]:i8');
  const fixed = value(page, '[0x403000]:i8').getByRole('button');
  await expect(fixed).toHaveText(before ?? '');
  for (let step = 3; step < 20; step += 1) await model.step();
  await expect(pointed).not.toHaveText(before ?? '');
  await expect(pointed).toHaveAccessibleName(/changed by the guest$/);
  await expect(fixed).toHaveText(before ?? '');
  await expect(fixed).not.toHaveAccessibleName(/changed/);
  // Each stop keeps what was read at it.
  await page.keyboard.press('Alt+ArrowLeft');
  await expect(pointed).toHaveText(before ?? '');
  await page.keyboard.press('Alt+ArrowRight');

  // What is watched is there again after a reload, read anew.
  await page.reload();
  await expect(pointed).not.toHaveText(before ?? '');
  await expect(fixed).toHaveText(before ?? '');

  await fixed.press('Enter');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('-7');
  await page.keyboard.press('Enter');
  await expect(fixed).toHaveAccessibleName(/^\[0x403000\]:i8 -7, staged/);
  await expect(fixed).toBeFocused();
  await model.apply();
  await expect(fixed).toHaveAccessibleName(/^\[0x403000\]:i8 -7, written and read back/);
  // The same byte named in another type is that write's too, and no change of the guest's.
  await watch('[0x403000]:u8');
  await value(page, '[0x403000]:u8').getByRole('button').press('Enter');
  await page.keyboard.press('Control+a');
  await page.keyboard.type('9');
  await page.keyboard.press('Enter');
  await expect(fixed).toHaveAccessibleName(/^\[0x403000\]:i8 9, staged/);
  await model.apply();
  await expect(fixed).toHaveAccessibleName(/^\[0x403000\]:i8 9, written and read back/);
  await fixed.press('t');
  await expect(value(page, '[0x403000]:i16').getByRole('button')).toBeFocused();
  await page.keyboard.press('Shift+T');
  await expect(fixed).toBeFocused();
  await page.keyboard.press('x');
  await expect(fixed).toHaveText(/^0x/);
  expect(await axeViolations(page)).toEqual([]);
  // Taken back it is this session's as well.
  await page.keyboard.press('Control+z');
  await expect(fixed).toHaveAccessibleName(/written and read back/);
  // The value that stands there is no edit.
  await fixed.press('Enter');
  await page.keyboard.press('Enter');
  await expect(model.staged()).toHaveCount(0);
  // Its name leads to the place.
  await page.getByRole('button', { name: '[rsi]:i8', exact: true }).click();
  await expect(page.getByTestId('memory').getByRole('textbox', { name: 'Base' })).toHaveValue('rsi');
  await expect(page.getByTestId('inspector')).toContainText('[0x403040]:u8');
  await fixed.press('Delete');
  await expect(fixed).toHaveCount(0);
});

test('[U7] in Memory the inspector is about the element that the keyboard is on, and what is watched or pointed at is that', async ({
  open,
}) => {
  const model = await opened(open);
  const { page } = model;
  const inspector = page.getByTestId('inspector');
  await page.keyboard.press('Alt+4');
  const memory = page.getByTestId('memory');
  await memory.getByRole('textbox', { name: 'Base' }).fill('0x403000');
  await page.keyboard.press('Enter');
  const at = (address: string) => memory.getByRole('gridcell', { name: new RegExp(`^${address} `) });
  await at('403000').focus();
  await expect(inspector).toContainText('[0x403000]:u8');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await expect(inspector).toContainText('[0x403011]:u8');
  await expect(inspector).toContainText('linear memory, uint8');
  const found = await at('403011').textContent();
  await page.keyboard.type('fe');
  await page.keyboard.press('Enter');
  await expect(inspector.getByTestId('about-memory')).toContainText('254');
  await expect(inspector.getByTestId('about-memory')).toContainText('staged, not yet written');
  await expect(inspector.getByTestId('about-memory')).toContainText(`As read${Number.parseInt(found ?? '', 16)}`);
  await page.keyboard.press('Control+Z');
  await expect(inspector.getByTestId('about-memory')).not.toContainText('staged');

  // Beside a tile it says what the tile has there.
  await memory.getByRole('radio', { name: 'Matrix' }).click();
  await memory.getByRole('combobox', { name: 'Beside' }).selectOption('tmm4');
  for (let step = 0; step < 20; step += 1) await model.step();
  await memory.locator('[data-memory="1 2"]').focus();
  await expect(inspector.getByTestId('about-memory-tile')).toContainText('tmm4 [1][2]');
  expect(await axeViolations(page)).toEqual([]);

  await memory.locator('[data-memory="1 2"]').click({ button: 'right' });
  const menu = page.getByRole('menu');
  await expect(menu.getByRole('menuitem', { name: /^Copy \[0x[0-9a-f]+\]:\w+$/ })).toBeVisible();
  await menu.getByRole('menuitem', { name: 'Watch what is selected' }).click();
  await expect(page.getByRole('table', { name: 'Watched values' }).getByRole('row')).toHaveCount(2);
  await expect(page.locator('[data-watch^="[0x"]').getByRole('button')).toBeVisible();

  // A register that is touched in a pane is what the inspector is about then, and the menu.
  await page.getByRole('tab', { name: 'General' }).click();
  await page.locator('[data-pane="general"] [data-cell-of="rbx"]').click({ button: 'right' });
  await expect(page.getByRole('menuitem', { name: 'Copy rbx' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.getByRole('tab', { name: 'Inspector' }).click();
  await expect(inspector).toContainText('RBX');
  await memory.locator('[data-memory="0 1"]').focus();
  await expect(inspector.getByTestId('about-memory')).toBeVisible();
  // Another view takes it along again.
  await page.keyboard.press('Alt+3');
  await expect(inspector.getByTestId('about-memory')).toHaveCount(0);
});
