import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

// Nothing here is this machine's own: the same story, and the same pictures, everywhere.
test.use({ machine: 'stories' });

test('a value is found, plotted over the stops, and seen beside the stop before; a right press offers what keys do', async ({
  open,
}) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 20; step += 1) await model.step();
  const element = model.element(0, 0, 0);
  const value = /tmm0\[0\]\[0\] (-?\d+)/.exec((await element.getAttribute('aria-label')) ?? '')?.[1] ?? '';

  await element.click({ button: 'right' });
  const menu = page.getByRole('menu', { name: 'What can be done here' });
  await expect(menu.getByRole('menuitem', { name: 'Copy tmm0:i32[0][0]' })).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(menu).toHaveCount(0);
  await expect(element).toBeFocused();
  await page.keyboard.press('Shift+F10');
  await menu.getByRole('menuitem', { name: 'Find this value' }).press('Enter');
  const find = page.locator('[data-pane="find"]');
  await expect(find.getByRole('searchbox')).toHaveValue(value);
  await expect(find.getByRole('option', { name: 'tmm0:i32[0][0]', exact: true })).toBeVisible();
  await expect(find.getByTestId('found-stops')).toContainText('in 5 of 21 stops');
  await find.getByRole('button', { name: '17–21' }).click();
  await expect(page.getByTestId('stepper-now')).toContainText('stop 17');
  await page.keyboard.press('Alt+g');
  await expect(page.getByRole('img', { name: /^tmm0:i32\[0\]\[0\]: 21 places from 1 to 21/ })).toBeVisible();
  await page.getByRole('radio', { name: 'Row', exact: true }).click();

  await page.keyboard.press('Control+\\');
  const beside = page.getByTestId('beside');
  await expect(beside.getByTestId('beside-what')).toContainText('stop 16');
  await page.keyboard.press('Alt+ArrowRight');
  await expect(beside.getByTestId('beside-what')).toContainText('stop 17');
  await beside.getByRole('radio', { name: 'Registers' }).click();
  await expect(page.getByRole('tab', { name: 'Tiles' })).toHaveAttribute('aria-selected', 'true');
  await model.shoot('panes-beside');
});
