import { expect } from 'playwright/test';
import { test } from '../models/host.ts';
import { TilesWindow } from '../models/tiles-window.ts';

test.use({ machine: 'stories' });

test('[U23] the list of stops is thinned out by a filter, and goes where its lines are', async ({ open }) => {
  const page = await open();
  const model = new TilesWindow(page);
  await model.openModel(0);
  for (let step = 0; step < 20; step += 1) await model.step();
  await page.keyboard.press('Alt+s');
  const pane = page.locator('[data-pane="stops"]');
  const list = pane.getByRole('listbox');
  await expect(pane.getByRole('status')).toHaveText('21 stops');
  await expect(list.getByRole('option', { selected: true })).toHaveText(/^21 .*stepped|^21 /);
  await list.focus();
  await page.keyboard.press('Home');
  await expect(page.getByTestId('stepper-now')).toContainText('stop 1');
  await page.keyboard.press('ArrowDown');
  await expect(list.getByRole('option', { selected: true })).toHaveText(/^2 /);
  // Where tmm0 changed: loaded with zeros at first, then a product each pass.
  await pane.getByRole('searchbox').fill('tmm0');
  await expect(pane.getByRole('status')).toHaveText(/^\d of 21 stops$/);
  const shown = await list.getByRole('option').count();
  expect(shown).toBeGreaterThan(0);
  expect(shown).toBeLessThan(21);
  await page.keyboard.press('ArrowDown');
  await expect(list).toBeFocused();
  await page.keyboard.press('End');
  await expect(page.getByTestId('stepper-now')).not.toContainText('stop 2 ');
  await expect(list.getByRole('option', { selected: true })).toHaveCount(1);
  await page.keyboard.press('Alt+s');
  await expect(pane).toHaveCount(0);
});
